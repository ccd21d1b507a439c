//! Requests that break every rule, each with the refusal that it is to hear, to the number.

use std::time::Duration;

use rust_decimal::Decimal;

use super::script::correction;
use super::{World, basket, cart_basket, imports, krw, operator, prices};
use crate::catalog::ProductStatus;
use crate::charge::ChargeReport;
use crate::command::{
    AddCartItem, AddCodes, AddVariant, AdjustStock, CancelOrder, ClearCart, Command, CouponRef, CreateCoupon,
    DeliverOrder, Deposit, ExpireIssuedCoupon, ExpireOrder, IssueCoupon, MergeCart, PayOrder, PlaceOrder, Quantity,
    RefundLineRequest, RefundOrder, RegisterCustomer, RemoveCartItem, RequestTopUp, RevokeCoupon, SettleCharge,
    SettleRefund, ShipOrder, StartCardPayment, UpdateCartItem, UpdateCoupon, UpdateProduct, UpdateVariant,
};
use crate::coupon::{CouponScope, Discount, IssuedCouponStatus, MAX_CODES, MAX_COUPONS, MAX_SCOPE, Stacking};
use crate::gateway::{GatewayPayment, GatewayStatus};
use crate::ids::{CouponId, CustomerId, Id, IdBlock, NodeId, OrderId, ProductId, VariantId};
use crate::inventory::{MAX_QUANTITY, MAX_STOCK};
use crate::money::{Currency, MAX_MINOR, Money, MoneyError, Percent};
use crate::operation::Operation;
use crate::order::{MAX_LINES, OrderStatus};
use crate::payment::PaymentMethod;
use crate::principal::Principal;
use crate::refund::{RefundDestination, RefundReport};
use crate::rejection::Rejection;
use crate::store::Envelope;
use crate::text::{CouponCode, Name, Username};
use crate::time::Window;

/// An id that nothing has.
fn unused<I: Id>() -> I {
    IdBlock::new(7, 1, NodeId::default()).take().expect("an id")
}

/// Requests to be refused, each with its refusal to the number.
#[derive(Default)]
struct Refused(Vec<(Envelope, Rejection)>);

impl Refused {
    fn add(&mut self, world: &World, principal: &Principal, command: impl Into<Command>, rejection: Rejection) {
        self.0.push((world.envelope(principal, command), rejection));
    }
}

/// A shop in which every rule can be broken.
struct Scene {
    me: Principal,
    customer: CustomerId,
    stranger: CustomerId,
    /// On sale at 1,000 won; 5 units.
    variant: VariantId,
    product: ProductId,
    /// Placed by `customer`, its time to be paid over.
    expired: OrderId,
    paid: OrderId,
    /// Placed by `customer`, and still to be paid.
    waiting: OrderId,
}

/// Sets a shop up, and gives requests that break every rule in it. None of them changes anything, so they
/// can be sent in any order.
pub(super) async fn refused(world: &World) -> Vec<(Envelope, Rejection)> {
    let (customer, stranger) = (world.customer_with(10_000).await, world.customer_with(10_000).await);
    let listing = world.product(1_000, &[8]).await;
    let (product, variant) = (listing.product.id, listing.variants[0].variant.id);
    let expired = world.place(customer, basket(&[(variant, 1)])).await.id;
    world.wait(world.store().shop().pending_order_ttl);
    let paid = world.buy(customer, basket(&[(variant, 1)])).await.id;
    let waiting = world.place(customer, basket(&[(variant, 1)])).await.id;
    let me = Principal::Customer(customer);
    let scene = Scene { me, customer, stranger, variant, product, expired, paid, waiting };
    let mut refused = Refused::default();
    catalog(world, &scene, &mut refused).await;
    listings(world, &scene, &mut refused);
    for (update, rejection) in prices::refused(variant, world.now()) {
        refused.add(world, &operator(), update, rejection);
    }
    for (import, rejection) in imports::refused(world) {
        refused.add(world, &operator(), import, rejection);
    }
    baskets(world, &scene, &mut refused).await;
    carts(world, &scene, &mut refused).await;
    campaigns(world, &scene, &mut refused).await;
    copies(world, &scene, &mut refused).await;
    orders(world, &scene, &mut refused).await;
    refunds(world, &scene, &mut refused).await;
    cards(world, &scene, &mut refused).await;
    reports(world, &scene, &mut refused).await;
    customers(world, &scene, &mut refused).await;
    taken_ids(world, &scene, &mut refused).await;
    refused.0
}

/// Requests that come with ids which are taken: as if two processes made ids under one node number.
async fn taken_ids(world: &World, scene: &Scene, refused: &mut Refused) {
    let mut add = |id: i64, mut envelope: Envelope| {
        let tick = (id >> 22 << 12) | (id & 0xFFF);
        envelope.ids = IdBlock::new(tick.unsigned_abs(), envelope.ids.len(), NodeId::default());
        refused.0.push((envelope, Rejection::IdTaken { id }));
    };
    let staff = operator();
    let username = Username::new("twin").expect("a username");
    let twin = RegisterCustomer { customer_id: None, username, name: Name::new("Lee").expect("a name") };
    add(scene.customer.get(), world.envelope(&staff, twin));
    add(scene.product.get(), world.envelope(&staff, world.new_product(1, &[1])));
    let variant = AddVariant { product_id: scene.product, variant: world.new_variant(1) };
    add(scene.variant.get(), world.envelope(&staff, variant));
    let coupon = world.coupon(|coupon| coupon.per_customer_limit = 2).await;
    add(coupon.get(), world.envelope(&staff, world.new_coupon()));
    let copy = world.issue(coupon, scene.stranger).await;
    let claim = IssueCoupon { customer_id: scene.customer, coupon: CouponRef::Id(coupon) };
    add(copy.get(), world.envelope(&scene.me, claim));
    let lines = basket(&[(scene.variant, 1)]);
    let order = PlaceOrder { customer_id: scene.customer, basket: lines, payment: Some(PaymentMethod::Wallet) };
    add(scene.paid.get(), world.envelope(&scene.me, order));
    let top_up = world.top_up(scene.customer, 1_000).await;
    let another = RequestTopUp { customer_id: scene.customer, amount: krw(1_000) };
    add(top_up.id.get(), world.envelope(&scene.me, another));
    let variant = world.variant(1_000, 1).await;
    let order_id = world.place(scene.customer, basket(&[(variant, 1)])).await.id;
    add(top_up.charge_id.get(), world.envelope(&scene.me, StartCardPayment { order_id }));
}

async fn catalog(world: &World, scene: &Scene, refused: &mut Refused) {
    let staff = operator();
    let product_id = scene.product;
    let update = |product_id, expected_version, base_price| UpdateProduct {
        product_id,
        expected_version,
        name: None,
        base_price,
        status: None,
    };
    refused.add(world, &staff, update(product_id, None, None), Rejection::NothingToChange);
    let missing = Rejection::ProductNotFound { product: unused() };
    refused.add(world, &staff, update(unused(), None, Some(krw(1))), missing.clone());
    let stale = Rejection::VersionMismatch { expected: 9, actual: 1 };
    refused.add(world, &staff, update(product_id, Some(9), Some(krw(1))), stale);
    refused.add(world, &staff, AddVariant { product_id: unused(), variant: world.new_variant(1) }, missing);
    let delta = -6;
    let range = |delta| Rejection::StockOutOfRange { variant: scene.variant, on_hand: 5, delta, max: MAX_STOCK };
    refused.add(world, &staff, AdjustStock { variant_id: scene.variant, delta, note: None }, range(delta));
    let delta = i64::try_from(MAX_STOCK).expect("a bound within i64") - 4;
    refused.add(world, &staff, AdjustStock { variant_id: scene.variant, delta, note: None }, range(delta));
    let missing = Rejection::VariantNotFound { variant: unused() };
    refused.add(world, &staff, AdjustStock { variant_id: unused(), delta: 1, note: None }, missing);
}

fn listings(world: &World, scene: &Scene, refused: &mut Refused) {
    let staff = operator();
    refused.add(world, &staff, world.new_product(1, &[]), Rejection::NoLines);
    let negative = Rejection::NegativePrice { price: krw(-1) };
    refused.add(world, &staff, world.new_product(-1, &[1]), negative);
    let mut twice = world.new_product(1, &[1, 1]);
    let sku = twice.variants[0].sku.clone();
    twice.variants[1].sku = sku.clone();
    refused.add(world, &staff, twice, Rejection::SkuTaken { sku });
    let mut mixed = world.new_product(1, &[1, 1]);
    mixed.variants[1].additional_price = Money::zero(Currency::USD);
    refused.add(world, &staff, mixed, Rejection::Amount { reason: mismatch() });
    let forbidden = Rejection::Forbidden { operation: Operation::CreateProduct };
    refused.add(world, &scene.me, world.new_product(1, &[1]), forbidden);
}

fn mismatch() -> MoneyError {
    MoneyError::CurrencyMismatch { expected: Currency::KRW, found: Currency::USD }
}

async fn baskets(world: &World, scene: &Scene, refused: &mut Refused) {
    let Scene { me, customer, variant, .. } = scene;
    let order = |lines: &[(VariantId, i64)]| PlaceOrder {
        customer_id: *customer,
        basket: basket(lines),
        payment: Some(PaymentMethod::Wallet),
    };
    refused.add(world, me, order(&[]), Rejection::NoLines);
    let many = vec![(*variant, 1); MAX_LINES + 1];
    refused.add(world, me, order(&many), Rejection::TooManyLines { lines: MAX_LINES + 1, max: MAX_LINES });
    let missing = Rejection::VariantNotFound { variant: unused() };
    refused.add(world, me, order(&[(*variant, 1), (unused(), 1)]), missing);
    let poor = Rejection::InsufficientBalance { balance: krw(9_000), required: krw(10_000) };
    let dear = world.variant(5_000, 2).await;
    refused.add(world, me, order(&[(dear, 2)]), poor);
    let free = world.variant(0, 1).await;
    let by_card = PlaceOrder { payment: Some(PaymentMethod::Card), ..order(&[(free, 1)]) };
    refused.add(world, me, by_card, Rejection::AmountNotPositive { amount: krw(0) });
    let few = Envelope { ids: IdBlock::new(1, 2, NodeId::default()), ..world.envelope(me, order(&[(*variant, 1)])) };
    refused.0.push((few, Rejection::TooFewIds { needed: 3, given: 2 }));

    // In order of precedence: a variant not on sale before missing stock before a poor wallet.
    let paused = world.product(1_000, &[9]).await;
    let status = Some(ProductStatus::Paused);
    let product_id = paused.product.id;
    let pause = UpdateProduct { product_id, expected_version: None, name: None, base_price: None, status };
    world.run(&operator(), pause).await;
    let not_on_sale = Rejection::ProductNotOnSale { product: product_id, status: ProductStatus::Paused };
    refused.add(world, me, order(&[(*variant, 99), (paused.variants[0].variant.id, 1)]), not_on_sale);
    let off = world.product(1_000, &[9, 9]).await.variants[1].variant.id;
    let switch = UpdateVariant {
        variant_id: off,
        expected_version: None,
        additional_price: None,
        active: Some(false),
        price_rules: None,
    };
    world.run(&operator(), switch).await;
    refused.add(world, me, order(&[(off, 1)]), Rejection::VariantInactive { variant: off });

    let (unit_of_stock, sku) = (*variant, sku_of(world, scene.product).await);
    let out = Rejection::OutOfStock { variant: unit_of_stock, sku: sku.clone(), requested: 6, available: 5 };
    refused.add(world, me, order(&[(unit_of_stock, 3), (unit_of_stock, 3)]), out);
    let mut taken = world.new_product(1, &[1]);
    taken.variants[0].sku = sku.clone();
    refused.add(world, &operator(), taken, Rejection::SkuTaken { sku });

    let mut abroad = world.new_product(1, &[5]);
    abroad.base_price = Money::new(100, Currency::USD).expect("an amount");
    abroad.variants[0].additional_price = Money::zero(Currency::USD);
    let abroad = world.run(&operator(), abroad).await.variants[0].variant.id;
    refused.add(world, me, order(&[(*variant, 1), (abroad, 1)]), Rejection::Amount { reason: mismatch() });
}

async fn sku_of(world: &World, product: ProductId) -> crate::text::Sku {
    let listing = super::world::sound(world.store().product(product).await).expect("the product is there");
    listing.variants[0].variant.sku.clone()
}

/// The customer's cart is empty at version 2.
async fn carts(world: &World, scene: &Scene, refused: &mut Refused) {
    let Scene { me, customer, variant, .. } = scene;
    let (customer_id, variant_id) = (*customer, *variant);
    world.add_to_cart(customer_id, variant_id, 1).await;
    world.remove_from_cart(customer_id, variant_id).await;
    let add = |customer_id, variant_id| AddCartItem { customer_id, variant_id, quantity: Quantity::ONE };
    refused.add(world, me, add(customer_id, unused()), Rejection::VariantNotFound { variant: unused() });
    refused.add(world, &operator(), add(unused(), variant_id), Rejection::CustomerNotFound { customer: unused() });
    let operation = crate::operation::Operation::AddCartItem;
    refused.add(world, me, add(scene.stranger, variant_id), Rejection::Forbidden { operation });
    let paused = world.product(1_000, &[9]).await;
    let (product, status) = (paused.product.id, ProductStatus::Paused);
    let pause = UpdateProduct {
        product_id: product,
        expected_version: None,
        name: None,
        base_price: None,
        status: Some(status),
    };
    world.run(&operator(), pause).await;
    let not_for_sale = Rejection::ProductNotOnSale { product, status };
    refused.add(world, me, add(customer_id, paused.variants[0].variant.id), not_for_sale);

    let missing = Rejection::CartItemNotFound { variant: variant_id };
    let update = UpdateCartItem { customer_id, variant_id, quantity: Quantity::ONE, expected_version: None };
    refused.add(world, me, update, missing.clone());
    let remove = |expected_version| RemoveCartItem { customer_id, variant_id, expected_version };
    refused.add(world, me, remove(Some(2)), missing);
    let stale = Rejection::VersionMismatch { expected: 1, actual: 2 };
    refused.add(world, me, remove(Some(1)), stale.clone());
    refused.add(world, me, ClearCart { customer_id, expected_version: Some(1) }, stale.clone());
    refused.add(world, me, MergeCart { customer_id, lines: vec![] }, Rejection::NoLines);
    let lines = basket(&vec![(variant_id, 1); MAX_LINES + 1]).lines.given().to_vec();
    let many = Rejection::TooManyLines { lines: MAX_LINES + 1, max: MAX_LINES };
    refused.add(world, me, MergeCart { customer_id, lines }, many);
    let order = |cart_version| PlaceOrder { customer_id, basket: cart_basket(cart_version), payment: None };
    refused.add(world, me, order(None), Rejection::NoLines);
    refused.add(world, me, order(Some(1)), stale);

    // The stranger's cart has as much of one variant as a line may have, and no room for another currency.
    let (customer_id, stranger) = (scene.stranger, Principal::Customer(scene.stranger));
    world.add_to_cart(customer_id, variant_id, i64::from(MAX_QUANTITY)).await;
    let (quantity, max) = (i64::from(MAX_QUANTITY) + 1, i64::from(MAX_QUANTITY));
    let full = Rejection::QuantityOutOfRange { quantity, min: 1, max };
    refused.add(world, &stranger, add(customer_id, variant_id), full);
    let mut dollars = world.new_product(1, &[1]);
    dollars.base_price = Money::zero(Currency::USD);
    dollars.variants[0].additional_price = Money::zero(Currency::USD);
    let dollars = world.run(&operator(), dollars).await.variants[0].variant.id;
    refused.add(world, &stranger, add(customer_id, dollars), Rejection::Amount { reason: mismatch() });
}

async fn campaigns(world: &World, scene: &Scene, refused: &mut Refused) {
    let staff = operator();
    let plain = || world.new_coupon();
    let now = world.now();
    let quantity = |quantity| Rejection::QuantityOutOfRange { quantity, min: 1, max: i64::from(MAX_QUANTITY) };
    refused.add(world, &staff, CreateCoupon { total_quantity: Some(0), ..plain() }, quantity(0));
    let scope = |products: &[ProductId]| CouponScope::Products(products.iter().copied().collect());
    let scope_size =
        Rejection::QuantityOutOfRange { quantity: 0, min: 1, max: i64::try_from(MAX_SCOPE).expect("small") };
    refused.add(world, &staff, CreateCoupon { scope: scope(&[]), ..plain() }, scope_size);
    let no_product = Rejection::ProductNotFound { product: unused() };
    refused.add(world, &staff, CreateCoupon { scope: scope(&[unused()]), ..plain() }, no_product);
    let empty = Window { from: now, until: Some(now) };
    let no_time = Rejection::EmptyWindow { from: now, until: now };
    refused.add(world, &staff, CreateCoupon { window: empty, ..plain() }, no_time);
    let nothing = Rejection::AmountNotPositive { amount: krw(0) };
    refused.add(world, &staff, CreateCoupon { min_subtotal: Some(krw(0)), ..plain() }, nothing);
    let code = CouponCode::new("TAKEN").expect("a code");
    world.coupon(|coupon| coupon.code = Some(code.clone())).await;
    let taken = Rejection::CouponCodeTaken { coupon_code: code.clone() };
    refused.add(world, &staff, CreateCoupon { code: Some(code), ..plain() }, taken);
    codes(world, scene, refused).await;
    let update = UpdateCoupon { coupon_id: unused(), expected_version: None, active: Some(true) };
    refused.add(world, &staff, update, Rejection::CouponNotFound { coupon: unused() });

    let claim = |coupon| IssueCoupon { customer_id: scene.customer, coupon: CouponRef::Id(coupon) };
    let me = &scene.me;
    refused.add(world, me, claim(unused()), Rejection::CouponNotFound { coupon: unused() });
    let code = CouponCode::new("NOSUCH").expect("a code");
    let by_code = IssueCoupon { customer_id: scene.customer, coupon: CouponRef::Code(code.clone()) };
    refused.add(world, me, by_code, Rejection::CouponCodeNotFound { coupon_code: code });
    let coupon = world.coupon(|coupon| (coupon.by_code, coupon.active) = (true, false)).await;
    refused.add(world, me, claim(coupon), Rejection::CouponNeedsCode { coupon });
    let coupon = world.coupon(|coupon| coupon.active = false).await;
    refused.add(world, me, claim(coupon), Rejection::CouponInactive { coupon });
    let starts_at = now.plus(Duration::from_secs(1));
    let coupon = world.coupon(|coupon| coupon.window.from = starts_at).await;
    refused.add(world, me, claim(coupon), Rejection::CouponNotStarted { coupon, starts_at, now });
    let coupon = world.coupon(|coupon| coupon.total_quantity = Some(1)).await;
    world.issue(coupon, scene.stranger).await;
    refused.add(world, me, claim(coupon), Rejection::CouponSoldOut { coupon, total: 1 });
    let coupon = world.coupon(|coupon| coupon.per_customer_limit = 1).await;
    world.issue(coupon, scene.customer).await;
    let claimed = Rejection::CouponAlreadyClaimed { coupon, copies: 1, limit: 1 };
    refused.add(world, me, claim(coupon), claimed);
    ended(world, scene, refused).await;
}

/// Codes that are good for one copy: one that is free, and one that the stranger has used.
async fn codes(world: &World, scene: &Scene, refused: &mut Refused) {
    let (staff, coupon_id) = (operator(), world.coupon(|_| ()).await);
    let codes = world.codes(coupon_id, 2).await;
    let claim = |customer_id| IssueCoupon { customer_id, coupon: CouponRef::Code(codes[1].clone()) };
    world.run(&Principal::Customer(scene.stranger), claim(scene.stranger)).await;
    let used = Rejection::CouponCodeUsed { coupon_code: codes[1].clone(), claimed_at: world.now() };
    refused.add(world, &scene.me, claim(scene.customer), used);
    let add = |coupon_id, codes: &[CouponCode]| AddCodes { coupon_id, codes: codes.to_vec() };
    let fresh = CouponCode::new("FRESH").expect("a code");
    let own = CouponCode::new("TAKEN").expect("a code");
    let taken = |code: &CouponCode| Rejection::CouponCodeTaken { coupon_code: code.clone() };
    for (given, code) in [([&fresh, &own], &own), ([&fresh, &codes[1]], &codes[1]), ([&fresh, &fresh], &fresh)] {
        refused.add(world, &staff, add(coupon_id, &given.map(CouponCode::clone)), taken(code));
    }
    let named = CreateCoupon { code: Some(codes[0].clone()), ..world.new_coupon() };
    refused.add(world, &staff, named, taken(&codes[0]));
    let number = |size: usize| i64::try_from(size).expect("small");
    for many in [0, MAX_CODES + 1] {
        let bound = Rejection::QuantityOutOfRange { quantity: number(many), min: 1, max: number(MAX_CODES) };
        refused.add(world, &staff, add(coupon_id, &vec![fresh.clone(); many]), bound);
    }
    let missing = Rejection::CouponNotFound { coupon: unused() };
    refused.add(world, &staff, add(unused(), std::slice::from_ref(&fresh)), missing);
    let forbidden = Rejection::Forbidden { operation: Operation::AddCodes };
    refused.add(world, &scene.me, add(coupon_id, &[fresh]), forbidden);
}

/// A campaign that is over, and a copy of it. It began and ended before now.
async fn ended(world: &World, scene: &Scene, refused: &mut Refused) {
    let now = world.now();
    let from = crate::time::Timestamp::from_micros(now.as_micros() - 2_000_000);
    let until = crate::time::Timestamp::from_micros(now.as_micros() - 1_000_000);
    let coupon: CouponId = world.coupon(|coupon| coupon.window = Window { from, until: Some(until) }).await;
    world.clock().set(from);
    let copy = world.issue(coupon, scene.stranger).await;
    world.clock().set(now);
    let claim = IssueCoupon { customer_id: scene.customer, coupon: CouponRef::Id(coupon) };
    refused.add(world, &scene.me, claim, Rejection::CouponEnded { coupon, ended_at: until, now });
    let mut wanted = basket(&[(scene.variant, 1)]);
    wanted.coupons.push(copy);
    let order = PlaceOrder { customer_id: scene.stranger, basket: wanted, payment: Some(PaymentMethod::Wallet) };
    let expired = Rejection::CouponExpired { issued_coupon: copy, expired_at: until, now };
    refused.add(world, &Principal::Customer(scene.stranger), order, expired);
    let over = Rejection::CouponNotAvailable { issued_coupon: copy, status: IssuedCouponStatus::Expired };
    refused.add(world, &operator(), RevokeCoupon { issued_coupon_id: copy, reason: None }, over);
}

async fn copies(world: &World, scene: &Scene, refused: &mut Refused) {
    let order = |copies: &[_]| {
        let mut wanted = basket(&[(scene.variant, 1)]);
        wanted.coupons.extend(copies);
        PlaceOrder { customer_id: scene.customer, basket: wanted, payment: Some(PaymentMethod::Wallet) }
    };
    let me = &scene.me;
    let coupon = world.coupon(|coupon| coupon.min_subtotal = Some(krw(1_001))).await;
    let copy = world.issue(coupon, scene.customer).await;
    let (subtotal, minimum) = (krw(1_000), krw(1_001));
    refused.add(world, me, order(&[copy]), Rejection::BelowMinimum { coupon, subtotal, minimum });
    let twice = Rejection::CouponGivenTwice { issued_coupon: copy };
    refused.add(world, me, order(&[copy, copy]), twice);
    let many = Rejection::TooManyCoupons { coupons: MAX_COUPONS + 1, max: MAX_COUPONS };
    refused.add(world, me, order(&[copy; MAX_COUPONS + 1]), many);
    let exclusive = world.coupon(|_| ()).await;
    let stackable = world.coupon(|coupon| (coupon.stacking, coupon.priority) = (Stacking::Stackable, 1)).await;
    let (alone, before) = (world.issue(exclusive, scene.customer).await, world.issue(stackable, scene.customer).await);
    let clash = Rejection::CouponsNotCombinable { issued_coupon: alone, with: before };
    refused.add(world, me, order(&[alone, before]), clash);
    let elsewhere = CouponScope::Products([world.product(1_000, &[1]).await.product.id].into());
    let coupon = world.coupon(|coupon| coupon.scope = elsewhere).await;
    let copy = world.issue(coupon, scene.customer).await;
    refused.add(world, me, order(&[copy]), Rejection::CouponOutOfScope { coupon });
    let percent = Discount::Percent { rate: Percent::new(Decimal::new(1, 2)).expect("a rate"), cap: None };
    let coupon = world.coupon(|coupon| coupon.discount = percent).await;
    let copy = world.issue(coupon, scene.customer).await;
    let nothing = Rejection::CouponTakesNothingOff { issued_coupon: copy, subtotal: krw(1_000) };
    refused.add(world, me, order(&[copy]), nothing);
    let coupon = world.coupon(|coupon| coupon.per_customer_limit = 2).await;
    let foreign = world.issue(coupon, scene.stranger).await;
    refused.add(world, me, order(&[foreign]), Rejection::IssuedCouponNotFound { issued_coupon: foreign });
    let held = world.issue(coupon, scene.customer).await;
    let other = world.variant(1_000, 1).await;
    let mut wanted = basket(&[(other, 1)]);
    wanted.coupons.push(held);
    world.place(scene.customer, wanted).await;
    let status = IssuedCouponStatus::Held;
    let not_available = Rejection::CouponNotAvailable { issued_coupon: held, status };
    refused.add(world, me, order(&[held]), not_available.clone());
    let revoke = |issued_coupon_id| RevokeCoupon { issued_coupon_id, reason: None };
    let expire = |issued_coupon_id| ExpireIssuedCoupon { issued_coupon_id };
    let staff = operator();
    refused.add(world, &staff, revoke(held), not_available.clone());
    refused.add(world, &staff, expire(held), not_available);
    let missing = Rejection::IssuedCouponNotFound { issued_coupon: unused() };
    refused.add(world, &staff, revoke(unused()), missing.clone());
    refused.add(world, &staff, expire(unused()), missing);
    let endless = Rejection::CouponNotExpired { issued_coupon: copy, expires_at: None, now: world.now() };
    refused.add(world, &staff, expire(copy), endless);
    refused.add(world, me, revoke(copy), Rejection::Forbidden { operation: Operation::RevokeCoupon });
    refused.add(world, me, expire(copy), Rejection::Forbidden { operation: Operation::ExpireIssuedCoupon });
}

async fn orders(world: &World, scene: &Scene, refused: &mut Refused) {
    let pay = |order_id, method| PayOrder { order_id, method };
    let cancel = |order_id| CancelOrder { order_id, reason: None };
    let (me, wallet) = (&scene.me, PaymentMethod::Wallet);
    let stranger = Principal::Customer(scene.stranger);
    for order in [scene.expired, scene.paid] {
        refused.add(world, &stranger, pay(order, wallet), Rejection::OrderNotFound { order });
        refused.add(world, &stranger, cancel(order), Rejection::OrderNotFound { order });
    }
    refused.add(world, me, cancel(unused()), Rejection::OrderNotFound { order: unused() });
    let order = scene.paid;
    let wrong = |order, to| Rejection::InvalidTransition { order, from: OrderStatus::Paid, to };
    refused.add(world, me, cancel(order), wrong(order, OrderStatus::Cancelled));
    refused.add(world, me, pay(order, wallet), wrong(order, OrderStatus::Paid));
    let order = scene.expired;
    refused.add(world, me, pay(order, PaymentMethod::Card), Rejection::PaymentMethodNotOffered);
    let expired_at = world.order(order).await.expires_at.expect("a pending order expires");
    let too_late = Rejection::OrderExpired { order, expired_at, now: world.now() };
    refused.add(world, me, pay(order, wallet), too_late);
    let order = scene.waiting;
    let expires_at = world.order(order).await.expires_at.expect("a pending order expires");
    let staff = operator();
    let too_early = Rejection::OrderNotExpired { order, expires_at, now: world.now() };
    refused.add(world, &staff, ExpireOrder { order_id: order }, too_early);
    let pending = |to| Rejection::InvalidTransition { order, from: OrderStatus::Pending, to };
    refused.add(world, &staff, ShipOrder { order_id: order }, pending(OrderStatus::Shipped));
    refused.add(world, &staff, DeliverOrder { order_id: order }, pending(OrderStatus::Delivered));
    let order = scene.paid;
    refused.add(world, &staff, ExpireOrder { order_id: order }, wrong(order, OrderStatus::Cancelled));
    refused.add(world, &staff, ShipOrder { order_id: unused() }, Rejection::OrderNotFound { order: unused() });
    for (operation, command) in [
        (Operation::ExpireOrder, Command::from(ExpireOrder { order_id: scene.expired })),
        (Operation::ShipOrder, ShipOrder { order_id: scene.paid }.into()),
        (Operation::DeliverOrder, DeliverOrder { order_id: scene.paid }.into()),
    ] {
        refused.add(world, me, command, Rejection::Forbidden { operation });
    }
    let dear = world.variant(1_000_000, 1).await;
    let unaffordable = world.place(scene.customer, basket(&[(dear, 1)])).await;
    let poor = Rejection::InsufficientBalance { balance: krw(9_000), required: krw(1_000_000) };
    refused.add(world, me, pay(unaffordable.id, wallet), poor);
}

async fn refunds(world: &World, scene: &Scene, refused: &mut Refused) {
    let staff = operator();
    let refund = |order_id, lines: Option<Vec<RefundLineRequest>>| RefundOrder {
        order_id,
        lines,
        restock: true,
        destination: None,
        reason: None,
    };
    let units = |position, units| {
        Some(vec![RefundLineRequest { position, quantity: Quantity::new(units).expect("a quantity") }])
    };
    let order = scene.paid;
    refused.add(world, &staff, refund(order, Some(vec![])), Rejection::NoLines);
    let line = RefundLineRequest { position: 1, quantity: Quantity::ONE };
    let many = Rejection::TooManyLines { lines: MAX_LINES + 1, max: MAX_LINES };
    refused.add(world, &staff, refund(order, Some(vec![line; MAX_LINES + 1])), many);
    refused.add(world, &staff, refund(unused(), None), Rejection::OrderNotFound { order: unused() });
    let (from, to) = (OrderStatus::Pending, OrderStatus::Refunded);
    let waiting = Rejection::InvalidTransition { order: scene.waiting, from, to };
    refused.add(world, &staff, refund(scene.waiting, None), waiting);
    for position in [0, 2] {
        let missing = Rejection::OrderLineNotFound { order, position };
        refused.add(world, &staff, refund(order, units(position, 1)), missing);
    }
    let too_large = Rejection::RefundTooLarge { order, position: 1, requested: 2, refundable: 1 };
    refused.add(world, &staff, refund(order, units(1, 2)), too_large.clone());
    refused.add(world, &staff, refund(order, Some(vec![line; 2])), too_large);
    let destination = RefundDestination::Gateway;
    let through_gateway = RefundOrder { destination: Some(destination), ..refund(order, None) };
    refused.add(world, &staff, through_gateway, Rejection::RefundDestinationNotOffered { destination });
    let operation = Operation::RefundOrder;
    refused.add(world, &scene.me, refund(order, None), Rejection::Forbidden { operation });
    let settle = |order_id| SettleRefund { order_id, refund_id: unused(), report: RefundReport::Returned };
    let operation = Operation::SettleRefund;
    refused.add(world, &scene.me, settle(order), Rejection::Forbidden { operation });
    refused.add(world, &staff, settle(unused()), Rejection::OrderNotFound { order: unused() });
    refused.add(world, &staff, settle(order), Rejection::RefundNotFound { order, refund: unused() });
    let by_card = world.place(scene.customer, basket(&[(world.variant(1_000, 1).await, 1)])).await;
    let charge = world.start_card(&by_card).await;
    world.settle(&charge, GatewayStatus::Captured).await;
    let order = by_card.id;
    world.run(&staff, refund(order, None)).await;
    let on_its_way = Rejection::RefundTooLarge { order, position: 1, requested: 1, refundable: 0 };
    refused.add(world, &staff, refund(order, None), on_its_way);
    let rich = world.customer_with(1_000).await;
    let bought = world.buy(rich, basket(&[(world.variant(1_000, 1).await, 1)])).await.id;
    world.deposit(rich, MAX_MINOR).await;
    let full = Rejection::WalletFull { balance: krw(MAX_MINOR), amount: krw(1_000), max: MAX_MINOR };
    refused.add(world, &staff, refund(bought, None), full);
}

async fn cards(world: &World, scene: &Scene, refused: &mut Refused) {
    let start = |order_id| StartCardPayment { order_id };
    let stranger = Principal::Customer(scene.stranger);
    let (me, order) = (&scene.me, scene.expired);
    refused.add(world, &stranger, start(order), Rejection::OrderNotFound { order });
    let expired_at = world.order(order).await.expires_at.expect("a pending order expires");
    refused.add(world, me, start(order), Rejection::OrderExpired { order, expired_at, now: world.now() });
    let order = scene.paid;
    let wrong = Rejection::InvalidTransition { order, from: OrderStatus::Paid, to: OrderStatus::Processing };
    refused.add(world, me, start(order), wrong);
    let free = world.variant(0, 1).await;
    let nothing = world.place(scene.customer, basket(&[(free, 1)])).await.id;
    refused.add(world, me, start(nothing), Rejection::AmountNotPositive { amount: krw(0) });

    let variant = world.variant(1_000, 1).await;
    let in_flight = world.place(scene.customer, basket(&[(variant, 1)])).await;
    world.start_card(&in_flight).await;
    let order = in_flight.id;
    let in_progress = Rejection::PaymentInProgress { order };
    refused.add(world, me, start(order), in_progress.clone());
    refused.add(world, me, PayOrder { order_id: order, method: PaymentMethod::Wallet }, in_progress.clone());
    world.cancel(&in_flight).await;
    refused.add(world, me, CancelOrder { order_id: order, reason: None }, in_progress);

    let top_up = |customer_id, won| RequestTopUp { customer_id, amount: krw(won) };
    let forbidden = Rejection::Forbidden { operation: Operation::RequestTopUp };
    refused.add(world, &stranger, top_up(scene.customer, 1), forbidden);
    refused.add(world, me, top_up(scene.customer, 0), Rejection::AmountNotPositive { amount: krw(0) });
    let missing = Rejection::CustomerNotFound { customer: unused() };
    refused.add(world, &operator(), top_up(unused(), 1), missing);
}

async fn reports(world: &World, scene: &Scene, refused: &mut Refused) {
    let known = world.charge(world.top_up(scene.customer, 1_000).await.charge_id).await;
    let known = world.settle(&known, GatewayStatus::Pending).await;
    let fresh = world.charge(world.top_up(scene.customer, 1_000).await.charge_id).await;
    let told = |charge_id, found| SettleCharge { charge_id, report: ChargeReport::Found(found) };
    let sound = World::found(&known, GatewayStatus::Captured);
    let (shop, charge) = (&Principal::System, known.id);
    let forbidden = Rejection::Forbidden { operation: Operation::SettleCharge };
    refused.add(world, &scene.me, told(charge, sound.clone()), forbidden);
    refused.add(world, shop, told(unused(), sound.clone()), Rejection::ChargeNotFound { charge: unused() });

    let less = GatewayPayment { amount: krw(999), ..sound.clone() };
    let mismatch = Rejection::GatewayAmountMismatch { charge, expected: krw(1_000), found: krw(999) };
    refused.add(world, shop, told(charge, less), mismatch);
    let dollars = Money::new(1_000, Currency::USD).expect("an amount");
    let mismatch = Rejection::GatewayAmountMismatch { charge, expected: krw(1_000), found: dollars };
    refused.add(world, shop, told(charge, GatewayPayment { amount: dollars, ..sound.clone() }), mismatch);
    let (expected, found) = (scene.customer, scene.stranger);
    let mismatch = Rejection::GatewayCustomerMismatch { charge, expected, found };
    refused.add(world, shop, told(charge, GatewayPayment { customer_id: found, ..sound.clone() }), mismatch);
    let (expected, found) = (sound.transaction_id.clone(), Name::new("another transaction").expect("a name"));
    let renamed = GatewayPayment { transaction_id: found.clone(), ..sound.clone() };
    refused.add(world, shop, told(charge, renamed), Rejection::GatewayTransactionMismatch { charge, expected, found });
    let transaction = sound.transaction_id.clone();
    refused.add(world, shop, told(fresh.id, sound), Rejection::GatewayTransactionTaken { transaction, charge });
}

async fn customers(world: &World, scene: &Scene, refused: &mut Refused) {
    let staff = operator();
    let deposit = |customer_id, won| Deposit { customer_id, amount: krw(won), memo: None };
    let missing = Rejection::CustomerNotFound { customer: unused() };
    refused.add(world, &staff, deposit(unused(), 1), missing);
    let nothing = Rejection::AmountNotPositive { amount: krw(0) };
    refused.add(world, &staff, deposit(scene.customer, 0), nothing);
    let poor = Rejection::InsufficientBalance { balance: krw(9_000), required: krw(9_001) };
    refused.add(world, &staff, correction(scene.customer, -9_001), poor);
    let register = |customer_id, username: &str| RegisterCustomer {
        customer_id,
        username: Username::new(username).expect("a username"),
        name: Name::new("Lee").expect("a name"),
    };
    let customer = scene.customer;
    let there = Rejection::AlreadyRegistered { customer };
    refused.add(world, &scene.me, register(Some(customer), "somebody-else"), there);
    world.run(&staff, register(None, "lee")).await;
    let username = Username::new("lee").expect("a username");
    refused.add(world, &staff, register(None, "lee"), Rejection::UsernameTaken { username });

    let first = world.envelope(&staff, deposit(scene.stranger, 1));
    world.send(first.clone()).await;
    let other = Envelope { command: deposit(scene.stranger, 2).into(), ..world.again(&first) };
    refused.0.push((other, Rejection::IdempotencyKeyReused { key: first.key }));
}
