//! Ids: blocks hand out what they say, and the text of an id is the id.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use commerce_core::{
    CouponId, CustomerId, Id, IdBlock, IdError, IdGenerator, IssuedCouponId, MessageId, NodeId, OrderId, PaymentId,
    ProductId, Timestamp, VariantId,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cases;
use crate::generate::any_id;

/// 2024-01-01T00:00:00Z, from where ids count.
const EPOCH_MS: i64 = 1_704_067_200_000;

fn round_trips<I>(raw: i64) -> Result<(), TestCaseError>
where
    I: Id + Debug + Display + FromStr<Err = IdError> + TryFrom<i64> + Serialize + DeserializeOwned,
{
    let id: I = crate::generate::id(raw);
    let text = id.to_string();
    prop_assert_eq!(&text, &raw.to_string());
    prop_assert!(text.parse::<I>() == Ok(id) && I::try_from(raw).ok() == Some(id) && Id::get(id) == raw);
    let stored = serde_json::to_string(&id).expect("plain data");
    prop_assert_eq!(&stored, &format!("\"{raw}\""), "text, never a number: JavaScript would round it");
    prop_assert!(serde_json::from_str::<I>(&stored).ok() == Some(id));
    prop_assert!(serde_json::from_str::<I>(&raw.to_string()).is_err());
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn every_kind_of_id_round_trips(id in any_id::<OrderId>()) {
        let raw = id.get();
        round_trips::<CustomerId>(raw)?;
        round_trips::<ProductId>(raw)?;
        round_trips::<VariantId>(raw)?;
        round_trips::<CouponId>(raw)?;
        round_trips::<IssuedCouponId>(raw)?;
        round_trips::<OrderId>(raw)?;
        round_trips::<PaymentId>(raw)?;
        round_trips::<MessageId>(raw)?;
    }

    #[test]
    fn only_plain_positive_digits_are_ids(text in "[-+ ]?0{0,2}[0-9]{0,21}|.{0,8}") {
        let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
        let value = if digits { text.parse::<i128>().ok() } else { None };
        let expected = value.filter(|value| *value <= i128::from(i64::MAX));
        prop_assert_eq!(text.parse::<OrderId>().ok().map(|id| i128::from(id.get())), expected);
    }

    #[test]
    fn a_block_hands_out_its_count_ascending_and_no_more(
        tick in 1..1_u64 << 53,
        count in 0..=5_000_u32,
        node in 0..NodeId::COUNT,
    ) {
        let mut block = IdBlock::new(tick, count, NodeId::new(node).expect("a node"));
        let ids: Vec<i64> = std::iter::from_fn(|| block.take::<OrderId>()).map(OrderId::get).collect();
        prop_assert_eq!(ids.len(), count as usize);
        prop_assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        for (offset, id) in (0..).zip(&ids) {
            // 41 bits of milliseconds, 10 of node, 12 of sequence.
            let (ms, of, sequence) = (id >> 22, (id >> 12) & 1023, id & 4095);
            prop_assert_eq!(u64::try_from(ms << 12 | sequence), Ok(tick + offset));
            prop_assert_eq!(of, i64::from(node));
        }
        prop_assert!(block.is_empty() && block.take::<OrderId>().is_none());
    }

    #[test]
    fn nothing_is_handed_out_twice_whatever_the_clock_does(
        asked in prop::collection::vec((-5_000..=5_000_i64, 0..=300_u32), 1..20),
        node in 0..NodeId::COUNT,
    ) {
        let generator = IdGenerator::new(NodeId::new(node).expect("a node"));
        let mut seen = BTreeSet::new();
        for (ms, count) in asked {
            let mut block = generator.reserve(Timestamp::from_millis(EPOCH_MS + ms), count);
            prop_assert_eq!(block.len(), count);
            while let Some(id) = block.take::<OrderId>() {
                prop_assert!(seen.last().is_none_or(|last| id > *last), "ids of one generator ascend");
                prop_assert!(seen.insert(id));
            }
        }
    }
}

#[test]
fn there_are_1024_nodes() {
    assert!(NodeId::new(NodeId::COUNT - 1).is_some() && NodeId::new(NodeId::COUNT).is_none());
    assert_eq!(NodeId::COUNT, 1_024);
}
