//! Decisions on customers.

use std::sync::Arc;

use super::{Case, Decision, Outcome};
use crate::command::RegisterCustomer;
use crate::customer::Customer;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;

pub(super) fn register<R: Records>(case: &Case<'_, R>, command: &RegisterCustomer) -> Result<Decision, Rejection> {
    let taken = |id| case.records.customer(id).is_some();
    let id = match command.customer_id {
        Some(customer) if taken(customer) => return Err(Rejection::AlreadyRegistered { customer }),
        Some(id) => id,
        None => case.ids().unused(taken)?,
    };
    if case.records.customer_named(&command.username).is_some() {
        return Err(Rejection::UsernameTaken { username: command.username.clone() });
    }
    // After this point it must succeed.
    let customer = Arc::new(Customer {
        id,
        username: command.username.clone(),
        name: command.name.clone(),
        created_at: case.now(),
    });
    let changes = Changes { customers: vec![Arc::clone(&customer)], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::Customer(customer) })
}
