//! Reconciliation: counters against their ledgers, ledgers row by row, states against their histories.
//!
//! A store gives the facts; what they must add up to is said here, once.

mod charges;
mod coupons;
mod drift;
mod ledgers;
mod movements;
mod orders;
mod refunds;
mod sales;
mod tell;

use std::pin::Pin;

use serde::{Deserialize, Serialize};

pub use drift::{Break, Drift, Lost, NamedBy};

use crate::sales::DailySales;
use crate::store::{
    CodeFacts, CouponFacts, HolderFacts, LedgerRow, NamedOrder, OrderFacts, PageRequest, StockFacts, Store, StoreError,
    TopUpFacts, WalletFacts,
};
use ledgers::Chain;
use sales::{Booked, Comparison, Sold};

/// What a reconciliation looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Stocks looked at.
    pub stocks: u64,
    /// Rows of the stock ledger looked at.
    pub stock_entries: u64,
    /// Wallets looked at.
    pub wallets: u64,
    /// Rows of the wallet ledger looked at.
    pub wallet_entries: u64,
    /// Coupons looked at.
    pub coupons: u64,
    /// Copies of coupons looked at.
    pub copies: u64,
    /// Codes looked at that are good for one copy.
    #[serde(default)]
    pub codes: u64,
    /// Orders looked at.
    pub orders: u64,
    /// Top-ups looked at.
    pub top_ups: u64,
    /// Sales looked at: of one product on one day each.
    pub sales: u64,
    /// Sales that could not be judged because the product was sold on that day meanwhile. A later reconciliation, when
    /// it rests or the day is over, judges them.
    pub unsettled_sales: u64,
    /// Everything that does not add up.
    pub drifts: Vec<Drift>,
}

/// Proves a store's books, or lists what does not add up, each with its ids:
///
/// * a stock is the sum of its ledger, a balance the sum of its entries: each row follows from the one before it,
///   without gaps, and the last one says what is stored;
/// * a row that names a stock, a wallet, a customer, an order or a top-up names one that is there;
/// * as many copies of a coupon are issued as there are, and no more than its cap; a customer has as many as are
///   counted, and no more than one may have; a copy is held or used just as one order's redemption says; a code that was
///   claimed with brought a copy of its coupon, to who claimed;
/// * an order's history replays to the order as it is, with one message a transition; its lines, discounts and
///   payment add up to its total, its redemptions are those of its coupons and status;
/// * an order moved each variant's stock by what its lines say, and back if it was cancelled; one paid from a wallet
///   took its total there, once; for one paid by card one charge was captured, of just that, and while it waits for a
///   gateway one charge does;
/// * refunds are no more than was paid, and as many as its history tells; what went into a wallet is there once, and
///   nothing else is; an order is refunded when all of its money is back;
/// * a top-up was credited once, with its amount, if its charge was captured, and not at all otherwise;
/// * a day's sales of a product are what was paid for on it.
///
/// Runs beside other work: what is compared is read from one moment, or (the sales) compared only where nothing moved
/// meanwhile. Reads everything once, in pages; keeps in memory the sales of each day and product.
pub async fn reconcile(store: &(impl Store + ?Sized)) -> Result<Report, StoreError> {
    let (mut report, mut drifts) = (Report::default(), Vec::new());

    let judge = |facts: StockFacts| drifts.extend(facts.drift());
    report.stocks = walk(|page| store.stock_facts(page), |facts| facts.stock.variant_id, judge).await?;
    let mut chain = Chain::default();
    let judge = |row: LedgerRow<_>| drifts.extend(chain.stock(&row));
    report.stock_entries = walk(|page| store.stock_ledger(page), |row| (row.of, row.sequence), judge).await?;

    let judge = |facts: WalletFacts| drifts.extend(facts.drift());
    report.wallets = walk(|page| store.wallet_facts(page), |facts| facts.wallet.id, judge).await?;
    let mut chain = Chain::default();
    let judge = |row: LedgerRow<_>| drifts.extend(chain.wallet(&row));
    report.wallet_entries = walk(|page| store.wallet_ledger(page), |row| (row.of, row.sequence), judge).await?;

    let judge = |facts: CouponFacts| drifts.extend(facts.drift());
    report.coupons = walk(|page| store.coupon_facts(page), |facts| facts.coupon_id, judge).await?;
    let judge = |facts: HolderFacts| {
        report.copies += facts.copies.len() as u64;
        drifts.extend(facts.drifts());
    };
    walk(|page| store.holder_facts(page), |facts| facts.customer_id, judge).await?;

    let judge = |facts: CodeFacts| drifts.extend(facts.drift());
    let key = |facts: &CodeFacts| (facts.code.coupon_id, facts.code.code.clone());
    report.codes = walk(|page| store.code_facts(page), key, judge).await?;

    let judge = |named: NamedOrder| drifts.extend(named.drift());
    walk(|page| store.named_orders(page), |named| named.order_id, judge).await?;
    let (orders, mut sales) = orders_and_sales(store, |facts| drifts.extend(facts.drifts())).await?;
    if !sales.drifts.is_empty() {
        let (_, second) = orders_and_sales(store, |_| ()).await?;
        sales = sales.confirmed_by(&second);
    }
    let judge = |facts: TopUpFacts| drifts.extend(facts.drift());
    report.top_ups = walk(|page| store.top_up_facts(page), |facts| facts.top_up.id, judge).await?;
    (report.orders, report.sales, report.unsettled_sales) = (orders, sales.compared, sales.unsettled);
    drifts.extend(sales.drifts.into_values());
    Ok(Report { drifts, ..report })
}

/// Reads the orders between two readings of the booked sales.
async fn orders_and_sales(
    store: &(impl Store + ?Sized),
    mut judge: impl FnMut(&OrderFacts),
) -> Result<(u64, Comparison), StoreError> {
    let (mut before, mut sold, mut after) = (Booked::default(), Sold::new(store.shop().time_zone), Booked::default());
    let day = |day: &DailySales| (day.date, day.product_id);
    walk(|page| store.sales_facts(page), day, |day| before.read(&day)).await?;
    let orders = |facts: OrderFacts| {
        sold.read(&facts);
        judge(&facts);
    };
    let orders = walk(|page| store.order_facts(page), |facts| facts.order.id, orders).await?;
    walk(|page| store.sales_facts(page), day, |day| after.read(&day)).await?;
    Ok((orders, Comparison::of(&before, &sold, &after)))
}

/// A page of facts on its way.
type Reading<'a, F> = Pin<Box<dyn Future<Output = Result<Vec<F>, StoreError>> + Send + 'a>>;

/// Reads facts page by page to the end, hands each to `judge`, and counts them.
async fn walk<'a, F, K: Clone>(
    read: impl Fn(PageRequest<K>) -> Reading<'a, F>,
    key: impl Fn(&F) -> K,
    mut judge: impl FnMut(F),
) -> Result<u64, StoreError> {
    let (mut after, mut count) = (None, 0);
    loop {
        let facts = read(PageRequest { after, limit: PageRequest::<K>::MAX_LIMIT }).await?;
        let Some(last) = facts.last() else { return Ok(count) };
        after = Some(key(last));
        count += facts.len() as u64;
        facts.into_iter().for_each(&mut judge);
    }
}
