//! Filling a [`World`], buying in it, and looking at what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::world::{accepted, decided, sound};
use super::{World, krw, operator};
use crate::cart::{Cart, CartView};
use crate::catalog::ProductStatus;
use crate::charge::{Charge, ChargeReport};
use crate::command::{
    AddCartItem, Basket, CancelOrder, CouponRef, CreateCoupon, CreateProduct, Deposit, IssueCoupon, NewVariant,
    PayOrder, PlaceOrder, Quantity, RefundLineRequest, RefundOrder, RegisterCustomer, RemoveCartItem, RequestTopUp,
    SettleCharge, StartCardPayment,
};
use crate::coupon::{CouponScope, Discount, IssuedCoupon, Stacking};
use crate::decide::Listing;
use crate::gateway::{GatewayPayment, GatewayStatus};
use crate::ids::{ChargeId, CouponId, CustomerId, IssuedCouponId, OrderId, VariantId};
use crate::money::Currency;
use crate::order::Order;
use crate::payment::PaymentMethod;
use crate::principal::Principal;
use crate::records::Records;
use crate::refund::Refund;
use crate::rejection::Rejection;
use crate::text::{Name, Sku, Username};
use crate::time::Window;
use crate::top_up::TopUp;
use crate::wallet::WalletId;
use crate::working_set::Keys;

/// Filling it.
impl World {
    /// A new customer with an empty wallet.
    pub async fn customer(&self) -> CustomerId {
        let username = Username::new(format!("customer-{}", self.number())).expect("a username");
        let name = Name::new("Kim").expect("a name");
        self.run(&operator(), RegisterCustomer { customer_id: None, username, name }).await.id
    }

    /// New customers with `won` in each wallet.
    pub async fn customers(&self, count: usize, won: i64) -> Vec<CustomerId> {
        let mut customers = Vec::with_capacity(count);
        for _ in 0..count {
            customers.push(self.customer_with(won).await);
        }
        customers
    }

    /// A new customer with `won` in the wallet.
    pub async fn customer_with(&self, won: i64) -> CustomerId {
        let customer = self.customer().await;
        self.deposit(customer, won).await;
        customer
    }

    /// Puts money into a wallet.
    pub async fn deposit(&self, customer_id: CustomerId, won: i64) {
        self.run(&operator(), Deposit { customer_id, amount: krw(won), memo: None }).await;
    }

    /// A SKU that has not been used.
    #[must_use]
    pub fn sku(&self) -> Sku {
        Sku::new(format!("SKU-{}", self.number())).expect("a SKU")
    }

    /// A variant to be, at no additional price.
    #[must_use]
    pub fn new_variant(&self, stock: u64) -> NewVariant {
        NewVariant { sku: self.sku(), option_name: None, additional_price: krw(0), stock }
    }

    /// A product to be, on sale at `won`, with one variant for each stock.
    #[must_use]
    pub fn new_product(&self, won: i64, stocks: &[u64]) -> CreateProduct {
        CreateProduct {
            name: Name::new(format!("Product {}", self.number())).expect("a name"),
            description: None,
            base_price: krw(won),
            status: ProductStatus::OnSale,
            variants: stocks.iter().map(|stock| self.new_variant(*stock)).collect(),
        }
    }

    /// A product on sale at `won`, with one variant for each stock.
    pub async fn product(&self, won: i64, stocks: &[u64]) -> Arc<Listing> {
        self.run(&operator(), self.new_product(won, stocks)).await
    }

    /// The only variant of a new product on sale at `won`.
    pub async fn variant(&self, won: i64, stock: u64) -> VariantId {
        self.product(won, &[stock]).await.variants[0].variant.id
    }

    /// A coupon to be: 1,000 won off any order, with no other, no cap, one copy a customer, from now on without end.
    #[must_use]
    pub fn new_coupon(&self) -> CreateCoupon {
        CreateCoupon {
            code: None,
            name: Name::new(format!("Coupon {}", self.number())).expect("a name"),
            discount: Discount::Amount(krw(1_000)),
            scope: CouponScope::Order,
            stacking: Stacking::Exclusive,
            priority: 0,
            by_code: false,
            min_subtotal: None,
            total_quantity: None,
            per_customer_limit: 1,
            window: Window { from: self.now(), until: None },
            active: true,
        }
    }

    /// Creates [`new_coupon`](Self::new_coupon) with changes.
    pub async fn coupon(&self, edit: impl FnOnce(&mut CreateCoupon)) -> CouponId {
        let mut coupon = self.new_coupon();
        edit(&mut coupon);
        self.run(&operator(), coupon).await.id
    }

    /// A customer claims a copy.
    pub async fn try_issue(&self, coupon: CouponId, customer_id: CustomerId) -> Result<IssuedCouponId, Rejection> {
        let claim = IssueCoupon { customer_id, coupon: CouponRef::Id(coupon) };
        self.try_run(&Principal::Customer(customer_id), claim).await.map(|copy| copy.id)
    }

    /// A customer gets a copy.
    pub async fn issue(&self, coupon: CouponId, customer: CustomerId) -> IssuedCouponId {
        accepted(self.try_issue(coupon, customer).await)
    }
}

/// Buying.
impl World {
    /// An order of a customer, paid by wallet in the same commit.
    pub async fn try_buy(&self, customer_id: CustomerId, basket: Basket) -> Result<Arc<Order>, Rejection> {
        let order = PlaceOrder { customer_id, basket, payment: Some(PaymentMethod::Wallet) };
        self.try_run(&Principal::Customer(customer_id), order).await
    }

    /// An order of a customer, paid by wallet in the same commit.
    pub async fn buy(&self, customer: CustomerId, basket: Basket) -> Arc<Order> {
        accepted(self.try_buy(customer, basket).await)
    }

    /// An order of a customer, to be paid later.
    pub async fn try_place(&self, customer_id: CustomerId, basket: Basket) -> Result<Arc<Order>, Rejection> {
        let order = PlaceOrder { customer_id, basket, payment: None };
        self.try_run(&Principal::Customer(customer_id), order).await
    }

    /// An order of a customer, to be paid later.
    pub async fn place(&self, customer: CustomerId, basket: Basket) -> Arc<Order> {
        accepted(self.try_place(customer, basket).await)
    }

    /// Its customer pays an order from the wallet.
    pub async fn try_pay(&self, order: &Order) -> Result<Arc<Order>, Rejection> {
        let pay = PayOrder { order_id: order.id, method: PaymentMethod::Wallet };
        self.try_run(&Principal::Customer(order.customer_id), pay).await
    }

    /// Its customer pays an order from the wallet.
    pub async fn pay(&self, order: &Order) -> Arc<Order> {
        accepted(self.try_pay(order).await)
    }

    /// Its customer cancels an order.
    pub async fn try_cancel(&self, order: &Order) -> Result<Arc<Order>, Rejection> {
        let cancel = CancelOrder { order_id: order.id, reason: None };
        self.try_run(&Principal::Customer(order.customer_id), cancel).await
    }

    /// Its customer cancels an order.
    pub async fn cancel(&self, order: &Order) -> Arc<Order> {
        accepted(self.try_cancel(order).await)
    }
}

/// Giving back.
impl World {
    /// Staff give back what is left of an order, or units of its lines, the way it was paid; the units go back into stock.
    pub async fn try_refund(&self, order: OrderId, lines: Option<&[(u32, i64)]>) -> Result<Arc<Refund>, Rejection> {
        let line = |&(position, units): &(u32, i64)| RefundLineRequest {
            position,
            quantity: Quantity::new(units).expect("a quantity"),
        };
        let lines = lines.map(|lines| lines.iter().map(line).collect());
        let refund = RefundOrder { order_id: order, lines, restock: true, destination: None, reason: None };
        self.try_run(&operator(), refund).await
    }

    /// Staff give back what is left of an order, or units of its lines.
    pub async fn refund(&self, order: OrderId, lines: Option<&[(u32, i64)]>) -> Arc<Refund> {
        accepted(self.try_refund(order, lines).await)
    }
}

/// Money from cards.
impl World {
    /// Its customer begins to pay an order by card.
    pub async fn try_start_card(&self, order: &Order) -> Result<Arc<Charge>, Rejection> {
        self.try_run(&Principal::Customer(order.customer_id), StartCardPayment { order_id: order.id }).await
    }

    /// Its customer begins to pay an order by card.
    pub async fn start_card(&self, order: &Order) -> Arc<Charge> {
        accepted(self.try_start_card(order).await)
    }

    /// What a gateway would have of a charge.
    #[must_use]
    pub fn found(charge: &Charge, status: GatewayStatus) -> GatewayPayment {
        let transaction_id = Name::new(format!("transaction {}", charge.id)).expect("a name");
        GatewayPayment { transaction_id, customer_id: charge.customer_id, amount: charge.amount, status }
    }

    /// A report of a charge comes in.
    pub async fn try_report(&self, charge: &Charge, report: ChargeReport) -> Result<Arc<Charge>, Rejection> {
        self.try_run(&Principal::System, SettleCharge { charge_id: charge.id, report }).await
    }

    /// A report of a charge comes in.
    pub async fn report(&self, charge: &Charge, report: ChargeReport) -> Arc<Charge> {
        accepted(self.try_report(charge, report).await)
    }

    /// The gateway tells where a charge stands.
    pub async fn try_settle(&self, charge: &Charge, status: GatewayStatus) -> Result<Arc<Charge>, Rejection> {
        self.try_report(charge, ChargeReport::Found(Self::found(charge, status))).await
    }

    /// The gateway tells where a charge stands.
    pub async fn settle(&self, charge: &Charge, status: GatewayStatus) -> Arc<Charge> {
        accepted(self.try_settle(charge, status).await)
    }

    /// A customer asks for money from a card.
    pub async fn top_up(&self, customer_id: CustomerId, won: i64) -> Arc<TopUp> {
        self.run(&Principal::Customer(customer_id), RequestTopUp { customer_id, amount: krw(won) }).await
    }

    /// A charge, as it is now.
    pub async fn charge(&self, charge: ChargeId) -> Arc<Charge> {
        sound(self.store().charge(charge).await).expect("the charge is there")
    }
}

/// Collecting.
impl World {
    /// Units of a variant into a customer's cart.
    pub async fn add_to_cart(&self, customer_id: CustomerId, variant_id: VariantId, units: i64) -> Arc<Cart> {
        let quantity = Quantity::new(units).expect("a quantity");
        self.run(&Principal::Customer(customer_id), AddCartItem { customer_id, variant_id, quantity }).await
    }

    /// A variant out of a customer's cart.
    pub async fn remove_from_cart(&self, customer_id: CustomerId, variant_id: VariantId) -> Arc<Cart> {
        let remove = RemoveCartItem { customer_id, variant_id, expected_version: None };
        self.run(&Principal::Customer(customer_id), remove).await
    }

    /// A customer's cart, as stored.
    pub async fn cart(&self, customer: CustomerId) -> Arc<Cart> {
        sound(self.store().cart(customer).await).expect("the cart is there")
    }

    /// A customer's cart, as it looks now.
    pub async fn cart_view(&self, customer: CustomerId) -> CartView {
        accepted(decided(self.commerce().cart(customer).await))
    }
}

/// Looking.
impl World {
    /// Units on hand.
    pub async fn on_hand(&self, variant: VariantId) -> u64 {
        let keys = Keys { variants: [variant].into(), ..Keys::default() };
        sound(self.store().load(&keys).await).stock(variant).map_or(0, |stock| stock.on_hand)
    }

    /// What is in the wallet, in won.
    pub async fn balance(&self, customer_id: CustomerId) -> i64 {
        let id = WalletId { customer_id, currency: Currency::KRW };
        let wallets = sound(self.store().wallets(customer_id).await);
        wallets.iter().find(|wallet| wallet.id == id).map_or(0, |wallet| wallet.balance.minor())
    }

    /// How many copies of a coupon are out.
    pub async fn issued(&self, coupon: CouponId) -> u32 {
        sound(self.store().coupon(coupon).await).map_or(0, |(_, issued)| issued)
    }

    /// A customer's copy, as stored.
    pub async fn copy(&self, copy: IssuedCouponId) -> IssuedCoupon {
        let keys = Keys { issued_coupons: [copy].into(), ..Keys::default() };
        sound(self.store().load(&keys).await).issued_coupon(copy).cloned().expect("the copy is there")
    }

    /// An order, as it is now.
    pub async fn order(&self, order: OrderId) -> Arc<Order> {
        sound(self.store().order(order).await).expect("the order is there")
    }

    /// Moves the clock on.
    pub fn wait(&self, time: Duration) {
        self.clock().advance(time);
    }
}
