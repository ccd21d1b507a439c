//! The audit after the sale: the books against themselves, and against what the buyers were told.

use commerce_core::store::{Catalog, Coupons, Orders, Wallets};
use commerce_core::{OrderStatus, PageRequest, ProductQuery, Report, reconcile};

use super::shop::{Scene, price};
use super::{Failure, Plan, Tally};

/// What the audit looked at and found.
#[derive(Debug)]
pub struct Proof {
    /// The reconciliation: every counter against its ledger, every order against its history and messages.
    pub books: Report,
    /// What was expected and found, fact by fact.
    pub facts: Vec<Fact>,
}

/// One number that has to come out exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// What was counted.
    pub what: &'static str,
    /// What it has to be.
    pub expected: i64,
    /// What it is.
    pub found: i64,
}

impl Proof {
    /// Whether nothing is off.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.books.drifts.is_empty() && self.facts.iter().all(Fact::holds)
    }

    pub(super) async fn of(scene: &Scene, plan: Plan, tally: Tally) -> Result<Self, Failure> {
        let books = reconcile(&*scene.store).await?;
        let (sold, issued) = (plan.units.min(plan.buyers), plan.coupons.min(plan.buyers));
        let (orders, paid) = orders(scene).await?;
        let (_, copies) = scene.store.coupon(scene.coupon).await?.ok_or("the coupon is gone")?;
        let deposited = price()?.minor() * i64::from(plan.buyers);
        let fact = |what, expected: u32, found: u32| Fact { what, expected: expected.into(), found: found.into() };
        let facts = vec![
            fact("buyers who were sold a unit", sold, tally.sold),
            fact("buyers who heard \"sold out\"", plan.buyers - sold, tally.sold_out),
            fact("buyers who were given a coupon", issued, tally.coupons_issued),
            fact("buyers who heard \"all copies are out\"", plan.buyers - issued, tally.coupons_sold_out),
            fact("paid orders in the store", sold, orders),
            fact("units left in stock", plan.units - sold, on_hand(scene).await?),
            fact("copies of the coupon that are out", issued, copies),
            Fact { what: "money in all wallets, in won", expected: deposited - paid, found: balances(scene).await? },
        ];
        Ok(Self { books, facts })
    }
}

impl Fact {
    /// Whether the number came out.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// How many orders were paid, and what they cost together in minor units.
async fn orders(scene: &Scene) -> Result<(u32, i64), Failure> {
    let (mut count, mut paid) = (0, 0);
    for customer in &scene.customers {
        let page = scene.store.orders(*customer, Some(OrderStatus::Paid), PageRequest::first(10)).await?;
        count += u32::try_from(page.items.len())?;
        paid += page.items.iter().map(|order| order.total.minor()).sum::<i64>();
    }
    Ok((count, paid))
}

async fn on_hand(scene: &Scene) -> Result<u32, Failure> {
    let products = scene.store.products(&ProductQuery::default(), PageRequest::first(1)).await?;
    let id = products.items.first().ok_or("the product is gone")?.id;
    let listing = scene.store.product(id).await?.ok_or("the product is gone")?;
    let listed = listing.variants.iter().find(|listed| listed.variant.id == scene.variant);
    Ok(u32::try_from(listed.ok_or("the variant is gone")?.stock.on_hand)?)
}

/// What all customers' wallets hold together, in minor units.
async fn balances(scene: &Scene) -> Result<i64, Failure> {
    let mut sum = 0;
    for customer in &scene.customers {
        let wallets = scene.store.wallets(*customer).await?;
        sum += wallets.iter().map(|wallet| wallet.balance.minor()).sum::<i64>();
    }
    Ok(sum)
}
