//! One request of every operation, to be accepted by any store.

use std::time::Duration;

use super::prices::tiers;
use super::{World, basket, cart_basket, krw, operator};
use crate::catalog::ProductStatus;
use crate::charge::ChargeReport;
use crate::command::{
    AddCartItem, AddCodes, AddVariant, AdjustStock, AdjustWallet, CancelOrder, ClearCart, Command, CouponRef,
    CreateCoupon, DeliverOrder, Deposit, ExpireIssuedCoupon, ExpireOrder, ImportItem, ImportProducts, IssueCoupon,
    MergeCart, PayOrder, PlaceOrder, Quantity, RefundLineRequest, RefundOrder, RegisterCustomer, RemoveCartItem,
    RequestTopUp, RevokeCoupon, SettleCharge, SettleRefund, ShipOrder, StartCardPayment, UpdateCartItem, UpdateCoupon,
    UpdateProduct, UpdateVariant,
};
use crate::decide::Outcome;
use crate::gateway::GatewayStatus;
use crate::ids::{CustomerId, VariantId};
use crate::payment::PaymentMethod;
use crate::price_rules::PriceRules;
use crate::principal::Principal;
use crate::refund::RefundReport;
use crate::store::{Envelope, Receipt};
use crate::text::{CouponCode, Name, Note, Username};
use crate::time::Window;

/// A correction of a wallet.
pub(super) fn correction(customer_id: CustomerId, won: i64) -> AdjustWallet {
    AdjustWallet { customer_id, amount: krw(won), memo: Note::new("a correction").expect("a note") }
}

/// Runs one command of every operation, each of which succeeds; the later ones change what the earlier ones
/// answered. Gives the requests and their answers.
pub(super) async fn every_operation(world: &World) -> Vec<(Envelope, Receipt)> {
    let staff = operator();
    let mut script = Vec::new();
    let username = Username::new("kim").expect("a username");
    let register = RegisterCustomer { customer_id: None, username, name: Name::new("Kim").expect("a name") };
    let Outcome::Customer(customer) = step(world, &staff, register, &mut script).await else { panic!("a customer") };
    let customer_id = customer.id;
    let product = world.new_product(1_000, &[10, 0]);
    let Outcome::Listing(listing) = step(world, &staff, product, &mut script).await else { panic!("a product") };
    let (product_id, variant_id) = (listing.product.id, listing.variants[0].variant.id);
    step(world, &staff, Deposit { customer_id, amount: krw(50_000), memo: None }, &mut script).await;
    let Outcome::Coupon(coupon) = step(world, &staff, world.new_coupon(), &mut script).await else {
        panic!("a coupon")
    };
    let me = Principal::Customer(customer_id);
    let claim = IssueCoupon { customer_id, coupon: CouponRef::Id(coupon.id) };
    let Outcome::IssuedCoupon(copy) = step(world, &me, claim, &mut script).await else { panic!("a copy") };

    let mut wanted = basket(&[(variant_id, 2)]);
    wanted.coupons.push(copy.id);
    let order = PlaceOrder { customer_id, basket: wanted, payment: None };
    let Outcome::Order(order) = step(world, &me, order, &mut script).await else { panic!("an order") };
    let pay = PayOrder { order_id: order.id, method: PaymentMethod::Wallet };
    step(world, &me, pay, &mut script).await;
    let second_id = listing.variants[1].variant.id;
    carts(world, customer_id, [variant_id, second_id], &mut script).await;
    let second = PlaceOrder { customer_id, basket: cart_basket(None), payment: None };
    let Outcome::Order(second) = step(world, &me, second, &mut script).await else { panic!("an order") };
    let reason = Some(Note::new("changed my mind").expect("a note"));
    step(world, &me, CancelOrder { order_id: second.id, reason }, &mut script).await;
    let third = PlaceOrder { customer_id, basket: basket(&[(variant_id, 1)]), payment: Some(PaymentMethod::Card) };
    let Outcome::Order(third) = step(world, &me, third, &mut script).await else { panic!("an order") };
    let begin = StartCardPayment { order_id: third.id };
    let Outcome::Charge(charge) = step(world, &me, begin, &mut script).await else { panic!("a charge") };
    step(world, &me, RequestTopUp { customer_id, amount: krw(500) }, &mut script).await;
    let report = ChargeReport::Found(World::found(&charge, GatewayStatus::Captured));
    step(world, &Principal::System, SettleCharge { charge_id: charge.id, report }, &mut script).await;

    step(world, &staff, ShipOrder { order_id: order.id }, &mut script).await;
    step(world, &staff, DeliverOrder { order_id: order.id }, &mut script).await;
    let lines = Some(vec![RefundLineRequest { position: 1, quantity: Quantity::ONE }]);
    let reason = Some(Note::new("broken").expect("a note"));
    let refund = RefundOrder { order_id: order.id, lines, restock: true, destination: None, reason };
    step(world, &staff, refund.clone(), &mut script).await;
    step(world, &staff, RefundOrder { lines: None, restock: false, ..refund.clone() }, &mut script).await;
    let by_card = RefundOrder { order_id: third.id, ..refund };
    let Outcome::Refund(begun) = step(world, &staff, by_card, &mut script).await else { panic!("a refund") };
    let (order_id, refund_id) = (third.id, begun.id);
    let back = SettleRefund { order_id, refund_id, report: RefundReport::Returned };
    step(world, &Principal::System, back, &mut script).await;
    let third = PlaceOrder { customer_id, basket: basket(&[(variant_id, 1)]), payment: None };
    let Outcome::Order(third) = step(world, &me, third, &mut script).await else { panic!("an order") };
    world.wait(world.store().shop().pending_order_ttl);
    step(world, &Principal::System, ExpireOrder { order_id: third.id }, &mut script).await;

    world.wait(Duration::from_secs(1));
    let (base_price, status) = (Some(krw(2_000)), Some(ProductStatus::Paused));
    let update = UpdateProduct { product_id, expected_version: Some(1), name: None, base_price, status };
    step(world, &staff, update, &mut script).await;
    step(world, &staff, AddVariant { product_id, variant: world.new_variant(3) }, &mut script).await;
    let added = AddVariant { product_id, variant: world.new_variant(3) };
    let items = vec![ImportItem::Product(world.new_product(1_000, &[2])), ImportItem::Variant(added)];
    step(world, &staff, ImportProducts { items }, &mut script).await;
    let additional_price = Some(krw(10));
    let price_rules = Some(PriceRules { tiers: tiers(&[(2, 9)]), scheduled: Vec::new() });
    let update =
        UpdateVariant { variant_id, expected_version: None, additional_price, active: Some(false), price_rules };
    step(world, &staff, update, &mut script).await;
    step(world, &staff, AdjustStock { variant_id, delta: -1, note: None }, &mut script).await;
    step(world, &staff, correction(customer_id, -100), &mut script).await;
    let update = UpdateCoupon { coupon_id: coupon.id, expected_version: None, active: Some(false) };
    step(world, &staff, update, &mut script).await;
    copies(world, customer_id, &mut script).await;
    script
}

/// One copy is taken back, the time of another runs out.
async fn copies(world: &World, customer_id: CustomerId, script: &mut Vec<(Envelope, Receipt)>) {
    let (staff, me) = (operator(), Principal::Customer(customer_id));
    let until = world.now().plus(Duration::from_secs(1));
    let window = Window { from: world.now(), until: Some(until) };
    let coupon = CreateCoupon { per_customer_limit: 2, window, ..world.new_coupon() };
    let Outcome::Coupon(coupon) = step(world, &staff, coupon, script).await else { panic!("a coupon") };
    let claim = IssueCoupon { customer_id, coupon: CouponRef::Id(coupon.id) };
    let Outcome::IssuedCoupon(unwanted) = step(world, &me, claim, script).await else { panic!("a copy") };
    let code = CouponCode::new("ONCE").expect("a code");
    step(world, &staff, AddCodes { coupon_id: coupon.id, codes: vec![code.clone()] }, script).await;
    let reason = Some(Note::new("sold on").expect("a note"));
    step(world, &staff, RevokeCoupon { issued_coupon_id: unwanted.id, reason }, script).await;
    let claim = IssueCoupon { customer_id, coupon: CouponRef::Code(code) };
    let Outcome::IssuedCoupon(forgotten) = step(world, &me, claim, script).await else { panic!("a copy") };
    world.clock().set(until);
    step(world, &Principal::System, ExpireIssuedCoupon { issued_coupon_id: forgotten.id }, script).await;
}

/// Leaves a unit of the first variant in the cart.
async fn carts(
    world: &World,
    customer_id: CustomerId,
    variants: [VariantId; 2],
    script: &mut Vec<(Envelope, Receipt)>,
) {
    let me = Principal::Customer(customer_id);
    let [variant_id, other] = variants;
    let add = AddCartItem { customer_id, variant_id, quantity: Quantity::ONE };
    step(world, &me, add.clone(), script).await;
    let lines = basket(&[(other, 4), (variant_id, 1)]).lines.given().to_vec();
    step(world, &me, MergeCart { customer_id, lines }, script).await;
    let quantity = Quantity::new(3).expect("a quantity");
    step(world, &me, UpdateCartItem { customer_id, variant_id, quantity, expected_version: Some(2) }, script).await;
    step(world, &me, RemoveCartItem { customer_id, variant_id: other, expected_version: None }, script).await;
    step(world, &me, ClearCart { customer_id, expected_version: Some(4) }, script).await;
    step(world, &me, add, script).await;
}

async fn step(
    world: &World,
    principal: &Principal,
    command: impl Into<Command>,
    script: &mut Vec<(Envelope, Receipt)>,
) -> Outcome {
    let envelope = world.envelope(principal, command);
    let receipt = world.send(envelope.clone()).await;
    script.push((envelope, receipt.clone()));
    receipt.outcome
}
