//! Every "no", reached through the store, to the number, and without a trace.

use std::collections::BTreeSet;

use super::{Snapshot, World, refusals};
use crate::rejection::Rejection;

macro_rules! kinds {
    ($($kind:ident)+) => {
        /// Every kind of rejection. Exhaustive: a new one does not compile before it is listed here, and fails
        /// the suite before [`refusals::refused`] reaches it.
        const KINDS: &[&str] = &[$(stringify!($kind),)+];

        fn kind(rejection: &Rejection) -> &'static str {
            match rejection { $(Rejection::$kind { .. } => stringify!($kind),)+ }
        }
    };
}

kinds! {
    NoLines TooManyLines QuantityOutOfRange Amount AmountNotPositive NegativePrice EmptyWindow TooFewIds IdTaken
    TooManyToImport ImportRefused TooManyPriceRules PriceTiersUnordered ScheduledPricesOverlap
    TooManyCoupons CouponGivenTwice NothingToChange Forbidden IdempotencyKeyReused CustomerNotFound ProductNotFound VariantNotFound CouponNotFound
    CouponCodeNotFound IssuedCouponNotFound CartItemNotFound OrderNotFound AlreadyRegistered UsernameTaken SkuTaken CouponCodeTaken CouponCodeUsed
    VersionMismatch ProductNotOnSale VariantInactive OutOfStock StockOutOfRange CouponNeedsCode CouponInactive CouponNotStarted
    CouponEnded CouponSoldOut CouponAlreadyClaimed CouponNotAvailable CouponExpired CouponNotExpired CouponOutOfScope
    CouponTakesNothingOff
    BelowMinimum CouponsNotCombinable InsufficientBalance InvalidTransition OrderExpired OrderNotExpired PaymentMethodNotOffered
    OrderLineNotFound RefundTooLarge RefundDestinationNotOffered WalletFull PaymentInProgress ChargeNotFound RefundNotFound
    GatewayAmountMismatch GatewayCustomerMismatch GatewayTransactionMismatch GatewayTransactionTaken
}

pub(super) async fn every_rejection_is_reached(world: World) {
    let mut reached = BTreeSet::new();
    for (envelope, rejection) in refusals::refused(&world).await {
        let heard = world.try_send(envelope.clone()).await;
        assert_eq!(heard.as_ref(), Err(&rejection), "what {:?} heard", envelope.command);
        reached.insert(kind(&rejection));
    }
    let missing: Vec<_> = KINDS.iter().filter(|kind| !reached.contains(*kind)).collect();
    assert!(missing.is_empty(), "the suite reaches no {missing:?}; add requests that do");
}

pub(super) async fn a_rejection_leaves_no_trace(world: World) {
    let refused = refusals::refused(&world).await;
    let today = world.now().date_in(world.store().shop().time_zone);
    let before = Snapshot::of(world.store(), &[today]).await;
    for (envelope, _) in refused {
        let heard = world.try_send(envelope.clone()).await;
        assert!(heard.is_err(), "{:?} was to be refused, and heard {heard:?}", envelope.command);
        let after = Snapshot::of(world.store(), &[today]).await;
        let changed = before.difference(&after);
        assert_eq!(changed, None, "a rejected {:?} changed the store", envelope.command);
    }
}
