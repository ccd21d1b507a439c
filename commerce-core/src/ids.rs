//! Typed ids, and the Snowflake-shaped generator that makes them without coordination.

use std::fmt;
use std::num::NonZeroI64;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::time::Timestamp;

/// Text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an id: write it as the decimal digits that the shop gave, 1 to 9223372036854775807")]
pub struct IdError;

/// What every typed id can do; implemented by the ids of this module alone.
pub trait Id: Copy + Ord + sealed::Sealed {
    /// Wraps a raw id.
    fn from_raw(raw: NonZeroI64) -> Self;
    /// The positive number behind the id.
    fn get(self) -> i64;
}

mod sealed {
    pub trait Sealed {}
}

const ONE: NonZeroI64 = match NonZeroI64::new(1) {
    Some(one) => one,
    None => NonZeroI64::MAX,
};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(NonZeroI64);

        impl sealed::Sealed for $name {}

        impl $name {
            /// The least id there can be: where ranges over ids begin.
            pub const MIN: Self = Self(ONE);

            /// The positive number behind the id.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0.get()
            }
        }

        impl Id for $name {
            fn from_raw(raw: NonZeroI64) -> Self {
                Self(raw)
            }
            fn get(self) -> i64 {
                self.0.get()
            }
        }

        impl TryFrom<i64> for $name {
            type Error = IdError;
            fn try_from(raw: i64) -> Result<Self, IdError> {
                NonZeroI64::new(raw).filter(|raw| raw.get() > 0).map(Self).ok_or(IdError)
            }
        }

        /// Decimal digits only: no sign, no blanks, no leading zero.
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if !text.bytes().all(|b| b.is_ascii_digit()) || text.starts_with('0') {
                    return Err(IdError);
                }
                text.parse::<i64>().map_err(|_| IdError).and_then(Self::try_from)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        /// A string: JavaScript loses integers of 64 bits.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(itoa::Buffer::new().format(self.get()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

ids! {
    /// Names a [`Customer`](crate::Customer).
    CustomerId;
    /// Names a [`Product`](crate::Product).
    ProductId;
    /// Names a [`Variant`](crate::Variant), and its stock.
    VariantId;
    /// Names a [`Coupon`](crate::Coupon), the campaign.
    CouponId;
    /// Names an [`IssuedCoupon`](crate::IssuedCoupon), one customer's copy.
    IssuedCouponId;
    /// Names an [`Order`](crate::Order).
    OrderId;
    /// Names a [`Payment`](crate::Payment).
    PaymentId;
    /// Names a [`Refund`](crate::Refund), and serves as its idempotency key at a gateway.
    RefundId;
    /// Names a [`Charge`](crate::Charge), and serves as its idempotency key at a gateway.
    ChargeId;
    /// Names a [`TopUp`](crate::TopUp).
    TopUpId;
    /// Names an [`OutboxMessage`](crate::OutboxMessage); consumers deduplicate by it.
    MessageId;
}

/// Bits of an id below the millisecond: 10 for the node, 12 for the sequence.
const SEQUENCE_BITS: u32 = 12;
const NODE_BITS: u32 = 10;
/// Ticks (a millisecond and a sequence each) that 41 bits of milliseconds have room for; ids end before it.
const END_TICK: u64 = 1 << (41 + SEQUENCE_BITS);
/// 2024-01-01T00:00:00Z in milliseconds since 1970: ids count from here, for 69 years.
const EPOCH_MS: i64 = 1_704_067_200_000;

/// The number of a node (a process) that makes ids: 0 to 1023, unique among those that share a store; 0
/// by default, for a process that has its store to itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeId(u16);

impl NodeId {
    /// How many nodes there can be.
    pub const COUNT: u16 = 1 << NODE_BITS;

    /// Checks a node number; `None` from [`NodeId::COUNT`] on.
    #[must_use]
    pub const fn new(node: u16) -> Option<Self> {
        if node < Self::COUNT { Some(Self(node)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// A supply of fresh ids, handed to a decision as data so that the decision stays pure.
///
/// A block is a run of consecutive ticks of one node; ids taken from it ascend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdBlock {
    next_tick: u64,
    left: u32,
    node: NodeId,
}

impl IdBlock {
    /// A block of `count` ids of `node` from `tick` on, from 1 at the earliest. Tests build blocks by hand;
    /// programs get them from [`IdGenerator::reserve`].
    ///
    /// Fewer, or none, where the 41 bits of milliseconds end: a command that needs more is then refused with
    /// [`TooFewIds`](crate::Rejection::TooFewIds), and no id comes around again.
    #[must_use]
    pub const fn new(tick: u64, count: u32, node: NodeId) -> Self {
        let next_tick = if tick == 0 { 1 } else { tick };
        let room = END_TICK.saturating_sub(next_tick);
        #[expect(clippy::cast_possible_truncation, reason = "less than a count, which is a u32")]
        let left = if room < count as u64 { room as u32 } else { count };
        Self { next_tick, left, node }
    }

    /// How many ids are left.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.left
    }

    /// Whether no id is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The next id, or `None` when the block is used up.
    pub fn take<I: Id>(&mut self) -> Option<I> {
        self.left = self.left.checked_sub(1)?;
        let tick = self.next_tick;
        self.next_tick += 1;
        let (ms, sequence) = (tick >> SEQUENCE_BITS, tick & ((1 << SEQUENCE_BITS) - 1));
        let raw = ms << (NODE_BITS + SEQUENCE_BITS) | u64::from(self.node.0) << SEQUENCE_BITS | sequence;
        i64::try_from(raw).ok().and_then(NonZeroI64::new).map(I::from_raw)
    }
}

/// Makes ids for one node: ascending, never twice, without locks.
///
/// An id is 41 bits of milliseconds since 2024, 10 of node, 12 of sequence. When more than 4,096 ids are
/// asked for in a millisecond, or the clock steps back, the generator runs ahead of the clock rather than
/// wait or repeat itself.
#[derive(Debug)]
pub struct IdGenerator {
    node: NodeId,
    next_tick: AtomicU64,
}

impl IdGenerator {
    /// A generator for `node`. Two generators of one node that live at the same time may repeat ids.
    #[must_use]
    pub const fn new(node: NodeId) -> Self {
        Self { node, next_tick: AtomicU64::new(1) }
    }

    /// The node whose number the ids carry.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Reserves `count` consecutive ids at `now`; fewer once time has run past what ids can hold (see
    /// [`IdBlock::new`]). A clock that reads less than 2024 counts as one that reads its beginning.
    #[must_use]
    pub fn reserve(&self, now: Timestamp, count: u32) -> IdBlock {
        let ms = u64::try_from(now.as_millis() - EPOCH_MS).unwrap_or(0);
        let current = ms << SEQUENCE_BITS;
        let advance = |next: u64| Some(next.max(current).saturating_add(u64::from(count)));
        // The closure always answers, so both arms hold the tick before the reservation.
        let before = match self.next_tick.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance) {
            Ok(before) | Err(before) => before,
        };
        IdBlock::new(before.max(current), count, self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: u16) -> NodeId {
        NodeId::new(n).expect("a node number")
    }

    #[test]
    fn ids_ascend_across_milliseconds_even_when_the_clock_steps_back() {
        let ids = IdGenerator::new(node(7));
        let mut last = 0;
        for ms in [5, 5, 6, 2, 900, 1] {
            let mut block = ids.reserve(Timestamp::from_millis(EPOCH_MS + ms), 3_000);
            while let Some(id) = block.take::<OrderId>() {
                assert!(id.get() > last);
                last = id.get();
            }
        }
    }

    #[test]
    fn nodes_never_meet() {
        let now = Timestamp::from_millis(EPOCH_MS + 1);
        let take = |n| IdGenerator::new(node(n)).reserve(now, 1).take::<OrderId>().expect("an id");
        assert_ne!(take(1), take(2));
    }

    #[test]
    fn racing_reservations_never_overlap() {
        let ids = IdGenerator::new(node(1));
        let now = Timestamp::from_millis(EPOCH_MS + 1);
        let mut all: Vec<i64> = std::thread::scope(|scope| {
            let takers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1_000).map(|_| ids.reserve(now, 3)).collect::<Vec<_>>())).collect();
            takers.into_iter().flat_map(|taker| taker.join().expect("no panic")).flat_map(drain).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4 * 1_000 * 3);
    }

    fn drain(mut block: IdBlock) -> Vec<i64> {
        std::iter::from_fn(|| block.take::<OrderId>()).map(OrderId::get).collect()
    }

    #[test]
    fn ids_end_where_their_bits_do_and_never_come_around() {
        let last = IdBlock::new(END_TICK - 2, 5, node(1023));
        assert_eq!((last.len(), drain(last).last().copied()), (2, Some(i64::MAX)));
        for tick in [END_TICK, END_TICK + 1, u64::MAX] {
            assert!(IdBlock::new(tick, 5, node(0)).is_empty(), "{tick}");
        }
        let ids = IdGenerator::new(node(1));
        assert!(ids.reserve(Timestamp::from_micros(i64::MAX), 3).is_empty(), "the year 9999");
        assert_eq!(drain(IdBlock::new(0, 2, node(0))), [1, 2], "zero is no id");
    }

    #[test]
    fn text_is_plain_digits_or_refused() {
        for wrong in ["", "0", "01", "-1", "+1", " 1", "1 ", "1e3", "9223372036854775808", "１"] {
            assert_eq!(wrong.parse::<OrderId>(), Err(IdError), "{wrong:?}");
        }
        let id: OrderId = "9223372036854775807".parse().expect("the largest id");
        assert_eq!(id.to_string(), "9223372036854775807");
    }
}
