//! Names that only one can have, and versions that only one can follow.

use super::{World, krw, operator, split};
use crate::command::{AddVariant, RegisterCustomer, UpdateProduct};
use crate::ids::{IdBlock, NodeId};
use crate::principal::Principal;
use crate::product_query::ProductQuery;
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::{CouponCode, Name, Username};

use super::world::sound;

const TASKS: usize = 32;

pub(super) async fn a_username_has_one_owner(world: World) {
    let username = Username::new("popular").expect("a username");
    let register = |world: World, n: usize| {
        let name = Name::new(format!("Kim {n}")).expect("a name");
        let register = RegisterCustomer { customer_id: None, username: username.clone(), name };
        async move { world.try_run(&operator(), register).await }
    };
    let (won, lost) = split(world.race(TASKS, register).await);
    let there = sound(world.store().customers(PageRequest::first(100)).await).items;
    assert_eq!((won.len(), there.len()), (1, 1), "registrations answered, and customers there");
    assert_eq!(lost, vec![Rejection::UsernameTaken { username }; TASKS - 1], "what the losers heard");
}

pub(super) async fn a_customer_registers_once(world: World) {
    let id = IdBlock::new(1 << 20, 1, NodeId::default()).take().expect("an id");
    let register = |world: World, n: usize| {
        let username = Username::new(format!("name-{n}")).expect("a username");
        let register = RegisterCustomer { customer_id: Some(id), username, name: Name::new("Kim").expect("a name") };
        async move { world.try_run(&Principal::Customer(id), register).await }
    };
    let (won, lost) = split(world.race(TASKS, register).await);
    let there = sound(world.store().customers(PageRequest::first(100)).await).items;
    assert_eq!((won.len(), there), (1, won), "registrations answered, and customers there");
    assert_eq!(lost, vec![Rejection::AlreadyRegistered { customer: id }; TASKS - 1], "what the losers heard");
}

pub(super) async fn a_sku_has_one_variant(world: World) {
    let product_id = world.product(1_000, &[1]).await.product.id;
    let sku = world.sku();
    let list = |world: World, n: usize| {
        let sku = sku.clone();
        async move {
            if n.is_multiple_of(2) {
                let mut product = world.new_product(1_000, &[1, 1]);
                product.variants[1].sku = sku;
                return world.try_run(&operator(), product).await.map(drop);
            }
            let mut variant = world.new_variant(1);
            variant.sku = sku;
            world.try_run(&operator(), AddVariant { product_id, variant }).await.map(drop)
        }
    };
    let (won, lost) = split(world.race(TASKS, list).await);
    assert_eq!(won.len(), 1, "variants answered");
    assert_eq!(lost, vec![Rejection::SkuTaken { sku: sku.clone() }; TASKS - 1], "what the losers heard");
    let mut with_sku = 0;
    for product in sound(world.store().products(&ProductQuery::default(), PageRequest::first(100)).await).items {
        let listing = sound(world.store().product(product.id).await).expect("the product is there");
        with_sku += listing.variants.iter().filter(|listed| listed.variant.sku == sku).count();
    }
    assert_eq!(with_sku, 1, "variants there with the SKU");
}

pub(super) async fn a_code_has_one_coupon(world: World) {
    let code = CouponCode::new("WELCOME").expect("a code");
    let create = |world: World, _| {
        let coupon = crate::command::CreateCoupon { code: Some(code.clone()), ..world.new_coupon() };
        async move { world.try_run(&operator(), coupon).await }
    };
    let (won, lost) = split(world.race(TASKS, create).await);
    let there = sound(world.store().coupons(PageRequest::first(100)).await).items;
    assert_eq!((won.len(), there.len()), (1, 1), "coupons answered, and coupons there");
    assert_eq!(lost, vec![Rejection::CouponCodeTaken { coupon_code: code }; TASKS - 1], "what the losers heard");
}

pub(super) async fn a_version_is_followed_once(world: World) {
    let product_id = world.product(1_000, &[1]).await.product.id;
    for version in 1..4 {
        let update = |world: World, n: usize| async move {
            let price = krw(2_000 + i64::try_from(n).expect("a small number"));
            let (expected_version, base_price) = (Some(version), Some(price));
            let update = UpdateProduct { product_id, expected_version, name: None, base_price, status: None };
            world.try_run(&operator(), update).await
        };
        let (won, lost) = split(world.race(TASKS, update).await);
        let there = sound(world.store().product(product_id).await).expect("the product is there").product;
        assert_eq!(won, vec![there], "updates of version {version}, and the product afterwards");
        let expected = Rejection::VersionMismatch { expected: version, actual: version + 1 };
        assert_eq!(lost, vec![expected; TASKS - 1], "what the losers heard");
    }
}
