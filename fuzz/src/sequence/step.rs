//! One step of a sequence, as the input spells it: small numbers that mostly mean something that is there.

use std::time::Duration;

use arbitrary::Arbitrary;
use commerce_core::{Command, CustomerId, Envelope, IdempotencyKey, OperatorName, Principal, Timestamp};

use super::action::Action;
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

fn concerned(command: &Command, world: &World) -> Option<CustomerId> {
    match command {
        Command::RegisterCustomer(c) => c.customer_id,
        Command::IssueCoupon(c) => Some(c.customer_id),
        Command::AddCartItem(c) => Some(c.customer_id),
        Command::UpdateCartItem(c) => Some(c.customer_id),
        Command::RemoveCartItem(c) => Some(c.customer_id),
        Command::ClearCart(c) => Some(c.customer_id),
        Command::MergeCart(c) => Some(c.customer_id),
        Command::PlaceOrder(c) => Some(c.customer_id),
        Command::PayOrder(c) => world.books.owner(c.order_id),
        Command::CancelOrder(c) => world.books.owner(c.order_id),
        Command::StartCardPayment(c) => world.books.owner(c.order_id),
        Command::RequestTopUp(c) => Some(c.customer_id),
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
