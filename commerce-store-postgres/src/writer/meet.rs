//! Which commands may run beside which: those that meet on no record that both would lock.
//!
//! Commands that meet share a lane, where they share a transaction instead of waiting for each other's locks; those
//! that do not may run side by side. A crowd that meets a batch under way may follow it closely (`ahead`). What cannot be
//! told from a command alone (what is on an order, which wallet an order is paid from later) is left to the row locks:
//! meeting is about speed, never about exactness.

use std::collections::{BTreeMap, HashMap, HashSet};
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
        Command::RevokeCoupon(c) => vec![place("copy", c.issued_coupon_id)],
        Command::ExpireIssuedCoupon(c) => vec![place("copy", c.issued_coupon_id)],
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
        | Command::ImportProducts(_)
        | Command::UpdateVariant(_)
        | Command::CreateCoupon(_)
        | Command::UpdateCoupon(_)
        | Command::AddCodes(_) => vec![place("shop", 0)],
    }
}

fn place(kind: &str, name: impl Hash) -> Place {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((kind, name))
}

/// What was dealt out.
#[derive(Debug)]
pub(super) struct Dealt {
    /// The lane of each command, none for what is left out.
    pub(super) lane_of: Vec<Option<usize>>,
    /// Which open batch each lane follows, if it does.
    pub(super) follows: Vec<Option<usize>>,
    /// Whether some who meet nobody had no lane, for those who follow took it.
    pub(super) left_out: bool,
}

/// Those who meet, directly or through others, together: by their places in the list.
pub(super) fn groups<'a>(members: impl Iterator<Item = &'a [Place]>) -> Vec<Vec<usize>> {
    let mut groups = Groups::default();
    let members: Vec<usize> = members.map(|places| groups.add(places)).collect();
    let mut together: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for member in members {
        together.entry(groups.root(member)).or_default().push(member);
    }
    together.into_values().collect()
}

/// Deals what may run now out to `lanes`, in the order it came: what meets goes to one lane, and lanes get about the
/// same number. Each of `waiting` comes with its places, and whether it may follow a batch that is under way. `open` are
/// the places of batches that may be followed: a lane that follows one has nothing but what meets it, directly or
/// through others. If strangers to those were `left_out` the last time, they have a lane now. Anything that meets a place
/// in `held`, two open batches, or something earlier that is left out, is left out.
pub(super) fn deal<'a>(
    waiting: impl Iterator<Item = (&'a [Place], bool)>,
    held: &HashSet<Place>,
    open: &[&[Place]],
    lanes: usize,
    left_out: bool,
) -> Dealt {
    let mut late: HashSet<Place> = HashSet::new();
    let mut groups = Groups::default();
    // The first members are the open batches themselves.
    for places in open {
        groups.add(places);
    }
    let mut stays: HashSet<usize> = HashSet::new();
    let mut member: Vec<Option<usize>> = Vec::new();
    for (places, may_follow) in waiting {
        if places.iter().any(|place| held.contains(place) || late.contains(place)) {
            late.extend(places);
            member.push(None);
        } else {
            let added = groups.add(places);
            stays.extend((!may_follow).then_some(added));
            member.push(Some(added));
        }
    }
    let mut leader: HashMap<usize, Option<usize>> = HashMap::new();
    for i in 0..open.len() {
        leader.entry(groups.root(i)).and_modify(|leader| *leader = None).or_insert(Some(i));
    }
    for member in stays {
        leader.entry(groups.root(member)).and_modify(|leader| *leader = None);
    }
    let (lane, follows) = groups.spread(lanes, open.len(), &leader, left_out);
    let is_left_out = |member: usize| {
        let root = groups.root(member);
        !leader.contains_key(&root) && !lane.contains_key(&root)
    };
    let left_out = member.iter().flatten().any(|member| is_left_out(*member));
    let lane_of = member.into_iter().map(|member| lane.get(&groups.root(member?)).copied()).collect();
    Dealt { lane_of, follows, left_out }
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

    /// A lane for each group that can have one, the largest first, each to the lane that has least; and whom each lane
    /// follows. The first `open` members are not dealt out. `leader` names the groups that meet one of them: each
    /// follows the one it names on a lane of its own, or none and waits. Strangers who were `left_out` have a lane.
    fn spread(
        &self,
        lanes: usize,
        open: usize,
        leader: &HashMap<usize, Option<usize>>,
        left_out: bool,
    ) -> (HashMap<usize, usize>, Vec<Option<usize>>) {
        let mut sizes: HashMap<usize, usize> = HashMap::new();
        for member in open..self.parent.len() {
            *sizes.entry(self.root(member)).or_default() += 1;
        }
        let mut sizes: Vec<(usize, usize)> = sizes.into_iter().collect();
        sizes.sort_unstable_by_key(|(root, size)| (std::cmp::Reverse(*size), *root));
        let (led, strangers): (Vec<_>, Vec<_>) = sizes.into_iter().partition(|(root, _)| leader.contains_key(root));
        let followers: Vec<_> = led.into_iter().filter_map(|(root, size)| Some((root, size, leader[&root]?))).collect();
        // A crowd of strangers comes before a few that follow.
        let crowd: usize = strangers.iter().map(|(_, size)| size).sum();
        let before = followers.iter().filter(|(_, size, _)| *size > crowd).count();
        let kept = usize::from(crowd > 0 && (left_out || before < lanes));
        let (mut lane_of, mut follows) = (HashMap::new(), vec![None; lanes]);
        for (lane, (root, _, ahead)) in followers.into_iter().take(lanes - kept).enumerate() {
            lane_of.insert(root, lane);
            follows[lane] = Some(ahead);
        }
        let taken = lane_of.len();
        let mut loads = vec![0; lanes - taken];
        for (root, size) in strangers {
            let Some(least) = (0..loads.len()).min_by_key(|lane| loads[*lane]) else { break };
            loads[least] += size;
            lane_of.insert(root, taken + least);
        }
        (lane_of, follows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever waits, whatever is held, and whatever may be followed: nobody starts who meets somebody under way
        /// whom its lane does not follow, in another lane, or waiting before it; and a lane that follows has none but
        /// those who may.
        #[test]
        fn what_runs_side_by_side_never_meets(
            waiting in prop::collection::vec((prop::collection::vec(0_u64..40, 0..4), prop::bool::weighted(0.8)), 0..40),
            held in prop::collection::hash_set(0_u64..40, 0..5),
            open in prop::collection::vec(prop::collection::vec(0_u64..40, 1..6), 0..3),
            lanes in 1_usize..5,
            left_out in prop::bool::ANY,
        ) {
            let open: Vec<&[Place]> = open.iter().map(Vec::as_slice).collect();
            let Dealt { lane_of, follows, .. } =
                deal(waiting.iter().map(|(places, may)| (places.as_slice(), *may)), &held, &open, lanes, left_out);
            prop_assert_eq!((lane_of.len(), follows.len()), (waiting.len(), lanes));
            let meet = |a: &[Place], b: &[Place]| a.iter().any(|place| b.contains(place));
            for (i, lane) in lane_of.iter().enumerate() {
                let Some(lane) = lane else { continue };
                let (places, may_follow) = &waiting[i];
                let behind = (0..i).any(|j| lane_of[j].is_none() && meet(places, &waiting[j].0));
                prop_assert!(!behind && !places.iter().any(|place| held.contains(place)), "command {}", i);
                for (n, batch) in open.iter().enumerate() {
                    prop_assert!(!meet(places, batch) || follows[*lane] == Some(n), "command {} meets {}", i, n);
                }
                prop_assert!(*may_follow || follows[*lane].is_none());
                for j in (0..i).filter(|j| lane_of[*j].is_some()) {
                    prop_assert!(lane_of[j] == Some(*lane) || !meet(places, &waiting[j].0));
                }
            }
        }

        /// Whoever can start does: without anything to follow, only what meets something held, or what waits for it.
        #[test]
        fn nobody_waits_without_reason(
            waiting in prop::collection::vec(prop::collection::vec(0_u64..40, 0..4), 0..40),
            held in prop::collection::hash_set(0_u64..40, 0..5),
            lanes in 1_usize..5,
        ) {
            let Dealt { lane_of, .. } = deal(waiting.iter().map(|places| (places.as_slice(), true)), &held, &[], lanes, false);
            let meet = |a: &[Place], b: &[Place]| a.iter().any(|place| b.contains(place));
            for (i, lane) in lane_of.iter().enumerate() {
                let behind = (0..i).any(|j| lane_of[j].is_none() && meet(&waiting[i], &waiting[j]));
                let stopped = behind || waiting[i].iter().any(|place| held.contains(place));
                prop_assert_eq!(lane.is_none(), stopped, "command {}", i);
            }
        }

        /// A crowd that wants what is under way follows it, as soon as there is a lane.
        #[test]
        fn a_crowd_follows(count in 1_usize..50, lanes in 1_usize..5, strangers in 0_usize..3) {
            let places = |i: usize| if i < count { vec![7_u64] } else { vec![100 + i as u64] };
            let waiting: Vec<Vec<Place>> = (0..count + strangers).map(places).collect();
            let deal = |left_out| {
                let waiting = waiting.iter().map(|places| (places.as_slice(), true));
                deal(waiting, &HashSet::new(), &[&[7]], lanes, left_out)
            };
            let Dealt { lane_of, follows, left_out } = deal(false);
            if lanes > 1 || count > strangers {
                let lane = lane_of[0].expect("a lane");
                prop_assert_eq!(follows[lane], Some(0));
                prop_assert!(lane_of[..count].iter().all(|of| *of == Some(lane)));
                prop_assert_eq!(left_out, lanes == 1 && strangers > 0);
            }
            // Nobody is left out twice in a row.
            let Dealt { lane_of, left_out, .. } = deal(true);
            prop_assert!(!left_out && lane_of[count..].iter().all(Option::is_some));
        }

        /// Commands that have nothing to do with each other are dealt out evenly.
        #[test]
        fn strangers_are_spread_evenly(count in 0_u64..50, lanes in 1_usize..5) {
            let waiting: Vec<Vec<Place>> = (0..count).map(|place| vec![place]).collect();
            let Dealt { lane_of, .. } =
                deal(waiting.iter().map(|places| (places.as_slice(), true)), &HashSet::new(), &[], lanes, false);
            let load = |lane| lane_of.iter().filter(|l| **l == Some(lane)).count();
            let loads: Vec<usize> = (0..lanes).map(load).collect();
            prop_assert!(loads.iter().max().unwrap_or(&0) - loads.iter().min().unwrap_or(&0) <= 1);
        }
    }
}
