//! What should be in the store, kept from the commands and their outcomes alone: plain sums in 128 bits.

use std::collections::BTreeMap;
use std::sync::Arc;

use commerce_core::{
    AddVariant, BasketLines, Command, CouponCode, CouponId, CouponRef, CreateProduct, CustomerId, Date, ImportItem,
    IssuedCouponId, IssuedCouponStatus, LineRequest, Money, Order, OrderId, OrderLine, OrderStatus, Outcome,
    PaymentMethod, ProductId, Refund, RefundDestination, RefundId, RefundStatus, TimeZone, Timestamp, VariantId,
    WalletId,
};

use super::cards::Cards;

/// The books. Lists are in the order in which things came to be.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) customers: Vec<CustomerId>,
    pub(super) products: Vec<ProductId>,
    pub(super) variants: Vec<VariantId>,
    pub(super) coupons: Vec<CouponId>,
    pub(super) copies: Vec<IssuedCouponId>,
    pub(super) copies_of: BTreeMap<CustomerId, Vec<IssuedCouponId>>,
    pub(super) order_ids: Vec<OrderId>,
    pub(super) orders: BTreeMap<OrderId, Standing>,
    pub(super) stock: BTreeMap<VariantId, i128>,
    /// Minor units; wallets that nothing ever moved are not here.
    pub(super) balances: BTreeMap<WalletId, i128>,
    pub(super) issued: BTreeMap<CouponId, BTreeMap<CustomerId, u32>>,
    /// How many copies there may be of a coupon, and how many of them one customer may have.
    pub(super) limits: BTreeMap<CouponId, (Option<u32>, u32)>,
    /// The order that holds or used a copy.
    pub(super) taken: BTreeMap<IssuedCouponId, OrderId>,
    /// Codes that are good for one copy, and whether they are used.
    codes: BTreeMap<CouponCode, bool>,
    /// Copies that were taken back or marked as expired.
    pub(super) gone: BTreeMap<IssuedCouponId, IssuedCouponStatus>,
    /// What is in carts; those that nothing was ever put into are not here.
    pub(super) carts: BTreeMap<CustomerId, BTreeMap<VariantId, i128>>,
    /// Units and minor units.
    pub(super) sales: BTreeMap<(Date, ProductId), (i128, i128)>,
    pub(super) cards: Cards,
    /// Refunds that went, or are to go, through the gateway, and where they stand.
    pub(super) refund_ids: Vec<(OrderId, RefundId)>,
    refunds: BTreeMap<RefundId, RefundStatus>,
}

/// Where an order should stand.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) customer: CustomerId,
    pub(super) status: OrderStatus,
    /// How many transitions it has been through.
    pub(super) events: u64,
    lines: Arc<[OrderLine]>,
    paid: Money,
    /// Units given back of each line or on their way, and minor units of all of them.
    back: (Vec<u32>, i128),
    /// Units of each line whose money is back.
    through: Vec<u32>,
    copies: Vec<IssuedCouponId>,
    /// As it was placed, for its prices.
    order: Order,
}

impl Books {
    pub(super) fn owner(&self, order: OrderId) -> Option<CustomerId> {
        self.orders.get(&order).map(|standing| standing.customer)
    }

    /// Books a command that was carried out.
    pub(super) fn record(&mut self, command: &Command, outcome: &Outcome, at: Timestamp) {
        match (command, outcome) {
            (Command::RegisterCustomer(_), Outcome::Customer(customer)) => self.customers.push(customer.id),
            (Command::CreateProduct(CreateProduct { variants, .. }), Outcome::Listing(listing)) => {
                self.products.push(listing.product.id);
                assert_eq!(variants.len(), listing.variants.len());
                for (asked, listed) in variants.iter().zip(&listing.variants) {
                    self.new_variant(listed.variant.id, asked.stock);
                }
            }
            (Command::ImportProducts(c), Outcome::Imported(imported)) => {
                assert_eq!(c.items.len(), imported.items.len());
                for (asked, made) in c.items.iter().zip(&imported.items) {
                    if let ImportItem::Product(_) = asked {
                        self.products.push(made.product_id);
                    }
                    assert_eq!(asked.variants().len(), made.variant_ids.len());
                    for (asked, id) in asked.variants().iter().zip(&made.variant_ids) {
                        self.new_variant(*id, asked.stock);
                    }
                }
            }
            (Command::AddVariant(AddVariant { variant, .. }), Outcome::Variant(listed)) => {
                self.new_variant(listed.variant.id, variant.stock);
            }
            (Command::AdjustStock(c), Outcome::StockEntry(_)) => self.move_stock(c.variant_id, c.delta.into()),
            (Command::Deposit(c), Outcome::WalletEntry(_)) => self.move_money(c.customer_id, c.amount, 1),
            (Command::AdjustWallet(c), Outcome::WalletEntry(_)) => self.move_money(c.customer_id, c.amount, 1),
            (Command::CreateCoupon(c), Outcome::Coupon(coupon)) => {
                self.coupons.push(coupon.id);
                self.limits.insert(coupon.id, (c.total_quantity, c.per_customer_limit));
            }
            (Command::AddCodes(c), Outcome::CodeBatch(_)) => {
                for code in &c.codes {
                    assert_eq!(self.codes.insert(code.clone(), false), None, "{code} was added twice");
                }
            }
            (Command::IssueCoupon(c), Outcome::IssuedCoupon(copy)) => {
                if let CouponRef::Code(code) = &c.coupon
                    && let Some(used) = self.codes.get_mut(code)
                {
                    assert!(!std::mem::replace(used, true), "{code} was used twice");
                }
                self.copies.push(copy.id);
                self.copies_of.entry(c.customer_id).or_default().push(copy.id);
                *self.issued.entry(copy.coupon_id).or_default().entry(c.customer_id).or_default() += 1;
            }
            (Command::RevokeCoupon(_) | Command::ExpireIssuedCoupon(_), Outcome::IssuedCoupon(copy)) => {
                assert!(!self.taken.contains_key(&copy.id), "{} is in an order's hands", copy.id);
                assert_eq!(self.gone.insert(copy.id, copy.status), None, "{} was gone already", copy.id);
            }
            (command, Outcome::Cart(cart)) => self.edit(command, cart),
            (Command::MergeCart(c), Outcome::MergedCart(merged)) => self.merge(&c.lines, merged),
            (Command::PlaceOrder(c), Outcome::Order(order)) => {
                let lines = match &c.basket.lines {
                    BasketLines::Given(lines) => lines.clone(),
                    BasketLines::Cart(_) => self.check_out(c.customer_id, order),
                };
                self.place(order, &lines, &c.basket.coupons);
                if c.payment == Some(PaymentMethod::Wallet) {
                    self.pay(order, at);
                }
            }
            (Command::PayOrder(_), Outcome::Order(order)) => {
                self.step_to(order.id, OrderStatus::Pending, order.status);
                self.pay(order, at);
            }
            (Command::CancelOrder(_), Outcome::Order(order)) if order.status == OrderStatus::Processing => {
                self.ask_off(order.id);
            }
            (Command::CancelOrder(_) | Command::ExpireOrder(_), Outcome::Order(order)) => self.cancel(order),
            (Command::RefundOrder(_), Outcome::Refund(refund)) => self.refund(refund, at),
            (Command::SettleRefund(_), Outcome::Refund(refund)) => self.settle_refund(refund, at),
            (Command::ShipOrder(_), Outcome::Order(order)) => self.step_to(order.id, OrderStatus::Paid, order.status),
            (Command::DeliverOrder(_), Outcome::Order(order)) => {
                self.step_to(order.id, OrderStatus::Shipped, order.status)
            }
            (Command::StartCardPayment(_), Outcome::Charge(charge)) => self.start(charge),
            (Command::RequestTopUp(_), Outcome::TopUp(top_up)) => self.top_up(top_up),
            (Command::SettleCharge(_), Outcome::Charge(charge)) => self.settle(command, charge, at),
            (
                Command::UpdateProduct(_) | Command::UpdateVariant(_) | Command::UpdateCoupon(_),
                Outcome::Product(_) | Outcome::Variant(_) | Outcome::Coupon(_),
            ) => {}
            other => unreachable!("an outcome of another kind of command: {other:?}"),
        }
    }

    fn new_variant(&mut self, id: VariantId, stock: u64) {
        self.variants.push(id);
        assert_eq!(self.stock.insert(id, stock.into()), None, "{id} was given out twice");
    }

    fn move_stock(&mut self, id: VariantId, delta: i128) {
        *self.stock.get_mut(&id).expect("only what is listed has stock") += delta;
    }

    pub(super) fn move_money(&mut self, customer_id: CustomerId, amount: Money, sign: i128) {
        let wallet = WalletId { customer_id, currency: amount.currency() };
        *self.balances.entry(wallet).or_default() += sign * i128::from(amount.minor());
    }

    fn place(&mut self, order: &Order, lines: &[LineRequest], copies: &[IssuedCouponId]) {
        self.order_ids.push(order.id);
        for line in lines {
            self.move_stock(line.variant_id, -i128::from(line.quantity.get()));
        }
        for copy in copies {
            assert_eq!(self.taken.insert(*copy, order.id), None, "{copy} was used twice");
            assert_eq!(self.gone.get(copy), None, "{copy} was used once it was gone");
        }
        let standing = Standing {
            customer: order.customer_id,
            status: order.status,
            events: 1,
            lines: Arc::clone(&order.lines),
            paid: order.total,
            back: (vec![0; lines.len()], 0),
            through: vec![0; lines.len()],
            copies: copies.to_vec(),
            order: order.clone(),
        };
        assert!(self.orders.insert(order.id, standing).is_none(), "{} was given out twice", order.id);
    }

    pub(super) fn step_to(&mut self, order: OrderId, from: OrderStatus, to: OrderStatus) {
        let standing = self.orders.get_mut(&order).expect("only what was placed moves on");
        assert_eq!(standing.status, from, "only an order that is {from:?} becomes {to:?}");
        assert!(from.may_become(to), "{from:?} -> {to:?}");
        standing.status = to;
        standing.events += 1;
    }

    fn pay(&mut self, order: &Order, at: Timestamp) {
        assert_eq!(order.status, OrderStatus::Paid);
        if !order.total.is_zero() {
            self.move_money(order.customer_id, order.total, -1);
        }
        self.sell(order.id, at);
    }

    pub(super) fn sell(&mut self, order: OrderId, at: Timestamp) {
        for line in self.orders[&order].order.lines.iter() {
            let day = self.sales.entry((at.date_in(TimeZone::UTC), line.product_id)).or_default();
            day.0 += i128::from(line.quantity);
            day.1 += i128::from(line.subtotal.minor()) - i128::from(line.discount.minor());
        }
    }

    fn refund(&mut self, refund: &Refund, at: Timestamp) {
        let standing = self.orders.get_mut(&refund.order_id).expect("only what was placed is given back");
        standing.back.1 += i128::from(refund.total.minor());
        for line in &refund.lines {
            standing.back.0[line.position as usize - 1] += line.quantity;
        }
        let (given_back, paid) = (standing.back.1, i128::from(standing.paid.minor()));
        let all = standing.lines.iter().zip(&standing.back.0).all(|(line, back)| line.quantity == *back);
        assert!(given_back <= paid && (!all || given_back == paid), "{given_back} given back of {paid}");
        assert!(standing.lines.iter().zip(&standing.back.0).all(|(line, back)| *back <= line.quantity));
        match refund.destination {
            RefundDestination::Wallet => {
                let customer = standing.customer;
                if !refund.total.is_zero() {
                    self.move_money(customer, refund.total, 1);
                }
                self.came_back(refund, at);
            }
            RefundDestination::Gateway => {
                assert_eq!(refund.status, RefundStatus::Pending);
                standing.events += 1;
                self.refund_ids.push((refund.order_id, refund.id));
                assert_eq!(self.refunds.insert(refund.id, refund.status), None, "{} was given out twice", refund.id);
            }
        }
    }

    /// Books what a word on a refund came to.
    fn settle_refund(&mut self, refund: &Refund, at: Timestamp) {
        let before = self.refunds.insert(refund.id, refund.status).expect("only what was begun is settled");
        if before == refund.status {
            return;
        }
        assert_eq!(before, RefundStatus::Pending, "settled is settled: {refund:?}");
        if refund.status == RefundStatus::Succeeded {
            return self.came_back(refund, at);
        }
        let standing = self.orders.get_mut(&refund.order_id).expect("only what was placed is given back");
        standing.events += 1;
        standing.back.1 -= i128::from(refund.total.minor());
        for line in &refund.lines {
            standing.back.0[line.position as usize - 1] -= line.quantity;
        }
    }

    /// A refund's money is back, one way or the other.
    fn came_back(&mut self, refund: &Refund, at: Timestamp) {
        let standing = self.orders.get_mut(&refund.order_id).expect("only what was placed is given back");
        assert!(matches!(standing.status, OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered));
        standing.events += 1;
        let mut returned = Vec::new();
        for line in &refund.lines {
            let place = line.position as usize - 1;
            standing.through[place] += line.quantity;
            returned.push((standing.lines[place].clone(), line));
        }
        let all = standing.lines.iter().zip(&standing.through).all(|(line, through)| line.quantity == *through);
        if all {
            standing.status = OrderStatus::Refunded;
        }
        let copies = if all { standing.copies.clone() } else { Vec::new() };
        for copy in copies {
            self.taken.remove(&copy);
        }
        for (line, back) in returned {
            if refund.restock {
                self.move_stock(line.variant_id, back.quantity.into());
            }
            let day = self.sales.entry((at.date_in(TimeZone::UTC), line.product_id)).or_default();
            day.0 -= i128::from(back.quantity);
            day.1 -= i128::from(back.amount.minor());
        }
    }

    fn cancel(&mut self, order: &Order) {
        assert_eq!(order.status, OrderStatus::Cancelled);
        self.step_to(order.id, OrderStatus::Pending, order.status);
        self.give_back(order.id);
    }

    pub(super) fn give_back(&mut self, order: OrderId) {
        let standing = &self.orders[&order];
        let (lines, copies) = (Arc::clone(&standing.lines), standing.copies.clone());
        for line in lines.iter() {
            self.move_stock(line.variant_id, line.quantity.into());
        }
        for copy in copies {
            self.taken.remove(&copy);
        }
    }
}
