//! A store around the memory store that decides and writes by its own means, and so can do it wrong.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::decide::{decide, fresh_keys};
use commerce_core::{
    Cart, CartItem, Changes, ChargeStatus, ClaimedMessage, CodeClaim, Command, Context, CouponRef, Decision, Envelope,
    Error, Fingerprint, KeyRecord, KeyScope, Keys, Money, Operation, OrderStatus, OutboxMessage, PaymentStatus,
    Principal, Receipt, Records, RefundDestination, RefundStatus, Rejection, Shop, SingleUseCode, Stock, StockEntry,
    StockReason, Store, StoreError, TimeZone, Timestamp, TopUpStatus, Variant, VariantId, WorkingSet, keys,
};
use commerce_store_memory::MemoryStore;
use tokio::sync::OwnedMutexGuard;

use crate::fault::Fault;

/// The broken store. Commands take turns, as they should, unless the fault says otherwise.
pub(crate) struct Broken {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) fault: Fault,
    turn: Arc<tokio::sync::Mutex<()>>,
    pub(crate) keys: Mutex<HashMap<KeyScope, KeyRecord>>,
    refused: Mutex<Vec<KeyScope>>,
    variants: Mutex<HashMap<VariantId, Arc<tokio::sync::Mutex<()>>>>,
    /// Messages beside those of the store inside.
    pub(crate) extra: Mutex<Vec<OutboxMessage>>,
    /// Messages in somebody's hands.
    pub(crate) claimed: Mutex<Vec<ClaimedMessage>>,
    /// The cart that changed last.
    pub(crate) last_cart: Mutex<Option<Arc<Cart>>>,
    /// How often webhooks were to be changed.
    pub(crate) webhook_changes: AtomicU64,
    /// How many items of a list came before a cursor.
    pub(crate) offsets: Mutex<HashMap<i64, usize>>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets everybody else go first.
pub(crate) async fn pause() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

impl Broken {
    pub(crate) fn new(inner: MemoryStore, fault: Fault) -> Self {
        Self {
            inner: Arc::new(inner),
            fault,
            turn: Arc::default(),
            keys: Mutex::default(),
            refused: Mutex::default(),
            variants: Mutex::default(),
            extra: Mutex::default(),
            claimed: Mutex::default(),
            last_cart: Mutex::default(),
            webhook_changes: AtomicU64::default(),
            offsets: Mutex::default(),
        }
    }

    pub(crate) fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// What a command holds while it runs.
    async fn turn(&self, command: &Command) -> Vec<OwnedMutexGuard<()>> {
        match (self.fault, command) {
            (Fault::StaleDecision, _) => Vec::new(),
            (Fault::LocksInLineOrder, Command::PlaceOrder(order)) => {
                let mut held: Vec<OwnedMutexGuard<()>> = Vec::new();
                for line in order.basket.lines.given() {
                    let lock = Arc::clone(locked(&self.variants).entry(line.variant_id).or_default());
                    held.push(lock.lock_owned().await);
                    pause().await;
                }
                held
            }
            _ => vec![Arc::clone(&self.turn).lock_owned().await],
        }
    }

    fn scope(&self, envelope: &Envelope) -> KeyScope {
        let scope = envelope.scope();
        match self.fault {
            Fault::SharesKeysAmongPrincipals => KeyScope { principal: Principal::System, ..scope },
            Fault::SharesKeysAmongOperations => KeyScope { operation: Operation::Deposit, ..scope },
            _ => scope,
        }
    }

    async fn known(&self, scope: &KeyScope, fingerprint: Fingerprint) -> Option<Result<Receipt, Error>> {
        if locked(&self.refused).contains(scope) {
            return Some(Err(Rejection::IdempotencyKeyReused { key: scope.key.clone() }.into()));
        }
        let record = locked(&self.keys).get(scope).cloned()?;
        let fingerprint = if self.is(Fault::IgnoresFingerprints) { record.fingerprint } else { fingerprint };
        let mut outcome = match record.replay(scope, fingerprint) {
            Ok(outcome) => outcome,
            Err(rejection) => return Some(Err(rejection.into())),
        };
        if self.is(Fault::ReplaysThePresent)
            && let commerce_core::Outcome::Order(order) = &mut outcome
        {
            let now = commerce_core::store::Orders::order(&*self.inner, order.id).await;
            *order = now.ok().flatten().unwrap_or_else(|| Arc::clone(order));
        }
        Some(Ok(Receipt { outcome, replayed: true }))
    }

    async fn loaded(&self, envelope: &Envelope) -> Result<WorkingSet, StoreError> {
        let (mut asked, mut records) = (Keys::default(), WorkingSet::default());
        loop {
            let mut wanted = keys(&envelope.command, &records);
            if !self.is(Fault::OverwritesTakenIds) {
                wanted.extend(fresh_keys(&envelope.command, envelope.ids));
            }
            if wanted.without(&asked).is_empty() {
                return Ok(records);
            }
            asked.extend(wanted);
            records = self.inner.load(&asked).await?;
        }
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        let now = self.inner.now().await?;
        Ok(if self.is(Fault::FastClock) { now.plus(Duration::from_micros(1)) } else { now })
    }

    /// What is left behind by a refused command.
    fn refuse(&self, envelope: &Envelope, records: &WorkingSet, now: Timestamp, rejection: Rejection) -> Error {
        match (self.fault, &rejection, &envelope.command) {
            (Fault::KeepsRefusedKeys, ..) => locked(&self.refused).push(envelope.scope()),
            (Fault::HalfAppliedRejection, Rejection::InsufficientBalance { .. }, Command::PlaceOrder(order)) => {
                let units_taken = |changes| drop(self.inner.write_undecided(changes));
                let lines = order.basket.lines.given().iter();
                lines.filter_map(|line| taken(records, line.variant_id, now)).for_each(units_taken);
            }
            (Fault::EmptiesRefusedCarts, Rejection::InsufficientBalance { .. }, Command::PlaceOrder(order)) => {
                let emptied = records.cart(order.customer_id).cloned().map(|cart| Cart { items: vec![], ..cart });
                let changes = Changes { carts: emptied.into_iter().map(Arc::new).collect(), ..Changes::default() };
                drop(self.inner.write_undecided(changes));
            }
            (Fault::CountsRefusedCopies, Rejection::CouponAlreadyClaimed { coupon, .. }, _) => {
                let mut counter = records.issuance(*coupon);
                counter.iter_mut().for_each(|counter| counter.issued += 1);
                let changes = Changes { issuances: counter.into_iter().collect(), ..Changes::default() };
                drop(self.inner.write_undecided(changes));
            }
            (Fault::UsesRefusedCodes, Rejection::CouponSoldOut { .. }, Command::IssueCoupon(claim)) => {
                let CouponRef::Code(code) = &claim.coupon else { return rejection.into() };
                let (customer_id, claimed_at) = (claim.customer_id, now);
                let issued_coupon_id = 1.try_into().expect("an id");
                let claim = Some(CodeClaim { customer_id, issued_coupon_id, claimed_at });
                let used = records.single_use_code(code).cloned().map(|code| Arc::new(SingleUseCode { claim, ..code }));
                drop(self.inner.write_undecided(Changes { codes: used.into_iter().collect(), ..Changes::default() }));
            }
            (Fault::RoundsRejections, Rejection::OutOfStock { variant, sku, requested, .. }, _) => {
                let (variant, sku, requested) = (*variant, sku.clone(), *requested);
                return Rejection::OutOfStock { variant, sku, requested, available: 0 }.into();
            }
            _ => {}
        }
        rejection.into()
    }

    /// What becomes of changes on their way to the tables.
    fn tamper(&self, changes: &mut Changes) {
        let cancels = changes.orders.iter().any(|order| order.status == OrderStatus::Cancelled);
        match self.fault {
            Fault::HalfApplied => {
                changes.payments.clear();
                changes.wallets.retain(|_| changes.orders.is_empty());
                changes.wallet_entries.retain(|_| changes.orders.is_empty());
            }
            Fault::KeepsCancelledUnits if cancels => {
                changes.stocks.clear();
                changes.stock_entries.clear();
            }
            Fault::ForgetsRefunds => changes.refunds.clear(),
            Fault::ForgetsRefundWords => changes.refunds.retain(|refund| {
                refund.destination == RefundDestination::Wallet || refund.status == RefundStatus::Pending
            }),
            Fault::ForgetsRedemptions => changes.redemptions.clear(),
            Fault::ForgetsStockEntries => changes.stock_entries.clear(),
            Fault::ForgetsWalletEntries => changes.wallet_entries.clear(),
            Fault::ForgetsReports => {
                changes.charges.retain(|charge| charge.status == ChargeStatus::Initiated);
                changes.top_ups.retain(|top_up| top_up.status == TopUpStatus::Pending);
                changes.payments.retain(|payment| payment.status != PaymentStatus::Failed);
            }
            Fault::ForgetsCancelRequests => {
                changes.payments.iter_mut().for_each(|payment| Arc::make_mut(payment).cancel_request = None);
            }
            Fault::ForgetsStarts => changes.orders.retain(|order| order.status != OrderStatus::Processing),
            Fault::ForgetsHistory => changes.order_events.clear(),
            Fault::ForgetsIssued => changes.issuances.clear(),
            Fault::ForgetsCopies => changes.copies.clear(),
            Fault::HalfImports => half_import(changes),
            Fault::ForgetsPriceRules => changes.variants.iter_mut().for_each(forget_price_rules),
            Fault::ForgetsByCode => {
                changes.coupons.iter_mut().for_each(|coupon| Arc::make_mut(coupon).by_code = false);
            }
            Fault::ForgetsUsedCodes => changes.codes.retain(|code| code.claim.is_none()),
            Fault::ForgetsRevocations => changes.issued_coupons.iter_mut().for_each(|copy| copy.revocation = None),
            Fault::ForgetsCouponChanges => changes.coupons.retain(|coupon| coupon.version == 1),
            Fault::KeepsOrderedItems if !changes.orders.is_empty() => changes.carts.clear(),
            Fault::ForgetsSavedPrices => changes.carts.iter_mut().for_each(forget_prices),
            Fault::MixesCartsUp => {
                if let Some(cart) = changes.carts.last() {
                    *locked(&self.last_cart) = Some(Arc::clone(cart));
                }
            }
            Fault::ForgetsSales => changes.sales.truncate(1),
            Fault::SkipsMessages if cancels => changes.messages.clear(),
            Fault::DoublesMessages | Fault::IgnoresSequence => {
                let beside =
                    changes.messages.iter().filter(|message| self.beside(message)).map(|message| self.copy(message));
                locked(&self.extra).extend(beside);
            }
            _ => {}
        }
    }

    fn beside(&self, message: &OutboxMessage) -> bool {
        self.is(Fault::DoublesMessages) || message.event.sequence() > 1
    }

    fn copy(&self, message: &OutboxMessage) -> OutboxMessage {
        if self.is(Fault::IgnoresSequence) {
            return message.clone();
        }
        // Far beyond any id that a test gets to.
        let id = (message.id.get() ^ (1 << 61)).try_into().expect("another id");
        OutboxMessage { id, event: message.event.clone() }
    }

    async fn write(&self, changes: Changes) -> Result<(), StoreError> {
        if self.is(Fault::TwoCommits) && !changes.orders.is_empty() {
            self.inner.write_undecided(Changes { orders: changes.orders.clone(), ..Changes::default() })?;
            for _ in 0..16 {
                pause().await;
            }
        }
        if self.is(Fault::AnswersEarly) && (!changes.orders.is_empty() || !changes.wallets.is_empty()) {
            let inner = Arc::clone(&self.inner);
            tokio::spawn(async move {
                pause().await;
                inner.write_undecided(changes)
            });
            return Ok(());
        }
        self.inner.write_undecided(changes)
    }

    pub(crate) async fn carry_out(&self, envelope: Envelope) -> Result<Receipt, Error> {
        let (scope, fingerprint) = (self.scope(&envelope), Fingerprint::of(&envelope.command));
        let early = self.is(Fault::LooksKeysUpEarly);
        if early {
            if let Some(answer) = self.known(&scope, fingerprint).await {
                return answer;
            }
            pause().await;
        }
        let _turn = self.turn(&envelope.command).await;
        if !early && let Some(answer) = self.known(&scope, fingerprint).await {
            return answer;
        }
        let records = self.loaded(&envelope).await?;
        if self.is(Fault::StaleDecision) {
            pause().await;
        }
        let mut shop = *self.inner.shop();
        if self.is(Fault::DaysInUtc) {
            shop.time_zone = TimeZone::UTC;
        }
        let context = Context { now: self.now().await?, ids: envelope.ids, shop: &shop };
        let decided = decide(&records, &envelope.principal, &envelope.command, &context);
        let Decision { mut changes, outcome } =
            decided.map_err(|rejection| self.refuse(&envelope, &records, context.now, rejection))?;
        self.tamper(&mut changes);
        self.write(changes).await?;
        if !self.is(Fault::ForgetsKeys) {
            let record = KeyRecord { fingerprint, outcome: outcome.clone(), created_at: context.now };
            locked(&self.keys).insert(scope, record);
        }
        Ok(Receipt { outcome, replayed: false })
    }
}

fn forget_prices(cart: &mut Arc<Cart>) {
    let nothing = |item: &CartItem| CartItem { saved_price: Money::zero(item.saved_price.currency()), ..*item };
    let items = cart.items.iter().map(nothing).collect();
    *cart = Arc::new(Cart { items, ..Cart::clone(cart) });
}

/// One unit gone, and the books kept: only a look at the whole store shows it.
fn taken(records: &WorkingSet, variant_id: VariantId, now: Timestamp) -> Option<Changes> {
    let stock = records.stock(variant_id).filter(|stock| stock.on_hand > 0)?;
    let stock = Stock { on_hand: stock.on_hand - 1, version: stock.version + 1, ..stock };
    let entry = StockEntry {
        variant_id,
        sequence: stock.version,
        delta: -1,
        on_hand_after: stock.on_hand,
        reason: StockReason::Order,
        order_id: None,
        actor: Principal::System,
        note: None,
        created_at: now,
    };
    Some(Changes { stocks: vec![stock], stock_entries: vec![entry], ..Changes::default() })
}

/// For ever, or near enough.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(3_600 * 24 * 365);

#[async_trait]
impl Store for Broken {
    async fn execute(&self, envelope: Envelope) -> Result<Receipt, Error> {
        self.carry_out(envelope).await
    }
    async fn load(&self, keys: &Keys) -> Result<WorkingSet, StoreError> {
        self.inner.load(keys).await
    }
    async fn used(&self, scopes: &[KeyScope]) -> Result<Vec<bool>, StoreError> {
        if self.is(Fault::TakesKeysForFree) {
            return Ok(vec![false; scopes.len()]);
        }
        let keys = locked(&self.keys);
        Ok(scopes.iter().map(|scope| keys.contains_key(scope)).collect())
    }
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Self::now(self).await
    }
    fn shop(&self) -> &Shop {
        self.inner.shop()
    }
}

/// Several products come only with an import.
fn half_import(changes: &mut Changes) {
    let Some(first) = changes.products.first().map(|product| product.id).filter(|_| changes.products.len() > 1) else {
        return;
    };
    changes.products.truncate(1);
    changes.variants.retain(|variant| variant.product_id == first);
    let kept: Vec<VariantId> = changes.variants.iter().map(|variant| variant.id).collect();
    changes.stocks.retain(|stock| kept.contains(&stock.variant_id));
    changes.stock_entries.retain(|entry| kept.contains(&entry.variant_id));
}

fn forget_price_rules(variant: &mut Arc<Variant>) {
    Arc::make_mut(variant).price_rules = None;
}
