//! Amounts, variants, discounts and the like, as an input spells them.

use arbitrary::Arbitrary;
use commerce_core::{
    Currency, Discount, MAX_MINOR, Money, NewVariant, Percent, PriceRules, PriceTier, ProductStatus, Quantity,
    ScheduledPrice, Sku, Timestamp, Window,
};
use rust_decimal::Decimal;

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) enum Amount {
    Small(i16),
    Usual(i32),
    Any(i64),
}

#[derive(Debug, Clone, Arbitrary)]
pub(super) struct NewForm {
    sku: u8,
    additional: Amount,
    foreign: bool,
    stock: Stocked,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) enum Stocked {
    Few(u8),
    Any(u64),
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) enum Off {
    Amount(Amount),
    Percent(u32, Option<Amount>),
}

/// Prices by quantity, and by seconds from now; mostly in order.
#[derive(Debug, Clone, Arbitrary)]
pub(super) struct Rules {
    tiers: Vec<(u8, Amount)>,
    scheduled: Vec<(i8, Option<u8>, Amount)>,
}

impl Amount {
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Small(number) => number.into(),
            Self::Usual(number) => number.into(),
            Self::Any(number) => number,
        }
    }

    pub(super) fn money(self, currency: Currency) -> Option<Money> {
        Money::new(self.number().clamp(-MAX_MINOR, MAX_MINOR), currency).ok()
    }
}

pub(super) fn currency(number: u8) -> Currency {
    match number {
        0..200 => Currency::KRW,
        200..240 => Currency::USD,
        _ => Currency::KWD,
    }
}

pub(super) fn status(number: u8) -> ProductStatus {
    match number {
        0..200 => ProductStatus::OnSale,
        200..240 => ProductStatus::Paused,
        _ => ProductStatus::Discontinued,
    }
}

pub(super) fn quantity(number: u8) -> Option<Quantity> {
    Quantity::new(if number == u8::MAX { 1_000_000 } else { i64::from(number % 6) + 1 }).ok()
}

impl NewForm {
    pub(super) fn variant(&self, base: Currency) -> Option<NewVariant> {
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

impl Rules {
    pub(super) fn price_rules(&self, currency: Currency, now: Timestamp) -> Option<PriceRules> {
        let after = |seconds: i64| Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
        let tier = |(n, (more, price)): (u8, &(u8, Amount))| {
            Some(PriceTier { from_quantity: quantity(n.wrapping_add(more % 4))?, unit_price: price.money(currency)? })
        };
        let scheduled = |(from, lasts, price): &(i8, Option<u8>, Amount)| {
            let from = i64::from(*from);
            let window = Window { from: after(from), until: lasts.map(|lasts| after(from + i64::from(lasts))) };
            Some(ScheduledPrice { window, unit_price: price.money(currency)? })
        };
        Some(PriceRules {
            tiers: (0..).zip(self.tiers.iter().take(4)).map(tier).collect::<Option<_>>()?,
            scheduled: self.scheduled.iter().take(3).map(scheduled).collect::<Option<_>>()?,
        })
    }
}

impl Off {
    pub(super) fn discount(self, currency: Currency) -> Option<Discount> {
        Some(match self {
            Self::Amount(amount) => Discount::Amount(amount.money(currency)?),
            Self::Percent(rate, cap) => Discount::Percent {
                rate: Percent::new(Decimal::new(i64::from(rate % 1_000_000) + 1, 4)).ok()?,
                cap: cap.and_then(|cap| cap.money(currency)),
            },
        })
    }
}
