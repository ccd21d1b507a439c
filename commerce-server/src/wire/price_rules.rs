//! Price rules on the wire.

use commerce_core::{PriceRules as CoreRules, PriceTier as CoreTier, Rejection, ScheduledPrice as CorePrice, Window};

use super::money::{Money, MoneyInput};
use super::scalar::Instant;
use super::schema::{request, response};

request! {
    /// A price by quantity to be.
    NewPriceTier {
        /// The least quantity: units of the variant in the whole basket, 2 to 1,000,000.
        from_quantity: i64,
        /// What each unit costs then, if that is lower than what it costs otherwise.
        unit_price: MoneyInput,
    }

    /// A price for a time to be.
    NewScheduledPrice {
        /// From when.
        from: Instant,
        /// Until just before when; without an end if absent.
        until: Option<Instant>,
        /// What a unit costs then, instead of base plus additional price.
        unit_price: MoneyInput,
    }

    /// All price rules of a variant from now on; empty takes them away.
    NewPriceRules {
        /// Ascending by quantity, each once; at most 50.
        tiers: Option<Vec<NewPriceTier>>,
        /// Ascending by time, none into another; at most 50.
        scheduled: Option<Vec<NewScheduledPrice>>,
    }
}

response! {
    /// A price by quantity.
    PriceTier {
        /// The least quantity: units of the variant in the whole basket.
        from_quantity: u32,
        /// What each unit costs then, if that is lower than what it costs otherwise.
        unit_price: Money,
    }

    /// A price for a time.
    ScheduledPrice {
        /// From when.
        from: Instant,
        /// Until just before when; absent without an end.
        until: Option<Instant>,
        /// What a unit costs then, instead of base plus additional price.
        unit_price: Money,
    }

    /// The price rules of a variant: a scheduled price in force replaces base plus additional price, and the tier of the
    /// quantity applies if it is lower.
    PriceRules {
        /// Ascending by quantity.
        tiers: Vec<PriceTier>,
        /// Ascending by time.
        scheduled: Vec<ScheduledPrice>,
    }
}

impl NewPriceRules {
    /// The core's form; whether the rules go together is for it to say.
    pub fn to_core(&self) -> Result<CoreRules, Rejection> {
        let tier = |tier: &NewPriceTier| CoreTier::new(tier.from_quantity, tier.unit_price.parse()?);
        let scheduled = |price: &NewScheduledPrice| {
            let window = Window { from: price.from.0, until: price.until.map(|until| until.0) };
            Ok::<_, Rejection>(CorePrice { window, unit_price: price.unit_price.parse()? })
        };
        Ok(CoreRules {
            tiers: self.tiers.iter().flatten().map(tier).collect::<Result<_, _>>()?,
            scheduled: self.scheduled.iter().flatten().map(scheduled).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&CoreRules> for PriceRules {
    fn from(rules: &CoreRules) -> Self {
        let tier =
            |tier: &CoreTier| PriceTier { from_quantity: tier.from_quantity.get(), unit_price: Money(tier.unit_price) };
        let scheduled = |price: &CorePrice| ScheduledPrice {
            from: Instant(price.window.from),
            until: price.window.until.map(Instant),
            unit_price: Money(price.unit_price),
        };
        Self {
            tiers: rules.tiers.iter().map(tier).collect(),
            scheduled: rules.scheduled.iter().map(scheduled).collect(),
        }
    }
}
