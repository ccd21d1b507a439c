//! The model's orders: prices, stock, coupons and wallets once more, by hand.

use std::collections::BTreeMap;

use commerce_core::{
    BasketLines, LineRequest, OrderStatus, PayOrder, PaymentMethod, PlaceOrder, PriceRule, Principal, Refund,
    RefundDestination, RefundOrder, RefundReport, RefundStatus, SettleRefund,
};

use crate::support::coverage::Coverage;
use crate::support::model::{CopyState, Model, Verdict, WalletKey, refuse_if};
use crate::support::{TTL_SECONDS, ZONE_HOURS};

const MAX: i128 = 1_000_000_000_000_000;
const DAY: i64 = 86_400_000_000;

#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) variant: i64,
    pub(crate) product: i64,
    pub(crate) units: i64,
    /// What a unit costs, and the price rule that says so.
    pub(crate) unit: (i64, Option<PriceRule>),
    pub(crate) subtotal: i64,
    pub(crate) share: i64,
    /// Units given back or on their way, and money for them.
    pub(crate) back: (i64, i64),
    /// Units whose money is back.
    pub(crate) through: i64,
}

impl Line {
    /// What the first units of it cost.
    fn cost(&self, units: i64) -> i64 {
        let total = i128::from(self.subtotal - self.share);
        i64::try_from(total * i128::from(units) / i128::from(self.units)).expect("less than the total")
    }
}

/// Positions from 1, units and minor units.
pub(crate) type Returned = Vec<(u32, i64, i64)>;

/// What a refund gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refunded {
    pub(crate) id: i64,
    pub(crate) lines: Returned,
    pub(crate) destination: RefundDestination,
    pub(crate) status: RefundStatus,
    pub(crate) restock: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) customer: i64,
    pub(crate) currency: String,
    pub(crate) lines: Vec<Line>,
    /// The copies used and what each took off, in that order.
    pub(crate) copies: Vec<(i64, i64)>,
    pub(crate) subtotal: i64,
    pub(crate) total: i64,
    pub(crate) expires: i64,
    /// How often its payment was tried, and how it last was.
    pub(crate) attempts: u32,
    pub(crate) tried: Option<PaymentMethod>,
    /// The charge that the gateway has not decided on.
    pub(crate) in_flight: Option<i64>,
    /// Whether it is to be called off once the gateway lets go of that.
    pub(crate) asked_off: bool,
    /// Every status it has had.
    pub(crate) path: Vec<OrderStatus>,
    pub(crate) refunds: Vec<Refunded>,
}

impl Order {
    pub(crate) fn status(&self) -> OrderStatus {
        self.path[self.path.len() - 1]
    }

    fn wallet(&self) -> WalletKey {
        (self.customer, self.currency.clone())
    }
}

/// The day since 1970 in the shop's zone.
pub(crate) fn day(now: i64) -> i64 {
    (now + ZONE_HOURS * 3_600_000_000).div_euclid(DAY)
}

impl Model {
    /// The order as it would be placed, or what refuses it.
    pub(super) fn place(&self, c: &PlaceOrder, now: i64) -> Result<Order, &'static str> {
        if let BasketLines::Given(lines) = &c.basket.lines {
            refuse_if(lines.is_empty(), "no_lines")?;
            refuse_if(lines.len() > 100, "too_many_lines")?;
        }
        self.coupons_given(&c.basket.coupons)?;
        let customer = c.customer_id.get();
        refuse_if(!self.customers.contains_key(&customer), "customer_not_found")?;
        let asked = self.asked(c)?;

        let mut demand: BTreeMap<i64, i64> = BTreeMap::new();
        for line in &asked {
            let variant = self.variants.get(&line.variant_id.get()).ok_or("variant_not_found")?;
            refuse_if(!self.products[&variant.product].on_sale, "product_not_on_sale")?;
            refuse_if(!variant.active, "variant_inactive")?;
            *demand.entry(line.variant_id.get()).or_default() += i64::from(line.quantity.get());
        }
        refuse_if(demand.iter().any(|(variant, units)| *units > self.on_hand(*variant)), "out_of_stock")?;
        let mine = |id: i64| self.copies.get(&id).is_some_and(|copy| copy.customer == customer);
        refuse_if(!c.basket.coupons.iter().all(|id| mine(id.get())), "issued_coupon_not_found")?;

        let (currency, mut lines) = self.lines(&asked, &demand, now)?;
        let subtotal: i64 = lines.iter().map(|line| line.subtotal).sum();
        let copies = self.take_off(&c.basket.coupons, &mut lines, &currency, now)?;
        let total = subtotal - copies.iter().map(|(_, off)| off).sum::<i64>();
        let pays = c.payment == Some(PaymentMethod::Wallet);
        refuse_if(c.payment == Some(PaymentMethod::Card) && total == 0, "amount_not_positive")?;
        refuse_if(pays && self.balance(&(customer, currency.clone())) < total, "insufficient_balance")?;
        let path = vec![if pays { OrderStatus::Paid } else { OrderStatus::Pending }];
        let expires = now + i64::try_from(TTL_SECONDS).expect("small") * 1_000_000;
        let (attempts, tried, in_flight) = (u32::from(pays), c.payment.filter(|_| pays), None);
        let refunds = Vec::new();
        Ok(Order {
            customer,
            currency,
            lines,
            copies,
            subtotal,
            total,
            expires,
            attempts,
            tried,
            in_flight,
            asked_off: false,
            path,
            refunds,
        })
    }

    /// The lines asked for: those given, or those in the cart.
    fn asked(&self, c: &PlaceOrder) -> Result<Vec<LineRequest>, &'static str> {
        match &c.basket.lines {
            BasketLines::Given(lines) => Ok(lines.clone()),
            BasketLines::Cart(wanted) => {
                let cart = self.cart_at(c.customer_id.get(), wanted.cart_version)?;
                refuse_if(cart.items.is_empty(), "no_lines")?;
                Ok(cart.lines())
            }
        }
    }

    fn lines(
        &self,
        asked: &[LineRequest],
        demand: &BTreeMap<i64, i64>,
        now: i64,
    ) -> Result<(String, Vec<Line>), &'static str> {
        let first = &self.variants[&asked[0].variant_id.get()];
        let currency = self.products[&first.product].currency.clone();
        let (mut lines, mut sum) = (Vec::new(), 0_i128);
        for line in asked {
            let variant = &self.variants[&line.variant_id.get()];
            let product = &self.products[&variant.product];
            let plain = product.base + variant.additional;
            let unit = variant.prices.unit(plain, demand[&line.variant_id.get()], now);
            let subtotal = i128::from(unit.0) * i128::from(line.quantity.get());
            refuse_if(i128::from(plain) > MAX || subtotal > MAX, "amount_out_of_range")?;
            refuse_if(product.currency != currency, "currency_mismatch")?;
            sum += subtotal;
            refuse_if(sum > MAX, "amount_out_of_range")?;
            lines.push(Line {
                variant: line.variant_id.get(),
                product: variant.product,
                units: i64::from(line.quantity.get()),
                unit,
                subtotal: i64::try_from(subtotal).expect("within the bound"),
                share: 0,
                back: (0, 0),
                through: 0,
            });
        }
        Ok((currency, lines))
    }

    pub(super) fn placed(&mut self, c: &PlaceOrder, placed: &commerce_core::Order, now: i64, seen: &mut Coverage) {
        let order = self.place(c, now).expect("accepted");
        if let BasketLines::Cart(_) = c.basket.lines {
            self.change(c.customer_id.get(), BTreeMap::new());
            seen.note("a cart ordered");
        }
        let id = placed.id.get();
        for (variant, units) in demand(&order) {
            self.variants.get_mut(&variant).expect("a variant").ledger.push(-units);
        }
        for line in &order.lines {
            match line.unit.1 {
                Some(PriceRule::Scheduled { .. }) => seen.note("a price of its time"),
                Some(PriceRule::Tier { .. }) => seen.note("a price of its quantity"),
                None => {}
            }
        }
        let paid = order.status() == OrderStatus::Paid;
        for (copy, _) in &order.copies {
            self.copies.get_mut(copy).expect("a copy").state =
                if paid { CopyState::Used(id) } else { CopyState::Held(id) };
            seen.note(if paid { "coupon used at once" } else { "coupon held" });
        }
        self.note_coupons(&order, seen);
        if demand(&order).len() < order.lines.len() {
            seen.note("one variant on two lines");
        }
        seen.note(if paid { "nothing -> paid" } else { "nothing -> pending" });
        assert!(self.orders.insert(id, order.clone()).is_none(), "ids are never used twice");
        if paid {
            self.book(&order, now, true, seen);
        }
    }

    /// The money and the sales of a paid order.
    fn book(&mut self, order: &Order, now: i64, by_wallet: bool, seen: &mut Coverage) {
        if order.total == 0 {
            seen.note("a free order");
        } else if by_wallet {
            self.wallets.entry(order.wallet()).or_default().push(-order.total);
        }
        for line in &order.lines {
            let sold = self.sales.entry((day(now), line.product)).or_default();
            *sold = (sold.0 + line.units, sold.1 + line.subtotal - line.share);
        }
        if self.sales.keys().next().map(|(day, _)| *day) != self.sales.keys().last().map(|(day, _)| *day) {
            seen.note("two days of sales");
        }
    }

    pub(super) fn visible(&self, principal: &Principal, id: i64) -> Result<&Order, &'static str> {
        let order = self.orders.get(&id).ok_or("order_not_found")?;
        let mine = !matches!(principal, Principal::Customer(me) if me.get() != order.customer);
        if mine { Ok(order) } else { Err("order_not_found") }
    }

    pub(super) fn pay(&self, principal: &Principal, c: &PayOrder, now: i64) -> Verdict {
        refuse_if(c.method == PaymentMethod::Card, "payment_method_not_offered")?;
        let order = self.visible(principal, c.order_id.get())?;
        refuse_if(order.status() == OrderStatus::Processing, "payment_in_progress")?;
        refuse_if(order.status() != OrderStatus::Pending, "invalid_transition")?;
        refuse_if(now >= order.expires, "order_expired")?;
        refuse_if(self.balance(&order.wallet()) < order.total, "insufficient_balance")
    }

    pub(super) fn cancel(&self, principal: &Principal, id: i64) -> Verdict {
        let order = self.visible(principal, id)?;
        if order.status() == OrderStatus::Processing {
            return refuse_if(order.asked_off, "payment_in_progress");
        }
        refuse_if(order.status() != OrderStatus::Pending, "invalid_transition")
    }

    pub(super) fn expire(&self, id: i64, now: i64) -> Verdict {
        let order = self.orders.get(&id).ok_or("order_not_found")?;
        refuse_if(order.status() == OrderStatus::Processing, "payment_in_progress")?;
        refuse_if(order.status() != OrderStatus::Pending, "invalid_transition")?;
        refuse_if(now < order.expires, "order_not_expired")
    }

    pub(super) fn step(&self, id: i64, from: OrderStatus) -> Verdict {
        let order = self.orders.get(&id).ok_or("order_not_found")?;
        refuse_if(order.status() == OrderStatus::Processing, "payment_in_progress")?;
        refuse_if(order.status() != from, "invalid_transition")
    }

    /// Where a refund goes, and its positions, units and money; or what refuses it.
    pub(super) fn refund(&self, c: &RefundOrder) -> Result<(RefundDestination, Returned), &'static str> {
        let asked = c.lines.as_deref();
        refuse_if(asked.is_some_and(<[_]>::is_empty), "no_lines")?;
        refuse_if(asked.is_some_and(|lines| lines.len() > 100), "too_many_lines")?;
        let order = self.orders.get(&c.order_id.get()).ok_or("order_not_found")?;
        let paid = matches!(order.status(), OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered);
        refuse_if(order.status() == OrderStatus::Processing, "payment_in_progress")?;
        refuse_if(!paid, "invalid_transition")?;
        let by_card = order.tried == Some(PaymentMethod::Card);
        let gateway = c.destination.map_or(by_card, |to| to == RefundDestination::Gateway);
        refuse_if(gateway && !by_card, "refund_destination_not_offered")?;
        let mut lines = Vec::new();
        for (position, line) in (1..).zip(&order.lines) {
            let left = line.units - line.back.0;
            let units = match asked {
                None => left,
                Some(asked) => {
                    asked.iter().filter(|a| a.position == position).map(|a| i64::from(a.quantity.get())).sum()
                }
            };
            refuse_if(units > left, "refund_too_large")?;
            if units > 0 {
                lines.push((position, units, (line.cost(line.back.0 + units) - line.back.1).max(0)));
            }
        }
        let known = |position: u32| (1..=order.lines.len()).contains(&(position as usize));
        refuse_if(asked.unwrap_or_default().iter().any(|a| !known(a.position)), "order_line_not_found")?;
        refuse_if(lines.is_empty(), "refund_too_large")?;
        let total: i64 = lines.iter().map(|(_, _, amount)| amount).sum();
        refuse_if(!gateway && i128::from(self.balance(&order.wallet()) + total) > MAX, "wallet_full")?;
        Ok((if gateway { RefundDestination::Gateway } else { RefundDestination::Wallet }, lines))
    }

    pub(super) fn refunded(&mut self, c: &RefundOrder, refund: &Refund, now: i64, seen: &mut Coverage) {
        let (destination, lines) = self.refund(c).expect("accepted");
        let (id, order_id) = (refund.id.get(), c.order_id.get());
        let order = self.orders.get_mut(&order_id).expect("an order");
        let on_its_way = order.refunds.iter().any(|refund| refund.status == RefundStatus::Pending);
        for (position, units, amount) in &lines {
            let back = &mut order.lines[*position as usize - 1].back;
            *back = (back.0 + units, back.1 + amount);
        }
        let total: i64 = lines.iter().map(|(_, _, amount)| amount).sum();
        assert_eq!((refund.total.minor(), refund.destination), (total, destination), "{c:?}");
        let status = RefundStatus::Pending;
        order.refunds.push(Refunded { id, lines, destination, status, restock: c.restock });
        if destination == RefundDestination::Gateway {
            self.advance(order_id, self.orders[&order_id].status());
            seen.note("a refund on its way");
            return;
        }
        if on_its_way && c.lines.is_none() {
            seen.note("the rest while some is on its way");
        }
        if total > 0 {
            let wallet = self.orders[&order_id].wallet();
            self.wallets.entry(wallet).or_default().push(total);
        } else {
            seen.note("a refund of nothing");
        }
        self.came_back(order_id, id, now, seen);
    }

    /// The refund that a word is about.
    pub(super) fn word(&self, c: &SettleRefund) -> Result<&Refunded, &'static str> {
        let order = self.orders.get(&c.order_id.get()).ok_or("order_not_found")?;
        order.refunds.iter().find(|refund| refund.id == c.refund_id.get()).ok_or("refund_not_found")
    }

    pub(super) fn heard(&mut self, c: &SettleRefund, after: &Refund, now: i64, seen: &mut Coverage) {
        let refund = self.word(c).expect("accepted").clone();
        let order_id = c.order_id.get();
        let status = match (refund.status, &c.report) {
            (RefundStatus::Pending, RefundReport::Returned) => {
                seen.note("a refund on its way is back");
                self.came_back(order_id, refund.id, now, seen);
                RefundStatus::Succeeded
            }
            (RefundStatus::Pending, RefundReport::Refused { .. }) => {
                seen.note("a refund on its way failed");
                let order = self.orders.get_mut(&order_id).expect("an order");
                for (position, units, amount) in &refund.lines {
                    let back = &mut order.lines[*position as usize - 1].back;
                    *back = (back.0 - units, back.1 - amount);
                }
                order.refunds.iter_mut().filter(|r| r.id == refund.id).for_each(|r| r.status = RefundStatus::Failed);
                self.advance(order_id, self.orders[&order_id].status());
                RefundStatus::Failed
            }
            (settled, _) => {
                seen.note("old news of a refund");
                settled
            }
        };
        assert_eq!((after.status, after.failure_reason.is_some()), (status, status == RefundStatus::Failed), "{c:?}");
    }

    /// A refund's money is back, one way or the other.
    fn came_back(&mut self, order_id: i64, id: i64, now: i64, seen: &mut Coverage) {
        let order = self.orders.get_mut(&order_id).expect("an order");
        let refund = order.refunds.iter_mut().find(|refund| refund.id == id).expect("a refund");
        refund.status = RefundStatus::Succeeded;
        let (lines, restock) = (refund.lines.clone(), refund.restock);
        let mut units: BTreeMap<i64, i64> = BTreeMap::new();
        for (position, quantity, amount) in lines {
            let line = &mut order.lines[position as usize - 1];
            line.through += quantity;
            let sold = self.sales.entry((day(now), line.product)).or_default();
            *sold = (sold.0 - quantity, sold.1 - amount);
            if restock {
                *units.entry(line.variant).or_default() += quantity;
            }
        }
        let in_full = order.lines.iter().all(|line| line.through == line.units);
        let to = if in_full { OrderStatus::Refunded } else { order.status() };
        let order = self.advance(order_id, to);
        seen.note(if in_full { "refunded in full" } else { "refunded in part" });
        self.give_back(units, if in_full { order.copies } else { Vec::new() }, now, seen);
    }

    pub(super) fn moved_on(&mut self, id: i64, to: OrderStatus) {
        self.advance(id, to);
    }

    pub(super) fn paid(&mut self, id: i64, now: i64, seen: &mut Coverage) {
        let order = self.orders.get_mut(&id).expect("an order");
        order.attempts += 1;
        if order.tried.replace(PaymentMethod::Wallet) == Some(PaymentMethod::Card) {
            seen.note("paid by wallet after a card");
        }
        seen.note("pending -> paid");
        self.paid_with(id, now, true, seen);
    }

    pub(super) fn paid_with(&mut self, id: i64, now: i64, by_wallet: bool, seen: &mut Coverage) {
        let order = self.advance(id, OrderStatus::Paid);
        for (copy, _) in &order.copies {
            self.copies.get_mut(copy).expect("a copy").state = CopyState::Used(id);
            seen.note("coupon used later");
        }
        self.book(&order, now, by_wallet, seen);
    }

    pub(super) fn cancelled(&mut self, id: i64, now: i64, seen: &mut Coverage) {
        self.called_off(id, now, seen);
        seen.note("pending -> cancelled");
    }

    pub(super) fn asked_off(&mut self, id: i64, answered: &commerce_core::Order, seen: &mut Coverage) {
        self.orders.get_mut(&id).expect("an order").asked_off = true;
        assert_eq!(answered.status, OrderStatus::Processing);
        seen.note("asked to be called off");
    }

    pub(super) fn called_off(&mut self, id: i64, now: i64, seen: &mut Coverage) {
        let order = self.advance(id, OrderStatus::Cancelled);
        self.give_back(demand(&order), order.copies, now, seen);
    }

    pub(super) fn advance(&mut self, id: i64, to: OrderStatus) -> Order {
        let order = self.orders.get_mut(&id).expect("an order");
        order.path.push(to);
        order.clone()
    }
}

/// Units by variant, over all lines.
fn demand(order: &Order) -> BTreeMap<i64, i64> {
    let mut demand = BTreeMap::new();
    for line in &order.lines {
        *demand.entry(line.variant).or_default() += line.units;
    }
    demand
}
