//! Customers on the wire.

use commerce_core::{Customer as CoreCustomer, CustomerId, Name, Username};

use super::scalar::{Instant, Text, WireId};
use super::schema::{request, response};

request! {
    /// What a customer registers with.
    Registration {
        /// The name to sign in with; unique in the shop.
        username: Text<Username>,
        /// What to call them.
        name: Text<Name>,
    }

    /// A customer that an operator registers.
    CustomerRegistration {
        /// The id to register; a fresh one if absent.
        id: Option<WireId<CustomerId>>,
        /// The name to sign in with; unique in the shop.
        username: Text<Username>,
        /// What to call them.
        name: Text<Name>,
    }
}

response! {
    /// Somebody who buys.
    Customer {
        /// The customer's id, the subject of the customer's tokens.
        id: WireId<CustomerId>,
        /// Unique in the shop.
        username: Text<Username>,
        /// What to call them.
        name: Text<Name>,
        /// When they were registered.
        created_at: Instant,
    }
}

impl From<&CoreCustomer> for Customer {
    fn from(customer: &CoreCustomer) -> Self {
        Self {
            id: WireId(customer.id),
            username: Text(customer.username.clone()),
            name: Text(customer.name.clone()),
            created_at: Instant(customer.created_at),
        }
    }
}
