//! What a step asks for, and the command that it comes to.

use std::time::Duration;

use arbitrary::Arbitrary;
use commerce_core::{
    AddCartItem, AddCodes, AddVariant, AdjustStock, AdjustWallet, Basket, BasketLines, CancelOrder, CartLines,
    ChargeReport, ClearCart, Command, CouponCode, CouponRef, CouponScope, CreateCoupon, CreateProduct, DeliverOrder,
    Deposit, ExpireIssuedCoupon, ExpireOrder, GatewayPayment, GatewayStatus, ImportItem, ImportProducts, IssueCoupon,
    LineRequest, MergeCart, Name, Note, PayOrder, PaymentMethod, PlaceOrder, ProductStatus, Quantity,
    RefundDestination, RefundLineRequest, RefundOrder, RefundReport, RegisterCustomer, RemoveCartItem, RequestTopUp,
    RevokeCoupon, SettleCharge, SettleRefund, ShipOrder, Stacking, StartCardPayment, UpdateCartItem, UpdateCoupon,
    UpdateProduct, UpdateVariant, Username, Window,
};

use super::parts::{Amount, NewForm, Off, Rules, currency, quantity, status};
use super::world::{Pick, World};

#[derive(Debug, Clone, Arbitrary)]
pub(super) enum Action {
    Register {
        id: Option<Pick>,
        name: u8,
    },
    CreateProduct {
        currency: u8,
        price: Amount,
        status: u8,
        forms: Vec<NewForm>,
    },
    UpdateProduct {
        product: Pick,
        version: Option<u8>,
        price: Option<Amount>,
        currency: u8,
        status: Option<u8>,
    },
    AddVariant {
        product: Pick,
        currency: u8,
        form: NewForm,
    },
    Import {
        currency: u8,
        price: Amount,
        products: Vec<Vec<NewForm>>,
        more: Option<(Pick, NewForm)>,
    },
    UpdateVariant {
        variant: Pick,
        version: Option<u8>,
        currency: u8,
        price: Option<Amount>,
        active: Option<bool>,
        rules: Option<Rules>,
    },
    AdjustStock {
        variant: Pick,
        delta: Amount,
    },
    Deposit {
        customer: Pick,
        currency: u8,
        amount: Amount,
    },
    AdjustWallet {
        customer: Pick,
        currency: u8,
        amount: Amount,
    },
    CreateCoupon {
        code: Option<u8>,
        currency: u8,
        off: Off,
        min: Option<Amount>,
        total: Option<u8>,
        each: u8,
        minutes: Option<u8>,
        /// The product that it is for; none for the whole order.
        product: Option<Pick>,
        stackable: bool,
        priority: u8,
    },
    UpdateCoupon {
        coupon: Pick,
        version: Option<u8>,
        active: Option<bool>,
    },
    Claim {
        customer: Pick,
        coupon: Pick,
    },
    ClaimByCode {
        customer: Pick,
        code: u8,
    },
    Place {
        customer: Pick,
        lines: Vec<(Pick, u8)>,
        copies: Vec<Pick>,
        pay: Option<bool>,
    },
    AddItem {
        customer: Pick,
        line: (Pick, u8),
    },
    UpdateItem {
        customer: Pick,
        line: (Pick, u8),
        version: Option<u8>,
    },
    RemoveItem {
        customer: Pick,
        variant: Pick,
        version: Option<u8>,
    },
    Clear {
        customer: Pick,
        version: Option<u8>,
    },
    Merge {
        customer: Pick,
        lines: Vec<(Pick, u8)>,
    },
    CheckOut {
        customer: Pick,
        version: Option<u8>,
        copy: Option<Pick>,
        at_once: bool,
    },
    /// What happens most: one line, at most one copy of the customer's own, paid at once or later.
    Buy {
        customer: Pick,
        line: Pick,
        copy: Option<Pick>,
        at_once: bool,
    },
    Pay {
        order: Pick,
        card: bool,
    },
    Cancel {
        order: Pick,
    },
    Expire {
        order: Pick,
    },
    Ship {
        order: Pick,
    },
    Deliver {
        order: Pick,
    },
    Refund {
        order: Pick,
        lines: Option<Vec<(u8, u8)>>,
        restock: bool,
        gateway: Option<bool>,
    },
    /// The gateway's word on a refund.
    RefundWord {
        refund: Pick,
        back: bool,
    },
    StartCard {
        order: Pick,
    },
    TopUp {
        customer: Pick,
        currency: u8,
        amount: Amount,
    },
    /// The gateway's word on a charge, mostly in order; `odd` spoils it.
    Report {
        charge: Pick,
        word: u8,
        odd: u8,
    },
    /// Of the same names as the codes of campaigns.
    AddCodes {
        coupon: Pick,
        codes: Vec<u8>,
    },
    Revoke {
        copy: Pick,
    },
    ExpireCopy {
        copy: Pick,
    },
}

impl Action {
    pub(super) fn command(&self, world: &World) -> Option<Command> {
        Some(match self {
            Self::Register { .. } | Self::Deposit { .. } | Self::AdjustWallet { .. } => self.about_people(world)?,
            Self::CreateProduct { .. }
            | Self::UpdateProduct { .. }
            | Self::AddVariant { .. }
            | Self::Import { .. }
            | Self::UpdateVariant { .. }
            | Self::AdjustStock { .. } => self.about_goods(world)?,
            Self::CreateCoupon { .. }
            | Self::UpdateCoupon { .. }
            | Self::AddCodes { .. }
            | Self::Claim { .. }
            | Self::ClaimByCode { .. } => self.about_coupons(world)?,
            Self::AddItem { .. }
            | Self::UpdateItem { .. }
            | Self::RemoveItem { .. }
            | Self::Clear { .. }
            | Self::Merge { .. } => self.about_carts(world)?,
            Self::Place { .. } | Self::CheckOut { .. } | Self::Buy { .. } | Self::Pay { .. } | Self::Cancel { .. } => {
                self.about_orders(world)?
            }
            Self::Revoke { copy } => RevokeCoupon { issued_coupon_id: world.copy(*copy), reason: None }.into(),
            Self::ExpireCopy { copy } => ExpireIssuedCoupon { issued_coupon_id: world.copy(*copy) }.into(),
            Self::Expire { order } => ExpireOrder { order_id: world.order(*order) }.into(),
            Self::Refund { .. } | Self::RefundWord { .. } => self.about_refunds(world)?,
            Self::Ship { order } => ShipOrder { order_id: world.order(*order) }.into(),
            Self::Deliver { order } => DeliverOrder { order_id: world.order(*order) }.into(),
            Self::StartCard { .. } | Self::TopUp { .. } | Self::Report { .. } => self.about_cards(world)?,
        })
    }

    fn about_cards(&self, world: &World) -> Option<Command> {
        Some(match *self {
            Self::StartCard { order } => StartCardPayment { order_id: world.order(order) }.into(),
            Self::TopUp { customer, currency: code, amount } => {
                RequestTopUp { customer_id: world.customer(customer), amount: amount.money(currency(code))? }.into()
            }
            Self::Report { charge, word, odd } => {
                let (charge_id, reason) = (world.charge(charge), Note::new("declined").ok()?);
                let status = match word % 8 {
                    0 | 1 => GatewayStatus::Captured,
                    2 => GatewayStatus::Pending,
                    3 => GatewayStatus::Declined { reason },
                    4 => GatewayStatus::Cancelled,
                    5 => GatewayStatus::Refunded,
                    6 => {
                        let report = ChargeReport::Refused { reason: Some(reason) };
                        return Some(SettleCharge { charge_id, report }.into());
                    }
                    _ => {
                        let report = ChargeReport::Refunded;
                        return Some(SettleCharge { charge_id, report }.into());
                    }
                };
                let terms = world.books.cards.terms.get(&charge_id).copied();
                let nobody = (world.customer(charge), Amount::Small(1).money(currency(0))?);
                let (customer_id, amount) = if odd < 250 { terms.unwrap_or(nobody) } else { nobody };
                let named = if odd == 249 { world.charge(Pick(word)) } else { charge_id };
                let transaction_id = Name::new(format!("tx-{named}")).ok()?;
                let found = GatewayPayment { transaction_id, customer_id, amount, status };
                SettleCharge { charge_id, report: ChargeReport::Found(found) }.into()
            }
            _ => return None,
        })
    }

    fn about_people(&self, world: &World) -> Option<Command> {
        Some(match *self {
            Self::Register { id, name } => RegisterCustomer {
                customer_id: id.map(|id| world.customer(id)),
                username: Username::new(format!("user-{}", name % 16)).ok()?,
                name: Name::new("Somebody").ok()?,
            }
            .into(),
            Self::Deposit { customer, currency: code, amount } => {
                Deposit { customer_id: world.customer(customer), amount: amount.money(currency(code))?, memo: None }
                    .into()
            }
            Self::AdjustWallet { customer, currency: code, amount } => AdjustWallet {
                customer_id: world.customer(customer),
                amount: amount.money(currency(code))?,
                memo: Note::new("counted again").ok()?,
            }
            .into(),
            _ => return None,
        })
    }

    fn about_goods(&self, world: &World) -> Option<Command> {
        Some(match self {
            Self::CreateProduct { currency: code, price, status: to, forms } => CreateProduct {
                name: Name::new("Something").ok()?,
                description: None,
                base_price: price.money(currency(*code))?,
                status: status(*to),
                variants: forms.iter().take(4).filter_map(|form| form.variant(currency(*code))).collect(),
            }
            .into(),
            Self::UpdateProduct { product, version, price, currency: code, status: to } => UpdateProduct {
                product_id: world.product(*product),
                expected_version: version.map(u64::from),
                name: None,
                base_price: price.and_then(|price| price.money(currency(*code))),
                status: to.map(status),
            }
            .into(),
            Self::AddVariant { product, currency: code, form } => {
                let variant = form.variant(currency(*code))?;
                AddVariant { product_id: world.product(*product), variant }.into()
            }
            Self::Import { currency: code, price, products, more } => {
                let product = |forms: &Vec<NewForm>| {
                    Some(ImportItem::Product(CreateProduct {
                        name: Name::new("Something").ok()?,
                        description: None,
                        base_price: price.money(currency(*code))?,
                        status: ProductStatus::OnSale,
                        variants: forms.iter().take(3).filter_map(|form| form.variant(currency(*code))).collect(),
                    }))
                };
                let added = more.iter().filter_map(|(product, form)| {
                    let variant = form.variant(currency(*code))?;
                    Some(ImportItem::Variant(AddVariant { product_id: world.product(*product), variant }))
                });
                ImportProducts { items: products.iter().take(3).filter_map(product).chain(added).collect() }.into()
            }
            Self::UpdateVariant { variant, version, currency: code, price, active, rules } => UpdateVariant {
                variant_id: world.variant(*variant),
                expected_version: version.map(u64::from),
                additional_price: price.and_then(|price| price.money(currency(*code))),
                active: *active,
                price_rules: rules.as_ref().and_then(|rules| rules.price_rules(currency(*code), world.now())),
            }
            .into(),
            Self::AdjustStock { variant, delta } => {
                AdjustStock { variant_id: world.variant(*variant), delta: delta.number(), note: None }.into()
            }
            _ => return None,
        })
    }

    fn about_coupons(&self, world: &World) -> Option<Command> {
        let code = |number: u8| CouponCode::new(format!("CODE-{}", number % 8)).ok();
        Some(match *self {
            Self::AddCodes { coupon, ref codes } => AddCodes {
                coupon_id: world.coupon(coupon),
                codes: codes.iter().filter_map(|number| code(*number)).collect(),
            }
            .into(),
            Self::CreateCoupon {
                code: number,
                currency: money,
                off,
                min,
                total,
                each,
                minutes,
                product,
                stackable,
                priority,
            } => CreateCoupon {
                code: number.and_then(code),
                name: Name::new("A campaign").ok()?,
                discount: off.discount(currency(money))?,
                scope: product
                    .map_or(CouponScope::Order, |product| CouponScope::Products([world.product(product)].into())),
                stacking: if stackable { Stacking::Stackable } else { Stacking::Exclusive },
                priority: u16::from(priority),
                // Of few campaigns: most claims are to get somewhere.
                by_code: priority % 16 == 15,
                min_subtotal: min.and_then(|min| min.money(currency(money))),
                total_quantity: total.map(u32::from),
                per_customer_limit: u32::from(each % 4),
                window: Window {
                    from: world.now(),
                    until: minutes.map(|m| world.now().plus(Duration::from_secs(u64::from(m) * 60))),
                },
                active: true,
            }
            .into(),
            Self::UpdateCoupon { coupon, version, active } => {
                UpdateCoupon { coupon_id: world.coupon(coupon), expected_version: version.map(u64::from), active }
                    .into()
            }
            Self::Claim { customer, coupon } => {
                IssueCoupon { customer_id: world.customer(customer), coupon: CouponRef::Id(world.coupon(coupon)) }
                    .into()
            }
            Self::ClaimByCode { customer, code: number } => {
                IssueCoupon { customer_id: world.customer(customer), coupon: CouponRef::Code(code(number)?) }.into()
            }
            _ => return None,
        })
    }

    fn about_carts(&self, world: &World) -> Option<Command> {
        let line = |&(variant, units): &(Pick, u8)| {
            Some(LineRequest { variant_id: world.variant(variant), quantity: quantity(units)? })
        };
        Some(match self {
            Self::AddItem { customer, line: asked } => {
                let LineRequest { variant_id, quantity } = line(asked)?;
                AddCartItem { customer_id: world.customer(*customer), variant_id, quantity }.into()
            }
            Self::UpdateItem { customer, line: asked, version } => {
                let LineRequest { variant_id, quantity } = line(asked)?;
                let expected_version = version.map(u64::from);
                UpdateCartItem { customer_id: world.customer(*customer), variant_id, quantity, expected_version }.into()
            }
            Self::RemoveItem { customer, variant, version } => RemoveCartItem {
                customer_id: world.customer(*customer),
                variant_id: world.variant(*variant),
                expected_version: version.map(u64::from),
            }
            .into(),
            Self::Clear { customer, version } => {
                ClearCart { customer_id: world.customer(*customer), expected_version: version.map(u64::from) }.into()
            }
            Self::Merge { customer, lines } => MergeCart {
                customer_id: world.customer(*customer),
                lines: lines.iter().take(101).filter_map(line).collect(),
            }
            .into(),
            _ => return None,
        })
    }

    fn about_refunds(&self, world: &World) -> Option<Command> {
        if let Self::RefundWord { refund, back } = *self {
            let (order_id, refund_id) = world.refund(refund);
            let refused = RefundReport::Refused { reason: Note::new("the card is closed").ok() };
            let report = if back { RefundReport::Returned } else { refused };
            return Some(SettleRefund { order_id, refund_id, report }.into());
        }
        let Self::Refund { order, lines, restock, gateway } = self else { return None };
        let line = |&(position, units): &(u8, u8)| {
            Some(RefundLineRequest { position: u32::from(position % 4), quantity: quantity(units)? })
        };
        let lines = lines.as_ref().map(|lines| lines.iter().take(101).filter_map(line).collect());
        let to = |gateway| if gateway { RefundDestination::Gateway } else { RefundDestination::Wallet };
        let (order_id, destination) = (world.order(*order), gateway.map(to));
        Some(RefundOrder { order_id, lines, restock: *restock, destination, reason: None }.into())
    }

    fn about_orders(&self, world: &World) -> Option<Command> {
        let line = |&(variant, units): &(Pick, u8)| {
            Some(LineRequest { variant_id: world.variant(variant), quantity: quantity(units)? })
        };
        Some(match self {
            Self::Place { customer, lines, copies, pay } => PlaceOrder {
                customer_id: world.customer(*customer),
                basket: Basket {
                    lines: lines.iter().take(101).filter_map(line).collect::<Vec<_>>().into(),
                    coupons: copies.iter().take(2).map(|copy| world.copy(*copy)).collect(),
                },
                payment: pay.map(|card| if card { PaymentMethod::Card } else { PaymentMethod::Wallet }),
            }
            .into(),
            Self::CheckOut { customer, version, copy, at_once } => {
                let customer_id = world.customer(*customer);
                let lines = BasketLines::Cart(CartLines { cart_version: version.map(u64::from) });
                let coupons = copy.iter().map(|copy| world.own_copy(customer_id, *copy)).collect();
                let payment = at_once.then_some(PaymentMethod::Wallet);
                PlaceOrder { customer_id, basket: Basket { lines, coupons }, payment }.into()
            }
            Self::Buy { customer, line: variant, copy, at_once } => {
                let customer_id = world.customer(*customer);
                let lines = vec![LineRequest { variant_id: world.variant(*variant), quantity: Quantity::ONE }];
                let coupons = copy.iter().map(|copy| world.own_copy(customer_id, *copy)).collect();
                let payment = at_once.then_some(PaymentMethod::Wallet);
                PlaceOrder { customer_id, basket: Basket { lines: lines.into(), coupons }, payment }.into()
            }
            Self::Pay { order, card } => {
                let method = if *card { PaymentMethod::Card } else { PaymentMethod::Wallet };
                PayOrder { order_id: world.order(*order), method }.into()
            }
            Self::Cancel { order } => CancelOrder { order_id: world.order(*order), reason: None }.into(),
            _ => return None,
        })
    }
}
