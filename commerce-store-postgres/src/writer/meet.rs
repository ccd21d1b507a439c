//! Which commands may run beside which: those that meet on no record that both would lock.
//!
//! Commands that meet share a lane, where they share a transaction instead of waiting for each other's locks; those
//! that do not may run side by side. What cannot be told from a command alone (what is on an order, which wallet an
//! order is paid from later) is left to the row locks: meeting is about speed, never about exactness.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use commerce_core::{BasketLines, Command, CouponRef, PaymentMethod};

/// A record that a command locks, by the hash of its name.
pub(super) type Place = u64;

/// Where a command meets others.
pub(super) fn places(command: &Command) -> Vec<Place> {
    match command {
        Command::PlaceOrder(c) => {
            // What is in a cart shows only when it is loaded.
            let stocks = c.basket.lines.given().iter().map(|line| place("stock", line.variant_id));
            let cart = matches!(c.basket.lines, BasketLines::Cart(_)).then(|| place("cart", c.customer_id));
            let copies = c.basket.coupons.iter().map(|copy| place("copy", copy));
            let by_wallet = c.payment == Some(PaymentMethod::Wallet);
            let wallet = by_wallet.then(|| place("wallet", c.customer_id));
            stocks.chain(cart).chain(copies).chain(wallet).collect()
        }
        Command::AddCartItem(c) => vec![place("cart", c.customer_id)],
        Command::UpdateCartItem(c) => vec![place("cart", c.customer_id)],
        Command::RemoveCartItem(c) => vec![place("cart", c.customer_id)],
        Command::ClearCart(c) => vec![place("cart", c.customer_id)],
        Command::MergeCart(c) => vec![place("cart", c.customer_id)],
        Command::AdjustStock(c) => vec![place("stock", c.variant_id)],
        Command::IssueCoupon(c) => match &c.coupon {
            CouponRef::Id(id) => vec![place("coupon", id)],
            CouponRef::Code(code) => vec![place("coupon", code.as_str())],
        },
        Command::Deposit(c) => vec![place("wallet", c.customer_id)],
        Command::AdjustWallet(c) => vec![place("wallet", c.customer_id)],
        Command::RegisterCustomer(c) => vec![place("username", c.username.as_str())],
        Command::PayOrder(c) => vec![place("order", c.order_id)],
        Command::CancelOrder(c) => vec![place("order", c.order_id)],
        Command::ExpireOrder(c) => vec![place("order", c.order_id)],
        Command::ShipOrder(c) => vec![place("order", c.order_id)],
        Command::DeliverOrder(c) => vec![place("order", c.order_id)],
        Command::RefundOrder(c) => vec![place("order", c.order_id)],
        Command::SettleRefund(c) => vec![place("order", c.order_id)],
        Command::StartCardPayment(c) => vec![place("order", c.order_id)],
        Command::RequestTopUp(_) => vec![],
        Command::SettleCharge(c) => vec![place("charge", c.charge_id)],
        // What operators do now and then, one after another.
        Command::CreateProduct(_)
        | Command::UpdateProduct(_)
        | Command::AddVariant(_)
        | Command::UpdateVariant(_)
        | Command::CreateCoupon(_)
        | Command::UpdateCoupon(_) => vec![place("shop", 0)],
    }
}

fn place(kind: &str, name: impl Hash) -> Place {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((kind, name))
}

/// Deals what may run now out to `lanes`, in the order it came: what meets goes to one lane, and lanes get about the
/// same number. Anything that meets a place in `held`, or something earlier that does, is left out.
///
/// Answers the lane of each, none for what is left out.
pub(super) fn deal<'a>(
    waiting: impl Iterator<Item = &'a [Place]>,
    held: &HashSet<Place>,
    lanes: usize,
) -> Vec<Option<usize>> {
    let mut late: HashSet<Place> = HashSet::new();
    let mut groups = Groups::default();
    let member: Vec<Option<usize>> = waiting
        .map(|places| {
            if places.iter().any(|place| held.contains(place) || late.contains(place)) {
                late.extend(places);
                return None;
            }
            Some(groups.add(places))
        })
        .collect();
    let lane = groups.spread(lanes);
    member.into_iter().map(|member| member.map(|member| lane[&groups.root(member)])).collect()
}

/// Commands grouped by the places they have in common, directly or through others.
#[derive(Default)]
struct Groups {
    parent: Vec<usize>,
    first: HashMap<Place, usize>,
}

impl Groups {
    fn add(&mut self, places: &[Place]) -> usize {
        let member = self.parent.len();
        self.parent.push(member);
        for place in places {
            let other = *self.first.entry(*place).or_insert(member);
            let (root, others) = (self.root(member), self.root(other));
            self.parent[root.max(others)] = root.min(others);
        }
        member
    }

    /// The first member of a member's group.
    fn root(&self, mut member: usize) -> usize {
        while self.parent[member] != member {
            member = self.parent[member];
        }
        member
    }

    /// A lane for each group: the largest first, each to the lane that has least.
    fn spread(&self, lanes: usize) -> HashMap<usize, usize> {
        let mut sizes: HashMap<usize, usize> = HashMap::new();
        for member in 0..self.parent.len() {
            *sizes.entry(self.root(member)).or_default() += 1;
        }
        let mut sizes: Vec<(usize, usize)> = sizes.into_iter().collect();
        sizes.sort_unstable_by_key(|(root, size)| (std::cmp::Reverse(*size), *root));
        let mut loads = vec![0; lanes];
        let mut lane_of = HashMap::with_capacity(sizes.len());
        for (root, size) in sizes {
            let least = (0..lanes).min_by_key(|lane| loads[*lane]).unwrap_or(0);
            loads[least] += size;
            lane_of.insert(root, least);
        }
        lane_of
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever waits and whatever is held: nobody starts who meets somebody under way, in another lane, or
        /// waiting before it.
        #[test]
        fn what_runs_side_by_side_never_meets(
            waiting in prop::collection::vec(prop::collection::vec(0_u64..40, 0..4), 0..40),
            held in prop::collection::hash_set(0_u64..40, 0..5),
            lanes in 1_usize..5,
        ) {
            let lane_of = deal(waiting.iter().map(Vec::as_slice), &held, lanes);
            prop_assert_eq!(lane_of.len(), waiting.len());
            let meet = |a: &[Place], b: &[Place]| a.iter().any(|place| b.contains(place));
            for (i, lane) in lane_of.iter().enumerate() {
                let behind = (0..i).any(|j| lane_of[j].is_none() && meet(&waiting[i], &waiting[j]));
                let stopped = behind || waiting[i].iter().any(|place| held.contains(place));
                prop_assert_eq!(lane.is_none(), stopped, "command {}", i);
                for j in (0..i).filter(|j| lane.is_some() && lane_of[*j].is_some()) {
                    prop_assert!(lane_of[j] == *lane || !meet(&waiting[i], &waiting[j]));
                }
            }
        }

        /// Commands that have nothing to do with each other are dealt out evenly.
        #[test]
        fn strangers_are_spread_evenly(count in 0_u64..50, lanes in 1_usize..5) {
            let waiting: Vec<Vec<Place>> = (0..count).map(|place| vec![place]).collect();
            let lane_of = deal(waiting.iter().map(Vec::as_slice), &HashSet::new(), lanes);
            let load = |lane| lane_of.iter().filter(|l| **l == Some(lane)).count();
            let loads: Vec<usize> = (0..lanes).map(load).collect();
            prop_assert!(loads.iter().max().unwrap_or(&0) - loads.iter().min().unwrap_or(&0) <= 1);
        }
    }
}
