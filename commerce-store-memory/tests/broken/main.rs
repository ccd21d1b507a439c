//! The conformance suite bites: on a store that is broken in one way, the cases that are to notice do.
#![cfg(not(commerce_loom))]

mod fault;
mod reads;
mod store;
mod work;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use commerce_core::conformance::{CASES, Case, Harness, Opened, PATIENCE, runtime, try_case};
use commerce_core::{ManualClock, Shop};
use commerce_store_memory::MemoryStore;

use crate::fault::Fault;
use crate::store::Broken;

#[async_trait]
impl Harness for Fault {
    async fn open(&self, shop: Shop, clock: Arc<ManualClock>) -> Opened {
        Opened::new(Arc::new(Broken::new(MemoryStore::with_clock(shop, clock), *self)))
    }
}

/// Without a fault the wrapper passes every case: what the broken ones fail for is their fault.
mod sound {
    use super::Fault;

    commerce_core::store_conformance!(Fault::None);
}

/// The case goes red on a store with that fault, and says `words`.
fn goes_red(fault: Fault, case: &str, words: &str) {
    let case = Case::named(case).expect("a case of the suite");
    // The one that hangs need not hang for long.
    let patience = if fault == Fault::LocksInLineOrder { Duration::from_secs(2) } else { PATIENCE };
    let failure = runtime().block_on(try_case(&fault, case, patience));
    let failure = failure.expect_err(&format!("{} is green on a store with the fault {fault:?}", case.name));
    assert!(failure.found.contains(words), "not for the reason {words:?}, but: {failure}");
}

macro_rules! broken {
    ($($test:ident: $fault:ident { $($case:ident: $words:literal,)+ })+) => {
        $(#[test]
        fn $test() {
            $(goes_red(Fault::$fault, stringify!($case), $words);)+
        })+

        const BITING: &[&str] = &[$($(stringify!($case),)+)+];
    };
}

#[test]
fn every_case_bites() {
    let toothless: Vec<_> = CASES.iter().map(|case| case.name).filter(|name| !BITING.contains(name)).collect();
    assert!(toothless.is_empty(), "no broken store shows that these can fail: {toothless:?}");
}

broken! {
    a_stale_decision: StaleDecision {
        the_last_units_are_sold_once: "",
        lines_of_one_variant_are_one_demand: "",
        a_basket_is_all_or_nothing: "",
        a_cancel_frees_units_for_one_new_order: "",
        adjustments_are_never_lost: "",
        a_balance_is_spent_once: "",
        movements_of_a_wallet_are_never_lost: "",
        one_cancel_wins: "",
        one_payment_wins: "",
        pay_against_cancel_has_one_winner: "",
        copies_stop_at_the_cap: "",
        a_customer_gets_no_more_than_the_limit: "",
        a_copy_is_used_once: "",
        a_username_has_one_owner: "",
        a_customer_registers_once: "",
        a_sku_has_one_variant: "",
        a_code_has_one_coupon: "",
        a_version_is_followed_once: "",
    }
    locks_in_the_order_of_lines: LocksInLineOrder {
        opposite_line_orders_never_deadlock: "",
    }
    an_answer_before_the_commit: AnswersEarly {
        an_answer_is_seen_by_what_comes_after_it: "",
        a_message_is_there_when_its_command_is_answered: "",
    }
    a_slow_clock: SlowClock {
        a_campaign_opens_and_closes_on_the_instant: "",
        a_copy_expires_on_the_instant: "",
        a_pending_order_expires_on_the_instant: "",
    }
    days_in_utc: DaysInUtc {
        popular_counts_the_shops_days: "",
        sales_fall_on_the_shops_day: "",
    }
    rounded_rejections: RoundsRejections {
        every_rejection_is_reached: "",
    }
    an_order_in_two_commits: TwoCommits {
        facts_add_up_at_any_moment: "",
        a_load_is_from_one_moment: "",
        an_order_comes_with_its_history: "",
        a_dropped_request_is_whole_or_nothing: "",
    }
    half_applied_changes: HalfApplied {
        an_order_is_written_whole: "",
        a_later_payment_is_written_whole: "",
    }
    kept_units: KeepsCancelledUnits {
        a_cancel_gives_everything_back: "",
    }
    a_half_applied_rejection: HalfAppliedRejection {
        a_rejection_leaves_no_trace: "",
    }
    a_counted_rejection: CountsRefusedCopies {
        a_rejection_leaves_no_trace: "",
    }
    a_forgotten_redemption: ForgetsRedemptions {
        an_order_is_written_whole: "",
        a_later_payment_is_written_whole: "",
    }
    a_forgotten_stock_entry: ForgetsStockEntries {
        an_order_is_written_whole: "",
        adjustments_are_never_lost: "",
    }
    a_forgotten_wallet_entry: ForgetsWalletEntries {
        an_order_is_written_whole: "",
        movements_of_a_wallet_are_never_lost: "",
    }
    a_forgotten_history: ForgetsHistory {
        an_order_is_written_whole: "",
    }
    a_forgotten_count: ForgetsIssued {
        copies_stop_at_the_cap: "",
    }
    a_forgotten_count_of_a_customer: ForgetsCopies {
        a_customer_gets_no_more_than_the_limit: "",
    }
    a_forgotten_change_of_a_coupon: ForgetsCouponChanges {
        a_campaign_is_switched_off_and_on: "",
    }
    forgotten_sales: ForgetsSales {
        sales_are_never_lost: "",
    }
    a_forgotten_key: ForgetsKeys {
        a_replay_answers_as_then: "",
        racing_requests_under_one_key_run_once: "",
    }
    an_ignored_fingerprint: IgnoresFingerprints {
        a_reused_key_is_refused: "",
        of_two_requests_under_one_key_one_runs: "",
    }
    keys_of_all_principals: SharesKeysAmongPrincipals {
        keys_of_two_principals_never_meet: "",
    }
    keys_of_all_operations: SharesKeysAmongOperations {
        keys_of_two_operations_never_meet: "",
    }
    a_replay_of_the_present: ReplaysThePresent {
        a_replay_answers_as_then: "",
    }
    a_key_looked_up_early: LooksKeysUpEarly {
        racing_requests_under_one_key_run_once: "",
        of_two_requests_under_one_key_one_runs: "",
    }
    a_kept_key_of_a_rejection: KeepsRefusedKeys {
        a_refused_key_is_free: "",
    }
    a_skipped_message: SkipsMessages {
        each_transition_has_one_message: "",
    }
    a_doubled_message: DoublesMessages {
        each_transition_has_one_message: "",
    }
    a_shared_claim: SharesClaims {
        a_claim_is_exclusive: "",
    }
    an_ignored_sequence: IgnoresSequence {
        a_message_waits_for_its_predecessor: "",
    }
    an_endless_claim: NeverEndsClaims {
        a_claim_runs_out_by_the_clock: "",
    }
    a_retry_at_once: RetriesAtOnce {
        a_retry_comes_back_after_its_delay: "",
        a_message_waits_for_its_predecessor: "",
    }
    a_lost_dead_letter: BuriesNowhere {
        a_buried_message_is_in_the_way_of_nothing: "",
    }
    an_unlimited_claim: IgnoresClaimLimits {
        the_longest_waiting_goes_first: "",
    }
    a_token_that_never_grows: OneTokenForAll {
        a_lease_runs_out_by_the_clock: "",
        tokens_grow_after_releases: "",
    }
    an_endless_lease: NeverEndsLeases {
        a_lease_runs_out_by_the_clock: "",
        a_run_out_lease_cannot_be_renewed: "",
    }
    a_shared_lease: SharesLeases {
        a_lease_has_one_holder: "",
    }
    an_unchecked_renewal: RenewsAnything {
        a_run_out_lease_cannot_be_renewed: "",
        a_holder_extends_its_lease: "",
    }
    offsets_for_cursors: CountsOffsets {
        customers_and_products: "",
        products_of_one_status: "",
        coupons_and_copies: "",
        orders_of_a_customer: "",
        orders_of_one_status: "",
        ledgers: "",
        dead_letters: "",
    }
    endless_pages: PromisesMore {
        the_bounds_of_pages: "",
    }
    skipped_facts: SkipsFacts {
        facts_for_audits: "",
    }
    a_day_too_many: OneDayTooMany {
        popular_counts_the_shops_days: "",
    }
    ties_by_id_alone: IgnoresRevenue {
        popular_ranks_by_units_then_revenue_then_id: "",
    }
}
