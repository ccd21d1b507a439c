//! Which lane a command goes to: commands that meet on a hot record go to one lane, where they share a transaction
//! instead of waiting for each other's locks.
//!
//! A lane is chosen by the record that most others are likely to want: an order's greatest variant, a coupon, a
//! wallet's customer. Commands that meet in different lanes all the same are kept apart by the row locks; routing
//! is about speed alone.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use commerce_core::{Command, CouponRef};

/// The lane of a command among `lanes`.
pub(super) fn lane(command: &Command, lanes: usize) -> usize {
    if lanes <= 1 {
        return 0;
    }
    match command {
        Command::PlaceOrder(c) => choose(c.basket.lines.iter().map(|line| line.variant_id.get()).max(), lanes),
        Command::AdjustStock(c) => choose(Some(c.variant_id.get()), lanes),
        Command::UpdateVariant(c) => choose(Some(c.variant_id.get()), lanes),
        Command::IssueCoupon(c) => match &c.coupon {
            CouponRef::Id(id) => choose(id.get(), lanes),
            CouponRef::Code(code) => choose(code.as_str(), lanes),
        },
        Command::Deposit(c) => choose(c.customer_id.get(), lanes),
        Command::AdjustWallet(c) => choose(c.customer_id.get(), lanes),
        Command::RegisterCustomer(c) => choose(c.username.as_str(), lanes),
        Command::PayOrder(c) => choose(c.order_id.get(), lanes),
        Command::CancelOrder(c) => choose(c.order_id.get(), lanes),
        // What operators do now and then.
        Command::CreateProduct(_)
        | Command::UpdateProduct(_)
        | Command::AddVariant(_)
        | Command::CreateCoupon(_)
        | Command::UpdateCoupon(_) => 0,
    }
}

fn choose(by: impl Hash, lanes: usize) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(by);
    usize::try_from(hash % lanes as u64).unwrap_or(0)
}
