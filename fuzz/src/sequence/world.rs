//! The store that a sequence is played on, and what the sequence knows of it.

use std::collections::BTreeMap;
use std::num::NonZeroI64;
use std::sync::Arc;

use arbitrary::Arbitrary;
use commerce_core::decide::decide;
use commerce_core::{
    ChargeId, Clock, Command, Context, CouponCode, CouponId, CouponScope, CreateCoupon, CreateProduct, Currency,
    CustomerId, Deposit, Discount, Envelope, Error, Id, IdBlock, IdGenerator, IdempotencyKey, IssuedCouponId, KeyScope,
    Keys, ManualClock, Money, Name, NewVariant, NodeId, OrderId, Outcome, Percent, Principal, ProductId, ProductStatus,
    Receipt, RefundId, RegisterCustomer, Rejection, Shop, Sku, Stacking, Store, Timestamp, Username, VariantId, Window,
    WorkingSet, keys,
};
use commerce_store_memory::MemoryStore;
use rust_decimal::Decimal;

use super::answer;
use super::books::Books;

/// When every sequence begins.
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Points at a record: mostly at one that is there, and now and then at none, or at one of another kind.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) struct Pick(pub(super) u8);

/// A store with a few things in it, and the books of what was done there.
pub(super) struct World {
    pub(super) store: MemoryStore,
    pub(super) clock: Arc<ManualClock>,
    pub(super) books: Books,
    /// Every envelope that was carried out, with its outcome, by the scope of its key.
    pub(super) kept: BTreeMap<KeyScope, (Envelope, Outcome)>,
    generator: IdGenerator,
    fresh_keys: u64,
}

/// What came of an envelope.
pub(super) struct Played {
    pub(super) envelope: Envelope,
    pub(super) answer: Result<Receipt, Error>,
    /// What deciding on just the records that `keys` names comes to.
    pub(super) decided: Result<Outcome, Rejection>,
    /// The envelope that had been carried out under the same key, and its outcome.
    pub(super) earlier: Option<(Envelope, Outcome)>,
}

impl World {
    /// Two customers with money, a product of two variants, and two coupons: enough for anything to happen soon.
    pub(super) fn furnished() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let mut world = Self {
            store: MemoryStore::with_clock(Shop::default(), clock.clone()),
            clock,
            books: Books::default(),
            kept: BTreeMap::new(),
            generator: IdGenerator::new(NodeId::default()),
            fresh_keys: 0,
        };
        let krw = |minor| Money::new(minor, Currency::KRW).expect("within the bound");
        for name in ["ann", "bob"] {
            let username = Username::new(name).expect("a username");
            let name = Name::new(name).expect("a name");
            world.furnish(RegisterCustomer { customer_id: None, username, name }.into());
            let customer_id = *world.books.customers.last().expect("registered just now");
            world.furnish(Deposit { customer_id, amount: krw(100_000), memo: None }.into());
        }
        let form = |sku, stock| NewVariant {
            sku: Sku::new(sku).expect("a SKU"),
            option_name: None,
            additional_price: krw(333),
            stock,
        };
        world.furnish(
            CreateProduct {
                name: Name::new("Shirt").expect("a name"),
                description: None,
                base_price: krw(7_000),
                status: ProductStatus::OnSale,
                variants: vec![form("RARE", 2), form("COMMON", 1_000)],
            }
            .into(),
        );
        let campaign = |code, discount| CreateCoupon {
            code: Some(CouponCode::new(code).expect("a code")),
            name: Name::new("A campaign").expect("a name"),
            discount,
            scope: CouponScope::Order,
            stacking: Stacking::Stackable,
            priority: 0,
            by_code: false,
            min_subtotal: None,
            total_quantity: Some(3),
            per_customer_limit: 2,
            window: Window { from: START, until: None },
            active: true,
        };
        let rate = Percent::new(Decimal::new(125, 1)).expect("a percentage");
        world.furnish(campaign("CODE-0", Discount::Percent { rate, cap: None }).into());
        world.furnish(campaign("CODE-1", Discount::Amount(krw(50_000))).into());
        world
    }

    fn furnish(&mut self, command: Command) {
        let (key, ids) = (self.fresh_key(), self.ids(command.ids_needed()));
        let played = self.play(Envelope { principal: Principal::System, key, command, ids });
        assert!(played.answer.is_ok(), "{:?}", played.answer);
    }

    /// Sends an envelope, and keeps the books.
    pub(super) fn play(&mut self, envelope: Envelope) -> Played {
        let decided = self.decided(&envelope);
        let earlier = self.kept.get(&envelope.scope()).cloned();
        let answer = answer(self.store.execute(envelope.clone()));
        if let Ok(receipt) = &answer
            && !receipt.replayed
        {
            self.books.record(&envelope.command, &receipt.outcome, self.now());
            self.kept.insert(envelope.scope(), (envelope.clone(), receipt.outcome.clone()));
        }
        Played { envelope, answer, decided, earlier }
    }

    /// The records that deciding `command` needs, loaded the way a store does that loads before it decides.
    pub(super) fn loaded(&self, wanted: impl Fn(&WorkingSet) -> Keys) -> WorkingSet {
        let mut asked = Keys::default();
        let mut records = WorkingSet::default();
        loop {
            let more = wanted(&records);
            if more.without(&asked).is_empty() {
                return records;
            }
            asked.extend(more);
            records = answer(self.store.load(&asked)).expect("the store in memory answers");
        }
    }

    fn decided(&self, envelope: &Envelope) -> Result<Outcome, Rejection> {
        let records = self.loaded(|records| keys(&envelope.command, records));
        let context = Context { now: self.now(), ids: envelope.ids, shop: self.store.shop() };
        decide(&records, &envelope.principal, &envelope.command, &context).map(|decision| decision.outcome)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn ids(&self, count: u32) -> IdBlock {
        self.generator.reserve(self.now(), count)
    }

    pub(super) fn fresh_key(&mut self) -> IdempotencyKey {
        self.fresh_keys += 1;
        IdempotencyKey::new(format!("fresh-{}", self.fresh_keys)).expect("a key")
    }

    pub(super) fn customer(&self, pick: Pick) -> CustomerId {
        pick.of(&self.books.customers)
    }

    pub(super) fn product(&self, pick: Pick) -> ProductId {
        pick.of(&self.books.products)
    }

    pub(super) fn variant(&self, pick: Pick) -> VariantId {
        pick.of(&self.books.variants)
    }

    pub(super) fn coupon(&self, pick: Pick) -> CouponId {
        pick.of(&self.books.coupons)
    }

    pub(super) fn copy(&self, pick: Pick) -> IssuedCouponId {
        pick.of(&self.books.copies)
    }

    pub(super) fn own_copy(&self, customer: CustomerId, pick: Pick) -> IssuedCouponId {
        pick.of(self.books.copies_of.get(&customer).map_or(&[], Vec::as_slice))
    }

    pub(super) fn charge(&self, pick: Pick) -> ChargeId {
        pick.of(&self.books.cards.ids)
    }

    /// A refund through the gateway; now and then one of another order.
    pub(super) fn refund(&self, pick: Pick) -> (OrderId, RefundId) {
        let ids: Vec<RefundId> = self.books.refund_ids.iter().map(|(_, refund)| *refund).collect();
        let refund = pick.of(&ids);
        let known = self.books.refund_ids.iter().find(|(_, known)| *known == refund);
        (known.map_or_else(|| self.order(pick), |(order, _)| *order), refund)
    }

    pub(super) fn order(&self, pick: Pick) -> OrderId {
        pick.of(&self.books.order_ids)
    }
}

impl Pick {
    fn of<I: Id>(self, known: &[I]) -> I {
        let raw = match self.0 {
            250 => i64::MAX,
            251 => 1,
            252 => known.last().map_or(2, |id| id.get().saturating_add(1)),
            253 => known.first().map_or(3, |id| id.get() ^ 1),
            n => match known.len() {
                0 => 4,
                len => known[usize::from(n) % len].get(),
            },
        };
        I::from_raw(NonZeroI64::new(raw).unwrap_or(NonZeroI64::MAX))
    }
}
