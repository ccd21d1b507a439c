//! One step of a sequence, as the input spells it: small numbers that mostly mean something that is there.

use std::time::Duration;

use arbitrary::Arbitrary;
use commerce_core::{
    AddVariant, AdjustStock, AdjustWallet, Basket, CancelOrder, Command, CouponCode, CouponRef, CreateCoupon,
    CreateProduct, Currency, Deposit, Discount, Envelope, IdempotencyKey, IssueCoupon, LineRequest, MAX_MINOR, Money,
    Name, NewVariant, Note, OperatorName, PayOrder, PaymentMethod, Percent, PlaceOrder, Principal, ProductStatus,
    Quantity, RegisterCustomer, Sku, Timestamp, UpdateCoupon, UpdateProduct, UpdateVariant, Username, Window,
};
use rust_decimal::Decimal;

use super::world::{Pick, World};

#[derive(Debug, Clone, Arbitrary)]
pub(super) struct Step {
    who: Who,
    key: Key,
    /// Below 4: so many fresh ids and no more.
    ids: u8,
    wait: Wait,
    action: Action,
}

/// Mostly the customer that the action is about; now and then anybody.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Who(u8);

/// Mostly a fresh key; now and then one of a few, or an odd one.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Key(u8);

#[derive(Debug, Clone, Arbitrary)]
enum Wait {
    None,
    Micros(u16),
    Minutes(u8),
    BackMicros(u16),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Amount {
    Small(i16),
    Usual(i32),
    Any(i64),
}

#[derive(Debug, Clone, Arbitrary)]
struct NewForm {
    sku: u8,
    additional: Amount,
    foreign: bool,
    stock: Stocked,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Stocked {
    Few(u8),
    Any(u64),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Off {
    Amount(Amount),
    Percent(u32, Option<Amount>),
}

#[derive(Debug, Clone, Arbitrary)]
enum Action {
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
    UpdateVariant {
        variant: Pick,
        version: Option<u8>,
        currency: u8,
        price: Option<Amount>,
        active: Option<bool>,
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
}

impl Step {
    /// The step as a store is asked; none if it cannot even be written down.
    pub(super) fn envelope(&self, world: &mut World) -> Option<Envelope> {
        self.wait.pass(world);
        let command = self.action.command(world)?;
        let principal = self.who.principal(&command, world)?;
        let key = self.key.text().and_then(|text| IdempotencyKey::new(text).ok());
        let key = key.unwrap_or_else(|| world.fresh_key());
        let ids = world.ids(if self.ids < 4 { u32::from(self.ids) } else { command.ids_needed() });
        Some(Envelope { principal, key, command, ids })
    }
}

impl Who {
    fn principal(self, command: &Command, world: &World) -> Option<Principal> {
        Some(match self.0 {
            0..176 => concerned(command, world).map_or(Principal::System, Principal::Customer),
            176..208 => Principal::System,
            208..232 => Principal::Operator(OperatorName::new(format!("op-{}", self.0 % 2)).ok()?),
            _ => Principal::Customer(world.customer(Pick(self.0))),
        })
    }
}

impl Key {
    fn text(self) -> Option<String> {
        match self.0 {
            0..192 => None,
            192..248 => Some(format!("shared-{}", self.0 % 8)),
            248..252 => Some("~".repeat(255)),
            // What `fresh_key` may have made already, or may be about to.
            _ => Some(format!("fresh-{}", self.0 % 16)),
        }
    }
}

fn concerned(command: &Command, world: &World) -> Option<commerce_core::CustomerId> {
    match command {
        Command::RegisterCustomer(c) => c.customer_id,
        Command::IssueCoupon(c) => Some(c.customer_id),
        Command::PlaceOrder(c) => Some(c.customer_id),
        Command::PayOrder(c) => world.books.owner(c.order_id),
        Command::CancelOrder(c) => world.books.owner(c.order_id),
        _ => None,
    }
}

impl Wait {
    fn pass(&self, world: &World) {
        match *self {
            Self::None => {}
            Self::Micros(micros) => world.clock.advance(Duration::from_micros(micros.into())),
            Self::Minutes(minutes) => world.clock.advance(Duration::from_secs(u64::from(minutes) * 60)),
            Self::BackMicros(micros) => {
                let now = world.now().as_micros();
                world.clock.set(Timestamp::from_micros(now - i64::from(micros)));
            }
        }
    }
}

impl Amount {
    fn number(self) -> i64 {
        match self {
            Self::Small(number) => number.into(),
            Self::Usual(number) => number.into(),
            Self::Any(number) => number,
        }
    }

    fn money(self, currency: Currency) -> Option<Money> {
        Money::new(self.number().clamp(-MAX_MINOR, MAX_MINOR), currency).ok()
    }
}

fn currency(number: u8) -> Currency {
    match number {
        0..200 => Currency::KRW,
        200..240 => Currency::USD,
        _ => Currency::KWD,
    }
}

fn status(number: u8) -> ProductStatus {
    match number {
        0..200 => ProductStatus::OnSale,
        200..240 => ProductStatus::Paused,
        _ => ProductStatus::Discontinued,
    }
}

fn quantity(number: u8) -> Option<Quantity> {
    Quantity::new(if number == u8::MAX { 1_000_000 } else { i64::from(number % 6) + 1 }).ok()
}

impl NewForm {
    fn variant(&self, base: Currency) -> Option<NewVariant> {
        let stock = match self.stock {
            Stocked::Few(units) => units.into(),
            Stocked::Any(units) => units,
        };
        Some(NewVariant {
            sku: Sku::new(format!("SKU-{}", self.sku % 32)).ok()?,
            option_name: None,
            additional_price: self.additional.money(if self.foreign { Currency::EUR } else { base })?,
            stock,
        })
    }
}

impl Off {
    fn discount(self, currency: Currency) -> Option<Discount> {
        Some(match self {
            Self::Amount(amount) => Discount::Amount(amount.money(currency)?),
            Self::Percent(rate, cap) => Discount::Percent {
                rate: Percent::new(Decimal::new(i64::from(rate % 1_000_000) + 1, 4)).ok()?,
                cap: cap.and_then(|cap| cap.money(currency)),
            },
        })
    }
}

impl Action {
    fn command(&self, world: &World) -> Option<Command> {
        Some(match self {
            Self::Register { .. } | Self::Deposit { .. } | Self::AdjustWallet { .. } => self.about_people(world)?,
            Self::CreateProduct { .. }
            | Self::UpdateProduct { .. }
            | Self::AddVariant { .. }
            | Self::UpdateVariant { .. }
            | Self::AdjustStock { .. } => self.about_goods(world)?,
            Self::CreateCoupon { .. } | Self::UpdateCoupon { .. } | Self::Claim { .. } | Self::ClaimByCode { .. } => {
                self.about_coupons(world)?
            }
            Self::Place { .. } | Self::Buy { .. } | Self::Pay { .. } | Self::Cancel { .. } => {
                self.about_orders(world)?
            }
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
            Self::UpdateVariant { variant, version, currency: code, price, active } => UpdateVariant {
                variant_id: world.variant(*variant),
                expected_version: version.map(u64::from),
                additional_price: price.and_then(|price| price.money(currency(*code))),
                active: *active,
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
            Self::CreateCoupon { code: number, currency: money, off, min, total, each, minutes } => CreateCoupon {
                code: number.and_then(code),
                name: Name::new("A campaign").ok()?,
                discount: off.discount(currency(money))?,
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

    fn about_orders(&self, world: &World) -> Option<Command> {
        let line = |&(variant, units): &(Pick, u8)| {
            Some(LineRequest { variant_id: world.variant(variant), quantity: quantity(units)? })
        };
        Some(match self {
            Self::Place { customer, lines, copies, pay } => PlaceOrder {
                customer_id: world.customer(*customer),
                basket: Basket {
                    lines: lines.iter().take(101).filter_map(line).collect(),
                    coupons: copies.iter().take(2).map(|copy| world.copy(*copy)).collect(),
                },
                payment: pay.map(|card| if card { PaymentMethod::Card } else { PaymentMethod::Wallet }),
            }
            .into(),
            Self::Buy { customer, line: variant, copy, at_once } => {
                let customer_id = world.customer(*customer);
                let lines = vec![LineRequest { variant_id: world.variant(*variant), quantity: Quantity::ONE }];
                let coupons = copy.iter().map(|copy| world.own_copy(customer_id, *copy)).collect();
                let payment = at_once.then_some(PaymentMethod::Wallet);
                PlaceOrder { customer_id, basket: Basket { lines, coupons }, payment }.into()
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
