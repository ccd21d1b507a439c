//! The conformance suite bites: on a store that is broken in one way, the cases that are to notice do.
#![cfg(not(commerce_loom))]
#![expect(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod audit;
mod fault;
mod jobs;
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
    // Those that hang need not hang for long.
    let hangs = matches!(fault, Fault::LocksInLineOrder | Fault::KeepsNewsToItself);
    let patience = if hangs { Duration::from_secs(2) } else { PATIENCE };
    // Whether tasks meet in a fault that takes two of them is up to the machine's scheduler: mostly they do.
    let tries = if fault.takes_a_race() { 100 } else { 1 };
    let mut found = Vec::new();
    for _ in 0..tries {
        let failure = runtime().block_on(try_case(&fault, case, patience)).err();
        if failure.as_ref().is_some_and(|failure| failure.found.contains(words)) {
            return;
        }
        found.push(failure);
    }
    panic!("{} is to say {words:?} on a store with the fault {fault:?}; it says {found:#?}", case.name);
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
        the_last_units_are_sold_once: "orders and units left, of 10 units",
        lines_of_one_variant_are_one_demand: "orders of 1 + 1 units and units left, of 7 units",
        a_basket_is_all_or_nothing: "orders, and units left of the plentiful and the scarce",
        a_cancel_frees_units_for_one_new_order: "orders got the one unit",
        adjustments_are_never_lost: "units after 16 of +5, −2 and −1 each",
        a_balance_is_spent_once: "orders of 1,000 won, won left of 3,500, units left of 100",
        movements_of_a_wallet_are_never_lost: "won after 16 of +7, −3 and −100 each",
        one_cancel_wins: "cancellations, and units on hand of 10",
        one_payment_wins: "payments, and won left of 50,000",
        pay_against_cancel_has_one_winner: "of two payments and two cancellations of one order",
        racing_sweeps_end_an_order_once: "orders ended by sweeps and customers, units on hand, orders due",
        pay_against_expire_has_one_winner: "of two payments and two expiries of one order",
        refunds_never_exceed_the_payment: "units and won given back, of 5 units for 3,566 won",
        one_full_refund_wins: "refunds, and won in the wallet of 10,000",
        ship_against_refund: "shipments and refunds of an order",
        an_order_is_shipped_and_delivered_once: "steps of one order to Shipped, of 24 at once",
        copies_stop_at_the_cap: "copies answered, and counted",
        a_customer_gets_no_more_than_the_limit: "copies answered, counted, and in the customer's hands",
        a_copy_is_used_once: "orders, and won left after one of 4,000",
        orders_that_share_copies_have_one_winner: "orders, won left after one of 3,000, and units left",
        a_single_use_code_has_one_coupon: "requests answered, and codes there",
        use_against_revoke_has_one_winner: "of two orders and two revocations of one copy",
        edits_of_a_cart_are_never_lost: "what is in the cart after",
        an_item_is_removed_once: "removals, and the cart's version",
        a_cart_stops_at_its_bounds: "lines answered, and lines there",
        a_version_of_a_cart_is_followed_once: "and the cart afterwards",
        a_cart_is_ordered_once: "orders, units left of 100 and 100",
        what_is_added_during_an_order_is_ordered_or_stays: "units ordered",
        a_username_has_one_owner: "registrations answered, and customers there",
        a_customer_registers_once: "registrations answered, and customers there",
        a_sku_has_one_variant: "variants answered",
        a_code_has_one_coupon: "coupons answered, and coupons there",
        a_version_is_followed_once: "the product afterwards",
        one_of_many_calls_an_order_off: "who called it off, of 12",
        racing_reports_settle_a_charge_once: "for an order that is",
        one_capture_in_many_reports: "units in the sales of the day",
        one_card_payment_begins: "payments begun, and refused",
        a_top_up_is_credited_once: "the wallet's last entry, and how many there are",
        a_transaction_pays_one_charge: "charges with one transaction",
        racing_words_settle_a_refund_once: "what the reporters heard",
        racing_gateway_refunds_never_exceed_the_payment: "units and won given back, of 3 units for 8,000 won",
    }
    forgotten_reports: ForgetsReports {
        a_declined_payment_frees_the_order: "declined",
        a_capture_that_pays_nothing_is_given_back: "the order, the charge, and won left",
        a_top_up_without_its_money_credits_nothing: "the customer's top-ups, newest first",
        what_brings_no_money_releases: "the charge and its order, told",
        open_charges_are_found_until_settled: "open charges, oldest first",
    }
    forgotten_cancel_requests: ForgetsCancelRequests {
        an_order_is_called_off_by_whoever_asked: "who asked, and why",
        one_of_many_calls_an_order_off: "who called it off, of 12",
    }
    forgotten_starts: ForgetsStarts {
        a_payment_in_flight_is_waited_for: "while the gateway decides",
    }
    locks_in_the_order_of_lines: LocksInLineOrder {
        opposite_line_orders_never_deadlock: "no end after 2 s: a deadlock?",
    }
    an_answer_before_the_commit: AnswersEarly {
        an_answer_is_seen_by_what_comes_after_it: "the payment heard Err",
        a_message_is_there_when_its_command_is_answered: "orders told of, against orders placed",
    }
    a_fast_clock: FastClock {
        a_campaign_opens_and_closes_on_the_instant: "the status at",
        a_copy_expires_on_the_instant: "an order a microsecond before the copy expires",
        a_pending_order_expires_on_the_instant: "until when an order can be paid",
    }
    days_in_utc: DaysInUtc {
        popular_counts_the_shops_days: "at the end of 30 October: today",
        sales_fall_on_the_shops_day: "sold on 31 October",
        a_roll_up_finds_what_is_booked: "the roll-up of 2026-10-31, once",
        a_roll_up_knows_a_short_day: "the roll-up of 2027-03-13",
    }
    rounded_rejections: RoundsRejections {
        every_rejection_is_reached: "OutOfStock",
    }
    an_overwritten_record: OverwritesTakenIds {
        every_rejection_is_reached: "IdTaken",
    }
    an_order_in_two_commits: TwoCommits {
        facts_add_up_at_any_moment: "what does not add up while others write",
        a_load_is_from_one_moment: "units on hand",
        an_order_comes_with_its_history: "events of an order at",
        a_dropped_request_is_whole_or_nothing: "the books do not add up afterwards: [History",
    }
    half_applied_changes: HalfApplied {
        an_order_is_written_whole: "the payment",
        a_later_payment_is_written_whole: "the payment",
        a_card_payment_is_written_whole: "a payment",
    }
    kept_units: KeepsCancelledUnits {
        a_cancel_gives_everything_back: "units, copy and won afterwards",
        a_charge_called_off_cancels_its_order: "units, copy and won given back",
    }
    a_half_applied_rejection: HalfAppliedRejection {
        a_rejection_leaves_no_trace: "changed the store",
    }
    a_counted_rejection: CountsRefusedCopies {
        a_rejection_leaves_no_trace: "changed the store",
    }
    a_forgotten_redemption: ForgetsRedemptions {
        an_order_is_written_whole: "the redemption",
        a_later_payment_is_written_whole: "units, copy and won",
        a_full_refund_gives_the_coupon_back: "a copy, its order refunded in full",
        the_last_money_back_refunds_the_order: "one unit on its way",
        coupons_are_taken_off_in_turn: "one of the copies, their order refunded in full",
    }
    a_forgotten_refund: ForgetsRefunds {
        a_refund_is_written_whole: "the refunds, read back",
        refunds_never_exceed_the_payment: "units and won given back, of 5 units for 3,566 won",
    }
    a_forgotten_word_on_a_refund: ForgetsRefundWords {
        a_gateway_refund_is_written_whole: "the refund, read back once it is settled",
        a_failed_refund_frees_its_units: "the failed refund, read back",
        pending_refunds_are_found_until_settled: "pending refunds, oldest first",
    }
    renamed_orders: RenamesOrders {
        price_changes_do_not_touch_orders: "the order after a change of its product",
    }
    a_forgotten_stock_entry: ForgetsStockEntries {
        an_order_is_written_whole: "rows in the stock ledger",
        adjustments_are_never_lost: "rows in the ledger",
    }
    a_forgotten_wallet_entry: ForgetsWalletEntries {
        an_order_is_written_whole: "the wallet entry",
        movements_of_a_wallet_are_never_lost: "rows in the ledger",
    }
    a_forgotten_history: ForgetsHistory {
        an_order_is_written_whole: "events in the history",
    }
    a_forgotten_count: ForgetsIssued {
        copies_stop_at_the_cap: "copies answered, and counted",
    }
    a_forgotten_count_of_a_customer: ForgetsCopies {
        a_customer_gets_no_more_than_the_limit: "copies answered, counted, and in the customer's hands",
    }
    a_forgotten_need_of_a_code: ForgetsByCode {
        a_campaign_by_code_takes_a_code: "a claim without a code",
        every_rejection_is_reached: "CouponNeedsCode",
    }
    a_forgotten_use_of_a_code: ForgetsUsedCodes {
        a_code_is_claimed_once: "claims with one code, and copies that are out",
    }
    a_used_code_of_a_refusal: UsesRefusedCodes {
        codes_count_like_other_claims: "codes that are free, and copies that are out",
    }
    a_forgotten_revocation: ForgetsRevocations {
        a_revoked_copy_is_gone_for_good: "the revoked copy, read back and listed",
    }
    a_forgotten_change_of_a_coupon: ForgetsCouponChanges {
        a_campaign_is_switched_off_and_on: "the status, switched off",
    }
    half_an_import: HalfImports {
        an_import_is_stored_whole: "what is for sale after an import",
        of_racing_imports_one_is_stored: "what is for sale after the race",
        items_of_one_import_do_not_collide: "what is for sale after the import that was checked",
    }
    forgotten_price_rules: ForgetsPriceRules {
        a_scheduled_price_begins_and_ends_on_the_instant: "the rules, read back",
        a_tier_counts_all_units_of_a_variant: "5 units",
    }
    ordered_items_that_stay: KeepsOrderedItems {
        an_order_takes_the_cart_in_its_commit: "the cart afterwards",
    }
    a_refused_cart_that_is_emptied: EmptiesRefusedCarts {
        an_order_takes_the_cart_in_its_commit: "what refused orders of the cart changed",
    }
    forgotten_prices: ForgetsSavedPrices {
        a_cart_shows_what_has_changed: "the lines of the cart",
    }
    carts_mixed_up: MixesCartsUp {
        carts_of_two_customers_never_meet: "the cart of customer",
    }
    forgotten_sales: ForgetsSales {
        sales_are_never_lost: "sold in 48 orders of 3 for 2,900 won",
    }
    a_forgotten_key: ForgetsKeys {
        a_replay_answers_as_then: "register_customer: the replay, against the first answer",
        racing_requests_under_one_key_run_once: "equal requests say that they were the one that ran",
    }
    keys_that_are_free_for_ever: TakesKeysForFree {
        used_keys_are_told_from_free_ones: "after",
    }
    an_ignored_fingerprint: IgnoresFingerprints {
        a_reused_key_is_refused: "another request under the same key",
        of_two_requests_under_one_key_one_runs: "answered and refused",
    }
    keys_of_all_principals: SharesKeysAmongPrincipals {
        keys_of_two_principals_never_meet: "another with the same key heard Err(IdempotencyKeyReused",
    }
    keys_of_all_operations: SharesKeysAmongOperations {
        keys_of_two_operations_never_meet: "adjust_wallet under a key that another operation used",
    }
    a_replay_of_the_present: ReplaysThePresent {
        a_replay_answers_as_then: "place_order: the replay, against the first answer",
    }
    a_key_looked_up_early: LooksKeysUpEarly {
        racing_requests_under_one_key_run_once: "equal requests say that they were the one that ran",
        of_two_requests_under_one_key_one_runs: "won after one deposit of 10 or 20",
    }
    a_kept_key_of_a_rejection: KeepsRefusedKeys {
        a_refused_key_is_free: "two units of one: Err(IdempotencyKeyReused",
    }
    a_skipped_message: SkipsMessages {
        each_transition_has_one_message: "messages that wait, against transitions",
    }
    a_doubled_message: DoublesMessages {
        each_transition_has_one_message: "messages, and their ids, and transitions",
    }
    a_shared_claim: SharesClaims {
        a_claim_is_exclusive: "messages handed out by 16 racing claimers and distinct ones among them, of 40",
        racing_relays_deliver_all_in_sequence: "the sequence handed out",
    }
    an_ignored_sequence: IgnoresSequence {
        a_message_waits_for_its_predecessor: "the first claim: the head of each order",
    }
    an_endless_claim: NeverEndsClaims {
        a_claim_runs_out_by_the_clock: "acknowledging under a claim that has run out",
    }
    a_retry_at_once: RetriesAtOnce {
        a_retry_comes_back_after_its_delay: "a microsecond before the retry is due",
        a_message_waits_for_its_predecessor: "while one head waits to be retried",
    }
    a_lost_dead_letter: BuriesNowhere {
        a_buried_message_is_in_the_way_of_nothing: "dead letters",
    }
    an_unlimited_claim: IgnoresClaimLimits {
        the_longest_waiting_goes_first: "the first four",
    }
    a_message_that_nobody_wants: DropsWhatNobodyWants {
        without_a_sink_messages_wait: "messages that wait without a sink",
    }
    a_shared_progress: SharesProgress {
        a_sink_has_its_own_progress: "the sinks",
    }
    a_kept_sink: KeepsRemovedSinks {
        a_removed_sink_takes_all_with_it: "removing it again",
    }
    a_counted_hand_back: CountsHandBacks {
        a_claim_handed_back_was_never_made: "attempts before, the claims handed back not among them",
    }
    an_ignored_filter: IgnoresFilters {
        dead_letters_are_found_by_filter: "dead letters of a sink",
        a_replayed_letter_is_delivered_again: "replayed, one",
        a_discarded_letter_is_gone: "discarded, one",
    }
    a_lost_replay: ReplaysNowhere {
        a_replayed_letter_is_delivered_again: "the sinks",
    }
    news_kept_to_itself: KeepsNewsToItself {
        news_come_of_a_commit: "no end after 2 s",
    }
    a_pruned_backlog: PrunesWhatWaits {
        what_a_sink_awaits_is_not_pruned: "backlogs and dead letters of two sinks, after pruning",
    }
    an_endless_backlog: KeepsWhatNobodyWants {
        what_no_sink_asks_for_is_forgotten_in_time: "messages forgotten of four that no sink has asked for",
    }
    a_pruned_young_key: PrunesAnyKey {
        old_keys_are_forgotten_and_no_others: "keys forgotten of two that are old",
    }
    a_kept_webhook: KeepsRemovedWebhooks {
        a_webhook_comes_and_goes_with_its_sink: "removing it again",
    }
    a_forgotten_secret: ForgetsOldSecrets {
        a_secret_is_replaced_without_a_gap: "secrets that sign after a rotation",
        changes_of_a_webhook_are_never_lost: "secrets that sign after as many racing rotations",
    }
    a_forgotten_change: ForgetsWebhookKeys {
        a_late_retry_undoes_no_change: "the webhook, after the retry of an older change",
        racing_changes_under_one_key_run_once: "changes that ran, of equal ones",
    }
    a_token_that_never_grows: OneTokenForAll {
        a_lease_runs_out_by_the_clock: "the successor's",
        tokens_grow_after_releases: "after FencingToken(1)",
    }
    an_endless_lease: NeverEndsLeases {
        a_lease_runs_out_by_the_clock: "did not get a lease that was free",
        a_run_out_lease_cannot_be_renewed: "renewing at the instant it runs out",
    }
    a_shared_lease: SharesLeases {
        a_lease_has_one_holder: "holders of one lease, of 32 who asked",
    }
    an_unchecked_renewal: RenewsAnything {
        a_run_out_lease_cannot_be_renewed: "renewing at the instant it runs out",
        a_holder_extends_its_lease: "renewing under another token",
    }
    an_ignored_token: IgnoresTokens {
        a_paused_owner_writes_nothing: "a paused owner ends its run",
    }
    a_token_checked_early: ChecksTokensEarly {
        a_takeover_races_a_write: "whether the owner ended its run, and whether its successor found it so",
    }
    a_forgotten_end: ForgetsEnds {
        a_run_is_recorded_whole: "the job, its run failed",
    }
    books_kept_to_itself: KeepsBooksToItself {
        a_run_tells_of_books_that_do_not_add_up: "what the run tells",
    }
    a_hidden_end: HidesAbandoned {
        a_run_that_nobody_ends_is_abandoned: "how the runs ended, latest first",
    }
    a_forgotten_wish: ForgetsWishes {
        a_wish_is_met_once: "asked again under the same key",
        racing_wishes_are_all_met: "is met by one of",
    }
    an_abandoned_answer: AnswersAbandoned {
        an_abandoned_wish_is_met_anew: "a wish whose first run was abandoned",
    }
    a_late_roll_up: RollsUpLate {
        a_roll_up_takes_nothing_of_what_goes_on: "units and won of 36 orders of 3, 12 units back",
        a_roll_up_of_a_day_that_ends_meanwhile: "units and won of 2026-1",
    }
    offsets_for_cursors: CountsOffsets {
        customers_of_the_shop: "customers: the keys come twice or out of order",
        products_while_others_write: "products that stayed where they were, by newest",
        coupons_and_copies: "coupons: the keys come twice or out of order",
        copies_of_a_coupon: "the copies of a coupon: the keys come twice",
        codes_of_a_coupon: "codes: twice or out of order",
        top_ups_of_a_customer: "a customer's top-ups: the keys come twice or out of order",
        orders_of_a_customer: "a customer's orders: the keys come twice or out of order",
        orders_of_one_status: "a customer's pending orders: skipped",
        ledgers: "a stock ledger: the keys come twice",
        dead_letters: "dead letters: the keys come twice or out of order",
        runs_of_a_job: "a job's runs: the keys come twice or out of order",
    }
    endless_pages: PromisesMore {
        the_bounds_of_pages: "a full page, with nothing to follow",
    }
    skipped_facts: SkipsFacts {
        facts_for_audits: "facts of stocks: skipped",
    }
    an_ignored_shelf: IgnoresAvailability {
        products_of_any_query: "the products of ProductQuery",
    }
    a_lost_view: CountsOneView {
        views_are_never_lost: "views of two products",
    }
    ignored_views: IgnoresViews {
        the_most_viewed_come_first: "all that were looked at",
    }
    a_forgotten_term: ForgetsTheTerm {
        a_sweep_ends_what_is_due: "due a microsecond before the first order's end",
    }
    a_sweep_from_the_start: SweepsFromTheStart {
        a_sweep_marks_copies_whose_time_is_over: "campaigns that the sweep after would look at",
    }
    a_day_too_many: OneDayTooMany {
        popular_counts_the_shops_days: "at the beginning of 31 October: today",
    }
    a_clamped_sum: ClampsSales {
        sales_have_no_bound: "sold for more than one amount can be",
    }
    ties_by_id_alone: IgnoresRevenue {
        popular_ranks_by_units_then_revenue_then_id: "all that sold",
    }
}
