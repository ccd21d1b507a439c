//! From steps to envelopes: which ids exist by now, and which keys were used.

use commerce_core::{
    AddCartItem, AddCodes, AddVariant, AdjustStock, AdjustWallet, Basket, BasketLines, CancelOrder, CartLines,
    ChargeId, ChargePurpose, ChargeReport, ChargeStatus, ClearCart, Command, CouponCode, CouponId, CouponRef,
    CouponScope, CreateCoupon, CreateProduct, Currency, CustomerId, DeliverOrder, Deposit, Discount, Envelope,
    ExpireIssuedCoupon, ExpireOrder, GatewayPayment, GatewayStatus, Id, IdBlock, ImportItem, ImportProducts,
    IssueCoupon, IssuedCouponId, LineRequest, MergeCart, Money, NewVariant, NodeId, OrderId, OrderStatus, Outcome,
    PayOrder, PaymentMethod, Percent, PlaceOrder, PriceRules, PriceTier, Principal, ProductId, ProductStatus, Quantity,
    RefundDestination, RefundId, RefundLineRequest, RefundOrder, RefundReport, RefundStatus, RegisterCustomer,
    RemoveCartItem, RequestTopUp, RevokeCoupon, ScheduledPrice, SettleCharge, SettleRefund, ShipOrder, Stacking,
    StartCardPayment, Timestamp, UpdateCartItem, UpdateCoupon, UpdateProduct, UpdateVariant, VariantId, Window,
};
use rust_decimal::Decimal;

use crate::support::script::{Action, CouponSpec, Key, OffSpec, Ref, RulesSpec, Step, Sum, UNKNOWN, VariantSpec, Who};

/// What has come back so far, in the order it did.
#[derive(Debug, Default)]
pub(crate) struct World {
    customers: Vec<CustomerId>,
    products: Vec<ProductId>,
    variants: Vec<VariantId>,
    coupons: Vec<(CouponId, Option<CouponCode>)>,
    copies: Vec<(IssuedCouponId, CustomerId)>,
    orders: Vec<(OrderId, CustomerId)>,
    pending: Vec<(OrderId, CustomerId)>,
    paid: Vec<(OrderId, CustomerId)>,
    charges: Vec<(ChargeId, CustomerId, Money)>,
    refunds: Vec<(OrderId, RefundId)>,
    sent: Vec<Envelope>,
    tick: u64,
}

fn id<I: Id>(raw: i64) -> I {
    I::from_raw(raw.try_into().expect("not zero"))
}

fn pick<T: Clone>(known: &[T], at: Ref) -> Option<T> {
    known.get(usize::from(at) % known.len().max(1)).filter(|_| at != UNKNOWN).cloned()
}

fn pick_id<I: Id>(known: &[I], at: Ref) -> I {
    pick(known, at).unwrap_or(id(i64::MAX))
}

/// An amount, of won or dollars.
fn money(sum: Sum) -> Money {
    Money::new(sum.minor, if sum.dollars { Currency::USD } else { Currency::KRW }).expect("within the bound")
}

fn status(at: u8) -> ProductStatus {
    match at {
        4 => ProductStatus::Paused,
        5 => ProductStatus::Discontinued,
        _ => ProductStatus::OnSale,
    }
}

fn new_variant(spec: &VariantSpec) -> NewVariant {
    NewVariant {
        sku: format!("SKU-{}", spec.sku).parse().expect("a SKU"),
        option_name: None,
        additional_price: money(spec.additional),
        stock: spec.stock,
    }
}

fn price_rules(spec: &RulesSpec, now: Timestamp) -> PriceRules {
    let after = |seconds: i64| Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
    let tier = |(from, price): &(u32, Sum)| PriceTier {
        from_quantity: Quantity::new(i64::from(*from)).expect("a quantity"),
        unit_price: money(*price),
    };
    let scheduled = |(from, lasts, price): &(i64, Option<i64>, Sum)| ScheduledPrice {
        window: Window { from: after(*from), until: lasts.map(|lasts| after(from + lasts)) },
        unit_price: money(*price),
    };
    PriceRules {
        tiers: spec.tiers.iter().map(tier).collect(),
        scheduled: spec.scheduled.iter().map(scheduled).collect(),
    }
}

fn numbered(code: u8) -> CouponCode {
    format!("CODE-{code}").parse().expect("a code")
}

fn new_coupon(spec: &CouponSpec, products: &[ProductId], now: Timestamp) -> CreateCoupon {
    let scope = |named: &Vec<Ref>| CouponScope::Products(named.iter().map(|at| pick_id(products, *at)).collect());
    let after = |seconds: i64| Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
    CreateCoupon {
        code: spec.code.map(numbered),
        name: "a coupon".parse().expect("a name"),
        discount: match spec.off {
            OffSpec::Amount(amount) => Discount::Amount(money(amount)),
            OffSpec::Percent(rate, cap) => Discount::Percent {
                rate: Percent::new(Decimal::new(i64::from(rate), 2)).expect("a percentage"),
                cap: cap.map(money),
            },
        },
        scope: spec.products.as_ref().map_or(CouponScope::Order, scope),
        stacking: if spec.stackable { Stacking::Stackable } else { Stacking::Exclusive },
        priority: u16::from(spec.priority),
        by_code: spec.by_code,
        min_subtotal: spec.minimum.map(money),
        total_quantity: spec.total,
        per_customer_limit: spec.per_customer,
        window: Window { from: after(spec.from), until: spec.lasts.map(|lasts| after(spec.from + lasts)) },
        active: spec.active,
    }
}

impl World {
    /// Notes the ids of what was made.
    pub(crate) fn learn(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Customer(customer) => self.customers.push(customer.id),
            Outcome::Listing(listing) => {
                self.products.push(listing.product.id);
                self.variants.extend(listing.variants.iter().map(|listed| listed.variant.id));
            }
            Outcome::Imported(imported) => {
                for item in &imported.items {
                    if !self.products.contains(&item.product_id) {
                        self.products.push(item.product_id);
                    }
                    self.variants.extend(&item.variant_ids);
                }
            }
            Outcome::Variant(listed) if !self.variants.contains(&listed.variant.id) => {
                self.variants.push(listed.variant.id);
            }
            Outcome::Coupon(coupon) if self.coupons.iter().all(|(known, _)| *known != coupon.id) => {
                self.coupons.push((coupon.id, coupon.code.clone()));
            }
            Outcome::IssuedCoupon(copy) if self.copies.iter().all(|(known, _)| *known != copy.id) => {
                self.copies.push((copy.id, copy.customer_id));
            }
            Outcome::Order(order) => {
                let order_and_owner = (order.id, order.customer_id);
                self.pending.retain(|known| *known != order_and_owner);
                if order.status == OrderStatus::Pending {
                    self.pending.push(order_and_owner);
                }
                self.paid.retain(|known| *known != order_and_owner);
                if matches!(order.status, OrderStatus::Paid | OrderStatus::Shipped | OrderStatus::Delivered) {
                    self.paid.push(order_and_owner);
                }
                if !self.orders.contains(&order_and_owner) {
                    self.orders.push(order_and_owner);
                }
            }
            Outcome::Charge(charge) if self.charges.iter().all(|(known, ..)| *known != charge.id) => {
                self.charges.push((charge.id, charge.customer_id, charge.amount));
            }
            Outcome::Charge(charge) if charge.status == ChargeStatus::Captured => {
                if let ChargePurpose::Order { order_id, .. } = charge.purpose {
                    let order_and_owner = (order_id, charge.customer_id);
                    self.pending.retain(|known| *known != order_and_owner);
                    self.paid.retain(|known| *known != order_and_owner);
                    self.paid.push(order_and_owner);
                }
            }
            Outcome::Refund(refund) if refund.status == RefundStatus::Pending => {
                self.refunds.push((refund.order_id, refund.id));
            }
            Outcome::TopUp(top_up) => self.charges.push((top_up.charge_id, top_up.customer_id, top_up.amount)),
            _ => {}
        }
    }

    /// The step as a request, sent at `now`.
    pub(crate) fn envelope(&mut self, step: &Step, now: Timestamp) -> Envelope {
        let envelope = match &step.action {
            Action::Repeat(at) => pick(&self.sent, *at).map(|earlier| Envelope { ids: self.ids(9), ..earlier }),
            _ => None,
        };
        let envelope = envelope.unwrap_or_else(|| self.fresh(step, now));
        self.sent.push(envelope.clone());
        envelope
    }

    fn fresh(&mut self, step: &Step, now: Timestamp) -> Envelope {
        let (owner, command) = self.command(&step.action, now);
        let principal = match step.who {
            Who::Owner if step.action.is_staffs() => Principal::Operator("operator-0".parse().expect("a name")),
            Who::Owner => owner.map_or(Principal::System, Principal::Customer),
            Who::Customer(at) => Principal::Customer(pick_id(&self.customers, at)),
            Who::Operator(at) => Principal::Operator(format!("operator-{at}").parse().expect("a name")),
            Who::System => Principal::System,
        };
        let kind = (&principal, command.operation());
        let key = match step.key {
            Key::Fresh => None,
            Key::SameKind => self.sent.iter().rev().find(|sent| (&sent.principal, sent.operation()) == kind),
            Key::Earlier(at) => self.sent.get(usize::from(at) % self.sent.len().max(1)),
        };
        let unused = || format!("key-{}", self.sent.len()).parse().expect("a key");
        let key = key.map_or_else(unused, |earlier| earlier.key.clone());
        let ids = self.ids(if step.short_of_ids { 0 } else { 110 });
        Envelope { principal, key, command, ids }
    }

    fn ids(&mut self, count: u32) -> IdBlock {
        let block = IdBlock::new(self.tick + 1_000_000, count, NodeId::default());
        self.tick += u64::from(count);
        block
    }

    /// The command, and the customer it is about.
    fn command(&self, action: &Action, now: Timestamp) -> (Option<CustomerId>, Command) {
        let customer = |at| pick_id(&self.customers, at);
        let coupon = |at| pick(&self.coupons, at);
        let version = |version: &Option<u8>| version.map(u64::from);
        match action {
            Action::Register { customer, username } => {
                // Numbers of people who may not have been registered yet.
                let customer_id = customer.map(|at| id(i64::from(at % 5) + 1));
                let username = format!("user-{username}").parse().expect("a username");
                let name = "somebody".parse().expect("a name");
                (customer_id, RegisterCustomer { customer_id, username, name }.into())
            }
            Action::CreateProduct { base, status: at, variants } => {
                let (name, base_price) = ("goods".parse().expect("a name"), money(*base));
                let variants = variants.iter().map(new_variant).collect();
                (None, CreateProduct { name, description: None, base_price, status: status(*at), variants }.into())
            }
            Action::UpdateProduct { product, version: expected, base, status: at } => {
                let (product_id, expected_version) = (pick_id(&self.products, *product), version(expected));
                let (base_price, status) = (base.map(money), at.map(status));
                (None, UpdateProduct { product_id, expected_version, name: None, base_price, status }.into())
            }
            Action::AddVariant { product, variant } => {
                let product_id = pick_id(&self.products, *product);
                (None, AddVariant { product_id, variant: new_variant(variant) }.into())
            }
            Action::Import { products, more } => {
                let product = |(base, variants): &(Sum, Vec<VariantSpec>)| {
                    let (name, variants) =
                        ("goods".parse().expect("a name"), variants.iter().map(new_variant).collect());
                    let (base_price, status) = (money(*base), ProductStatus::OnSale);
                    ImportItem::Product(CreateProduct { name, description: None, base_price, status, variants })
                };
                let added = more.iter().map(|(product, variant)| {
                    let product_id = pick_id(&self.products, *product);
                    ImportItem::Variant(AddVariant { product_id, variant: new_variant(variant) })
                });
                (None, ImportProducts { items: products.iter().map(product).chain(added).collect() }.into())
            }
            Action::UpdateVariant { variant, version: expected, additional, active, rules } => {
                let (variant_id, expected_version) = (pick_id(&self.variants, *variant), version(expected));
                let (additional_price, active) = (additional.map(money), *active);
                let price_rules = rules.as_ref().map(|rules| price_rules(rules, now));
                (None, UpdateVariant { variant_id, expected_version, additional_price, active, price_rules }.into())
            }
            Action::AdjustStock { variant, delta } => {
                let variant_id = pick_id(&self.variants, *variant);
                (None, AdjustStock { variant_id, delta: *delta, note: None }.into())
            }
            Action::Deposit { customer: at, amount } => {
                let customer_id = customer(*at);
                (Some(customer_id), Deposit { customer_id, amount: money(*amount), memo: None }.into())
            }
            Action::AdjustWallet { customer: at, amount } => {
                let (customer_id, memo) = (customer(*at), "a correction".parse().expect("a note"));
                (Some(customer_id), AdjustWallet { customer_id, amount: money(*amount), memo }.into())
            }
            Action::CreateCoupon(spec) => (None, new_coupon(spec, &self.products, now).into()),
            Action::UpdateCoupon { coupon: at, version: expected, active } => {
                let coupon_id = coupon(*at).map_or(id(i64::MAX), |(id, _)| id);
                (None, UpdateCoupon { coupon_id, expected_version: version(expected), active: *active }.into())
            }
            Action::Issue { customer: who, coupon: at, by_code } => {
                let coupon = match coupon(*at) {
                    Some((_, Some(code))) if *by_code => CouponRef::Code(code),
                    None if *by_code => CouponRef::Code("NO-SUCH-CODE".parse().expect("a code")),
                    known => CouponRef::Id(known.map_or(id(i64::MAX), |(id, _)| id)),
                };
                let customer_id = customer(*who);
                (Some(customer_id), IssueCoupon { customer_id, coupon }.into())
            }
            Action::AddCodes { coupon: at, codes } => {
                let coupon_id = coupon(*at).map_or(id(i64::MAX), |(id, _)| id);
                (None, AddCodes { coupon_id, codes: codes.iter().map(|code| numbered(*code)).collect() }.into())
            }
            Action::IssueOnce { customer: who, code } => {
                let (customer_id, coupon) = (customer(*who), CouponRef::Code(numbered(*code)));
                (Some(customer_id), IssueCoupon { customer_id, coupon }.into())
            }
            Action::Revoke { copy } => {
                let (issued_coupon_id, reason) = (self.copy(*copy), Some("sold on".parse().expect("a note")));
                (None, RevokeCoupon { issued_coupon_id, reason }.into())
            }
            Action::ExpireCopy { copy } => (None, ExpireIssuedCoupon { issued_coupon_id: self.copy(*copy) }.into()),
            Action::Place { customer: at, lines, copies, payment } => {
                let customer_id = customer(*at);
                let basket = self.basket(customer_id, lines, copies);
                let payment = payment.map(|card| if card { PaymentMethod::Card } else { PaymentMethod::Wallet });
                (Some(customer_id), PlaceOrder { customer_id, basket, payment }.into())
            }
            Action::AddItem { customer: at, line } => {
                let (customer_id, LineRequest { variant_id, quantity }) = (customer(*at), self.line(line));
                (Some(customer_id), AddCartItem { customer_id, variant_id, quantity }.into())
            }
            Action::UpdateItem { customer: at, line, version: expected } => {
                let (customer_id, LineRequest { variant_id, quantity }) = (customer(*at), self.line(line));
                let expected_version = version(expected);
                (Some(customer_id), UpdateCartItem { customer_id, variant_id, quantity, expected_version }.into())
            }
            Action::RemoveItem { customer: at, variant, version: expected } => {
                let (customer_id, variant_id) = (customer(*at), pick_id(&self.variants, *variant));
                let expected_version = version(expected);
                (Some(customer_id), RemoveCartItem { customer_id, variant_id, expected_version }.into())
            }
            Action::Clear { customer: at, version: expected } => {
                let customer_id = customer(*at);
                (Some(customer_id), ClearCart { customer_id, expected_version: version(expected) }.into())
            }
            Action::Merge { customer: at, lines } => {
                let (customer_id, lines) = (customer(*at), lines.iter().map(|line| self.line(line)).collect());
                (Some(customer_id), MergeCart { customer_id, lines }.into())
            }
            Action::PlaceCart { customer: at, version: expected, copies, pay } => {
                let customer_id = customer(*at);
                let lines = BasketLines::Cart(CartLines { cart_version: version(expected) });
                let basket = Basket { lines, ..self.basket(customer_id, &[], copies) };
                let payment = pay.then_some(PaymentMethod::Wallet);
                (Some(customer_id), PlaceOrder { customer_id, basket, payment }.into())
            }
            Action::Pay { order, card } => {
                let (order_id, owner) = self.order(*order);
                let method = if *card { PaymentMethod::Card } else { PaymentMethod::Wallet };
                (owner, PayOrder { order_id, method }.into())
            }
            Action::Cancel { order } => {
                let (order_id, owner) = self.order(*order);
                (owner, CancelOrder { order_id, reason: None }.into())
            }
            Action::Expire { order } => {
                let (order_id, owner) = self.order(*order);
                (owner, ExpireOrder { order_id }.into())
            }
            Action::Ship { order } => {
                let (order_id, owner) = self.paid_order(*order);
                (owner, ShipOrder { order_id }.into())
            }
            Action::Deliver { order } => {
                let (order_id, owner) = self.paid_order(*order);
                (owner, DeliverOrder { order_id }.into())
            }
            Action::Refund { order, lines, restock, gateway } => {
                let (order_id, owner) = self.paid_order(*order);
                let line = |(position, units): &(u32, u32)| RefundLineRequest {
                    position: *position,
                    quantity: Quantity::new(i64::from(*units)).expect("a quantity"),
                };
                let lines = lines.as_ref().map(|lines| lines.iter().map(line).collect());
                let to = |gateway| if gateway { RefundDestination::Gateway } else { RefundDestination::Wallet };
                let destination = gateway.map(to);
                (owner, RefundOrder { order_id, lines, restock: *restock, destination, reason: None }.into())
            }
            Action::RefundWord { refund, back } => {
                let latest_first: Vec<_> = self.refunds.iter().rev().copied().collect();
                let nobodys = (self.paid_order(0).0, id(i64::MAX));
                let (order_id, refund_id) = pick(&latest_first, *refund).unwrap_or(nobodys);
                let refused = RefundReport::Refused { reason: Some("the card is closed".parse().expect("a note")) };
                let report = if *back { RefundReport::Returned } else { refused };
                (None, SettleRefund { order_id, refund_id, report }.into())
            }
            Action::StartCard { order } => {
                let (order_id, owner) = self.order(*order);
                (owner, StartCardPayment { order_id }.into())
            }
            Action::TopUp { customer: at, amount } => {
                let customer_id = customer(*at);
                (Some(customer_id), RequestTopUp { customer_id, amount: money(*amount) }.into())
            }
            Action::Report { charge, says, odd } => (None, self.report(*charge, *says, *odd).into()),
            // Nothing was sent yet that could be repeated.
            Action::Repeat(_) => (None, AdjustStock { variant_id: id(i64::MAX), delta: 0, note: None }.into()),
        }
    }

    /// What the gateway says of a charge, the latest ones mostly.
    fn report(&self, at: Ref, says: u8, odd: u8) -> SettleCharge {
        let latest_first: Vec<_> = self.charges.iter().rev().copied().collect();
        let won = money(Sum { minor: 1, dollars: false });
        let nobody = (id(i64::MAX), id(i64::MAX), won);
        let (charge_id, customer_id, amount) =
            pick(&latest_first, at % 8 + 248 * u8::from(at == UNKNOWN)).unwrap_or(nobody);
        let reason = || "declined".parse().expect("a note");
        let status = match says {
            0 => GatewayStatus::Pending,
            1 | 2 => GatewayStatus::Captured,
            3 => GatewayStatus::Declined { reason: reason() },
            4 => GatewayStatus::Cancelled,
            5 => GatewayStatus::Refunded,
            6 => return SettleCharge { charge_id, report: ChargeReport::Refused { reason: Some(reason()) } },
            _ => return SettleCharge { charge_id, report: ChargeReport::Refunded },
        };
        let transaction = |of: ChargeId| format!("tx-{of}").parse().expect("a name");
        let sound = GatewayPayment { transaction_id: transaction(charge_id), customer_id, amount, status };
        let more = Money::new(amount.minor() - 1, amount.currency()).expect("within the bound");
        let found = match odd {
            1 => GatewayPayment { amount: more, ..sound },
            2 => GatewayPayment { customer_id: id(i64::MAX), ..sound },
            3 => GatewayPayment { transaction_id: "renamed".parse().expect("a name"), ..sound },
            4 => {
                GatewayPayment { transaction_id: transaction(latest_first.last().map_or(charge_id, |c| c.0)), ..sound }
            }
            _ => sound,
        };
        SettleCharge { charge_id, report: ChargeReport::Found(found) }
    }

    /// Three times in four an order that is still pending, if there is one; latest first.
    fn order(&self, at: Ref) -> (OrderId, Option<CustomerId>) {
        let of = if at % 4 != 3 && !self.pending.is_empty() { &self.pending } else { &self.orders };
        let latest_first: Vec<_> = of.iter().rev().copied().collect();
        pick(&latest_first, at).map_or((id(i64::MAX), None), |(order, owner)| (order, Some(owner)))
    }

    /// Three times in four an order that was paid, if there is one; latest first.
    fn paid_order(&self, at: Ref) -> (OrderId, Option<CustomerId>) {
        let of = if at % 4 != 3 && !self.paid.is_empty() { &self.paid } else { &self.orders };
        let latest_first: Vec<_> = of.iter().rev().copied().collect();
        pick(&latest_first, at).map_or((id(i64::MAX), None), |(order, owner)| (order, Some(owner)))
    }

    fn copy(&self, at: Ref) -> IssuedCouponId {
        pick(&self.copies, at).map_or(id(i64::MAX), |(copy, _)| copy)
    }

    fn basket(&self, customer: CustomerId, lines: &[(Ref, u32)], copies: &[(Ref, bool)]) -> Basket {
        let own: Vec<IssuedCouponId> =
            self.copies.iter().filter(|(_, owner)| *owner == customer).map(|(copy, _)| *copy).collect();
        let all: Vec<IssuedCouponId> = self.copies.iter().map(|(copy, _)| *copy).collect();
        // A customer without copies buys without, rather than be refused for it every time.
        let copies = copies.iter().filter(|(at, of_own)| !of_own || *at == UNKNOWN || !own.is_empty());
        let coupons = copies.map(|(at, of_own)| pick_id(if *of_own { &own } else { &all }, *at)).collect();
        let lines: Vec<_> = lines.iter().map(|line| self.line(line)).collect();
        Basket { lines: lines.into(), coupons }
    }

    fn line(&self, (at, quantity): &(Ref, u32)) -> LineRequest {
        let quantity = Quantity::new(i64::from(*quantity)).expect("a quantity");
        LineRequest { variant_id: pick_id(&self.variants, *at), quantity }
    }
}
