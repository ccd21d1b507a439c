//! Idempotency keys on their way into statements, and which records a batch touches.

use commerce_core::store::Envelope;
use commerce_core::{
    Basket, BasketLines, Command, CouponCode, CouponRef, CustomerId, Fingerprint, KeyScope, Keys, Operation, OrderId,
    PlaceOrder, Records, SettleRefund, WorkingSet, keys,
};

use crate::load::Mode;

/// A command with what can be told of it before a transaction begins.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) envelope: Envelope,
    pub(crate) scope: KeyScope,
    pub(crate) fingerprint: Fingerprint,
}

impl Request {
    pub(crate) fn new(envelope: Envelope) -> Self {
        let (scope, fingerprint) = (envelope.scope(), Fingerprint::of(&envelope.command));
        Self { envelope, scope, fingerprint }
    }

    /// Whose cart the command orders.
    pub(crate) fn ordered_cart(&self) -> Option<CustomerId> {
        match &self.envelope.command {
            Command::PlaceOrder(PlaceOrder {
                customer_id, basket: Basket { lines: BasketLines::Cart(_), .. }, ..
            }) => Some(*customer_id),
            _ => None,
        }
    }

    /// The order whose refund the command settles, if what it gives back is not known yet.
    fn unknown_refund(&self, known: &WorkingSet) -> Option<OrderId> {
        let Command::SettleRefund(SettleRefund { order_id, refund_id, .. }) = self.envelope.command else {
            return None;
        };
        let is_known = known.refunds(order_id).iter().any(|refund| refund.id == refund_id);
        (!is_known).then_some(order_id)
    }

    /// The records that the command may touch, as far as `loaded` tells.
    pub(crate) fn touched(&self, loaded: &WorkingSet) -> Keys {
        keys(&self.envelope.command, loaded)
    }
}

/// Which keys are in use, in the order of the question.
pub(crate) const USED: &str = "select exists (select 1 from idempotency_keys i \
       where i.principal = w.principal and i.operation = w.operation and i.key = w.key) \
     from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w (principal, operation, key, place) \
     order by w.place";

/// Keys as columns.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    pub(crate) principals: Vec<String>,
    pub(crate) operations: Vec<&'static str>,
    pub(crate) keys: Vec<String>,
}

impl Scopes {
    pub(crate) fn of<'a>(scopes: impl Iterator<Item = &'a KeyScope>) -> Self {
        let mut columns = Self::default();
        for scope in scopes {
            columns.principals.push(scope.principal.to_string());
            columns.operations.push(scope.operation.as_str());
            columns.keys.push(scope.key.as_str().to_owned());
        }
        columns
    }
}

/// Every record that the batch may touch, as far as `loaded` tells.
pub(crate) fn touched(requests: &[&Request], loaded: &WorkingSet) -> Keys {
    let mut all = Keys::default();
    for request in requests {
        all.extend(request.touched(loaded));
    }
    all
}

/// What of `wanted` could lead to further records and is not known yet. What is in a cart that is ordered is never
/// known for long: it is looked at each time.
pub(crate) fn leads(requests: &[&Request], wanted: &Keys, known: &WorkingSet) -> Keys {
    Keys {
        carts: requests.iter().filter_map(|request| request.ordered_cart()).collect(),
        refunds: requests.iter().filter_map(|request| request.unknown_refund(known)).collect(),
        usernames: wanted.usernames.iter().filter(|name| known.customer_named(name).is_none()).cloned().collect(),
        variants: wanted.variants.iter().filter(|id| known.variant(**id).is_none()).copied().collect(),
        coupon_codes: wanted.coupon_codes.iter().filter(|code| is_unknown(code, known)).cloned().collect(),
        issued_coupons: wanted
            .issued_coupons
            .iter()
            .filter(|id| known.issued_coupon(**id).is_none())
            .copied()
            .collect(),
        orders: wanted.orders.iter().filter(|id| known.order(**id).is_none()).copied().collect(),
        charges: wanted.charges.iter().filter(|id| known.charge(**id).is_none()).copied().collect(),
        ..Keys::default()
    }
}

/// Whether a code is neither a coupon's own nor one that is good for one copy, as far as is known.
pub(crate) fn is_unknown(code: &CouponCode, known: &WorkingSet) -> bool {
    known.coupon_with_code(code).is_none() && known.single_use_code(code).is_none()
}

/// Whether the batch only places orders of given lines without coupons, and claims coupons: what a crowd does at one time
/// with a few records, and what is mostly new rows.
pub(crate) fn is_rush(requests: &[&Request]) -> bool {
    requests.iter().all(|request| is_rushed(&request.envelope.command))
}

/// Whether such a batch may have the command in it.
pub(crate) fn is_rushed(command: &Command) -> bool {
    match command {
        Command::PlaceOrder(PlaceOrder { basket, .. }) => {
            matches!(basket.lines, BasketLines::Given(_)) && basket.coupons.is_empty()
        }
        // A code may be good for one copy: whether it is free is for its own row to say.
        Command::IssueCoupon(c) => matches!(c.coupon, CouponRef::Id(_)),
        _ => false,
    }
}

/// How the batch locks the catalogue.
pub(crate) fn mode(requests: &[&Request]) -> Mode {
    let only_collects = |request: &&Request| {
        matches!(
            request.envelope.operation(),
            Operation::AddCartItem
                | Operation::UpdateCartItem
                | Operation::RemoveCartItem
                | Operation::ClearCart
                | Operation::MergeCart
        )
    };
    if requests.iter().all(only_collects) {
        return Mode::Collect;
    }
    let only_sells = |request: &&Request| match request.envelope.operation() {
        Operation::PlaceOrder
        | Operation::PayOrder
        | Operation::CancelOrder
        | Operation::ExpireOrder
        | Operation::ShipOrder
        | Operation::DeliverOrder
        | Operation::RefundOrder
        | Operation::SettleRefund
        | Operation::AddCodes
        | Operation::IssueCoupon
        | Operation::RevokeCoupon
        | Operation::ExpireIssuedCoupon
        | Operation::AddCartItem
        | Operation::UpdateCartItem
        | Operation::RemoveCartItem
        | Operation::ClearCart
        | Operation::MergeCart
        | Operation::AdjustStock
        | Operation::Deposit
        | Operation::AdjustWallet
        | Operation::RegisterCustomer
        | Operation::CreateCoupon
        | Operation::UpdateCoupon
        | Operation::StartCardPayment
        | Operation::RequestTopUp
        | Operation::SettleCharge => true,
        Operation::CreateProduct
        | Operation::UpdateProduct
        | Operation::AddVariant
        | Operation::ImportProducts
        | Operation::UpdateVariant => false,
    };
    if requests.iter().all(only_sells) { Mode::Sell } else { Mode::Catalog }
}
