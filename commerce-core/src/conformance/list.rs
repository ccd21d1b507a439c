//! The list of all cases. What a store promises is said here once, in words; each case tries it.

use super::{
    Case, atomicity, cards, carts, catalog, codes, copies, coupons, gateway_refunds, idempotency, imports, jobs,
    leases, lifecycle, orders, outbox, pages, prices, pruning, reads, refunds, rejections, roll_up, sales, sinks,
    stock, uniqueness, views, wallets, webhooks,
};

macro_rules! suite {
    ($d:tt $($module:ident { $($case:ident: $promise:literal,)+ })+) => {
        /// Every case, in the order of the contract.
        pub const CASES: &[Case] = &[$($(
            Case { name: stringify!($case), promise: $promise, body: |world| Box::pin($module::$case(world)) },
        )+)+];

        /// Stamps every case of the [suite](crate::conformance) as a test, for the stores that a
        /// [`Harness`](crate::conformance::Harness) makes.
        #[macro_export]
        macro_rules! store_conformance {
            ($d harness:expr) => {$($(
                #[test]
                fn $case() {
                    $d crate::conformance::check(&$d harness, stringify!($case));
                }
            )+)+};
        }
    };
}

suite! { $
    atomicity {
        an_order_is_written_whole: "an order that is answered is there with payment, history, ledgers, message, sales",
        a_later_payment_is_written_whole: "a payment that is answered is there with all that it changes",
        a_cancel_gives_everything_back: "a cancelled order gives back its units and its coupon, in one commit",
    }
    rejections {
        every_rejection_is_reached: "the store refuses what the rules refuse, with their numbers, and nothing else",
        a_rejection_leaves_no_trace: "a rejection leaves no record, no row, no counter and no message",
    }
    idempotency {
        a_refused_key_is_free: "a rejection uses no key up: the same key serves the same or another request later",
        used_keys_are_told_from_free_ones: "a key is in use from the commit under it on, and for nobody and nothing else",
        a_replay_answers_as_then: "a replay answers the outcome of then, whatever has changed since, and runs nothing",
        a_reused_key_is_refused: "another request under a key is refused before anything else is looked at",
        keys_of_two_principals_never_meet: "two principals may use the same key",
        keys_of_two_operations_never_meet: "two operations may use the same key",
        racing_requests_under_one_key_run_once: "of equal requests that race under one key one runs; all are answered",
        of_two_requests_under_one_key_one_runs: "of different requests that race under one key one runs",
        a_dropped_request_is_whole_or_nothing: "a dropped future leaves the whole effect or none; its key tells which",
    }
    stock {
        the_last_units_are_sold_once: "of racing buyers exactly as many win as there are units",
        lines_of_one_variant_are_one_demand: "two lines of one variant are one demand on its stock",
        a_basket_is_all_or_nothing: "an order takes all of its lines or none",
        opposite_line_orders_never_deadlock: "orders over the same variants in any order of lines all go through",
        a_cancel_frees_units_for_one_new_order: "units that a cancellation frees are sold once",
        adjustments_are_never_lost: "stock is the sum of every movement, whoever made them at the same time",
    }
    wallets {
        a_balance_is_spent_once: "racing payments spend a balance once",
        movements_of_a_wallet_are_never_lost: "a balance is the sum of every movement, made at the same time or not",
        an_answer_is_seen_by_what_comes_after_it: "a command sent after another's answer sees its effect",
    }
    orders {
        one_cancel_wins: "of racing cancellations one wins, and gives back once",
        one_payment_wins: "of racing payments of one order one wins, and takes the money once",
        pay_against_cancel_has_one_winner: "of payments and cancellations that race exactly one wins",
    }
    lifecycle {
        a_sweep_ends_what_is_due: "a sweep ends what is due at that instant, the longest overdue first, and nothing else",
        racing_sweeps_end_an_order_once: "of racing sweeps and cancellations one ends an order, and gives back once",
        pay_against_expire_has_one_winner: "of payments and expiries that race exactly one wins",
        an_order_is_shipped_and_delivered_once: "of racing shipments one wins, and of racing deliveries after it",
    }
    refunds {
        a_refund_is_written_whole: "a refund that is answered is there with money, units, history, message and sales",
        a_full_refund_gives_the_coupon_back: "the last refund of an order gives its coupons back, unless they expired",
        refunds_never_exceed_the_payment: "racing refunds give back every unit once, and to the last won what was paid",
        one_full_refund_wins: "of racing refunds of all that is left one wins, and gives back once",
        ship_against_refund: "a shipment and a refund that race leave the order refunded, shipped before it or not at all",
        price_changes_do_not_touch_orders: "what an order gives back is what was paid, whatever things cost by then",
    }
    coupons {
        copies_stop_at_the_cap: "no more copies are handed out than there are, and no fewer",
        a_customer_gets_no_more_than_the_limit: "a customer gets no more copies than one may have",
        a_copy_is_used_once: "of racing orders with one copy one uses it",
        coupons_are_taken_off_in_turn: "an order's coupons come off in turn, each from its lines, and come back together",
        orders_that_share_copies_have_one_winner: "of racing orders that share copies exactly one uses each",
        a_campaign_opens_and_closes_on_the_instant: "a campaign's window is half-open, to the microsecond",
        a_campaign_is_switched_off_and_on: "a coupon that is switched off hands nothing out; copies stay good",
        a_copy_expires_on_the_instant: "a copy expires on its instant, also when it comes back later",
        a_pending_order_expires_on_the_instant: "a pending order can be paid until just before its end",
    }
    codes {
        a_code_is_claimed_once: "of racing claims with a code that is good for one copy one gets it",
        codes_count_like_other_claims: "claims by code count like others; a refused one leaves its code free",
        a_campaign_by_code_takes_a_code: "a campaign that is handed out by code only is claimed by any of its codes, and by nothing else",
        a_single_use_code_has_one_coupon: "of racing requests that add the same codes one adds them",
    }
    copies {
        a_revoked_copy_is_gone_for_good: "a copy that was taken back is used by nobody; it is kept, with who did it and why",
        use_against_revoke_has_one_winner: "of orders and revocations of one copy that race exactly one wins",
        a_sweep_marks_copies_whose_time_is_over: "a sweep marks available copies whose time is over, and no others",
    }
    cards {
        a_card_payment_is_written_whole: "a card payment that is answered is there with charge, payment, history, sales",
        a_declined_payment_frees_the_order: "an order whose card was declined can be paid another way",
        a_charge_called_off_cancels_its_order: "an order whose charge was called off gives everything back",
        an_order_is_called_off_by_whoever_asked: "an order in flight is called off once its charge ends, by whoever asked",
        one_of_many_calls_an_order_off: "of those who call an order in flight off one does, and the others hear so",
        racing_reports_settle_a_charge_once: "of reports of one charge that race one decides, whatever they say",
        one_capture_in_many_reports: "a capture reported many times at once pays once",
        a_capture_that_pays_nothing_is_given_back: "a capture that finds nothing to pay is recorded as to be given back",
        a_payment_in_flight_is_waited_for: "while a card payment is in flight its order is paid no other way",
        one_card_payment_begins: "of racing card payments of one order one begins",
        a_top_up_is_credited_once: "a top-up whose capture is reported many times at once is credited once",
        a_top_up_without_its_money_credits_nothing: "a failed or expired top-up credits nothing, whatever comes later",
        what_brings_no_money_releases: "a report that no money comes releases what waited for it, whatever else it says",
        a_transaction_pays_one_charge: "a gateway's transaction pays one charge",
        open_charges_are_found_until_settled: "open charges are found by age, page by page, until they are settled",
    }
    gateway_refunds {
        a_gateway_refund_is_written_whole: "a refund on its way counts and moves nothing; once it is back all is there",
        a_failed_refund_frees_its_units: "a refund that failed is kept with its reason, and refunded another way",
        the_last_money_back_refunds_the_order: "an order is refunded when the last of its money is really back",
        racing_words_settle_a_refund_once: "of words on one refund that race one settles it",
        racing_gateway_refunds_never_exceed_the_payment: "racing refunds either way return what was paid, and no more",
        pending_refunds_are_found_until_settled: "pending refunds are found by age, page by page, until they are settled",
    }
    carts {
        edits_of_a_cart_are_never_lost: "a cart is the sum of every edit, made at the same time or not",
        an_item_is_removed_once: "of racing removals of one item one wins",
        a_cart_stops_at_its_bounds: "of racing additions as many win as there is room, and no line is lost",
        a_version_of_a_cart_is_followed_once: "of racing edits of one version one wins",
        carts_of_two_customers_never_meet: "a customer's cart is nobody else's",
        a_cart_is_ordered_once: "of racing orders of one cart one takes what is in it",
        what_is_added_during_an_order_is_ordered_or_stays: "what comes into a cart is ordered once, or stays there",
        an_order_takes_the_cart_in_its_commit: "an order empties its cart, in one commit; a refused one leaves it",
        a_cart_shows_what_has_changed: "a cart shows saved and present prices, and what cannot be bought, and why",
    }
    prices {
        a_scheduled_price_begins_and_ends_on_the_instant: "a scheduled price is in force in its window, to the microsecond",
        a_tier_counts_all_units_of_a_variant: "a tier counts all units of a variant, and gives the lower price",
    }
    imports {
        an_import_is_stored_whole: "what an import brings is all there, or nothing of it",
        of_racing_imports_one_is_stored: "of imports that bring one SKU, one is stored whole, and the others leave nothing",
        items_of_one_import_do_not_collide: "an import is refused with every item that is, and a check says the same",
    }
    uniqueness {
        a_username_has_one_owner: "of racing registrations with one username one wins",
        a_customer_registers_once: "of racing registrations of one customer one wins",
        a_sku_has_one_variant: "of racing variants with one SKU one is created, and nothing of the others",
        a_code_has_one_coupon: "of racing coupons with one code one is created",
        a_version_is_followed_once: "of racing updates of one version one wins",
    }
    catalog {
        products_of_any_query: "the pages of a query are the products that it asks for, in its order",
        products_while_others_write: "products in any order: none that stays comes twice or not at all",
    }
    views {
        views_are_never_lost: "a product's views are the sum of all that were written, at the same time or not",
        the_most_viewed_come_first: "most viewed products: by views, then id; what was never looked at is left out",
    }
    outbox {
        each_transition_has_one_message: "every transition has exactly one message, delivered in sequence",
        a_message_is_there_when_its_command_is_answered: "a message can be claimed once its command is answered",
        a_message_waits_for_its_predecessor: "only the first undelivered message of an aggregate can be claimed",
        a_claim_is_exclusive: "a message is claimed by one owner at a time",
        a_claim_runs_out_by_the_clock: "a claim runs out by the store's clock; only its holder may settle it",
        a_retry_comes_back_after_its_delay: "a message to be retried comes back when its delay is over",
        a_buried_message_is_in_the_way_of_nothing: "a buried message is kept, and holds nothing back",
        news_come_of_a_commit: "who waits for news hears of a commit with messages",
        the_longest_waiting_goes_first: "a claim takes the longest waiting messages, no more than its limit",
    }
    sinks {
        without_a_sink_messages_wait: "messages wait until there is a sink; a sink gets what is distributed from then on",
        a_sink_has_its_own_progress: "what becomes of a message in one sink changes nothing in another",
        a_removed_sink_takes_all_with_it: "a removed sink is gone, with what was on its way there; the others are not",
        racing_relays_deliver_all_in_sequence: "however many distribute and claim: every sink gets all, in sequence",
        a_claim_handed_back_was_never_made: "a message handed back is ready at once, and was not tried",
        dead_letters_are_found_by_filter: "dead letters are listed by sink, message, aggregate and time",
        a_replayed_letter_is_delivered_again: "a dead letter comes back to its sink when it is replayed, and to no other",
        a_discarded_letter_is_gone: "a discarded dead letter is gone; those that the filter leaves out stay",
    }
    webhooks {
        a_webhook_comes_and_goes_with_its_sink: "a webhook has a sink from the moment it is made to the one it is removed",
        a_secret_is_replaced_without_a_gap: "a secret that is replaced signs beside its successor until its time is over",
        changes_of_a_webhook_are_never_lost: "racing changes of a webhook all take effect, one after another",
        a_late_retry_undoes_no_change: "a change of a webhook runs once per key, whatever has become of the webhook since",
        racing_changes_under_one_key_run_once: "of changes of webhooks that race under one key one runs",
    }
    pruning {
        what_a_sink_awaits_is_not_pruned: "pruning changes nothing of what waits, is awaited or was given up on",
        what_no_sink_asks_for_is_forgotten_in_time: "without a sink messages wait for as long as they are kept, and no longer",
        old_keys_are_forgotten_and_no_others: "keys used before an instant are free again; those used since are known",
    }
    leases {
        a_lease_has_one_holder: "of racing owners one gets the lease",
        a_lease_runs_out_by_the_clock: "a lease runs out by the store's clock, and its successor's token is greater",
        a_run_out_lease_cannot_be_renewed: "what has run out cannot be renewed, only acquired anew",
        tokens_grow_after_releases: "a token is greater than all before it, also after a release",
        a_holder_extends_its_lease: "a holder keeps its token when it extends its lease, which nobody else can",
    }
    jobs {
        a_run_is_recorded_whole: "a run is on record from its beginning to its end, and what the job counts with it",
        a_run_that_nobody_ends_is_abandoned: "a run that has not ended when the next one begins is abandoned",
        a_paused_owner_writes_nothing: "under a token that is not the latest nothing is written, also after a release",
        a_run_tells_of_books_that_do_not_add_up: "what a run found is told once, in the commit that ends it, or not at all",
        a_takeover_races_a_write: "a write under a token comes before the lease changes hands, or not at all",
        a_wish_is_met_once: "a run that is asked for begins once, however often it is asked for under one key",
        an_abandoned_wish_is_met_anew: "a run that was asked for and not ended is due again, for whoever asked",
        racing_wishes_are_all_met: "every run that is asked for while others begin is met by one of them",
        runs_of_a_job: "a job's runs: no item twice, none skipped, while others begin; the oldest are forgotten",
    }
    pages {
        customers_of_the_shop: "customers: no item twice, none skipped, while others write",
        coupons_and_copies: "coupons and copies: no item twice, none skipped, while others write",
        copies_of_a_coupon: "copies of a coupon, and campaigns that are over: none skipped, while others write",
        codes_of_a_coupon: "codes that are good for one copy: none twice, none skipped, while others are added",
        top_ups_of_a_customer: "a customer's top-ups: no item twice, none skipped, while others write",
        orders_of_a_customer: "a customer's orders: no item twice, none skipped, while others write",
        orders_of_one_status: "orders of one status: none skipped while others leave the list",
        ledgers: "ledgers: no row twice, none skipped, while others write",
        dead_letters: "dead letters: no item twice, none skipped, while others are buried",
        facts_for_audits: "facts for audits: no item twice, none skipped, while others write",
        the_bounds_of_pages: "a page has 1 to 1,000 items, and says whether more follow",
    }
    reads {
        facts_add_up_at_any_moment: "the books add up at any moment, also while others write",
        a_load_is_from_one_moment: "what is loaded together is from one moment",
        an_order_comes_with_its_history: "no reader sees an order without its history or its payment",
    }
    sales {
        popular_ranks_by_units_then_revenue_then_id: "popular products: by units, then revenue, then id",
        popular_counts_the_shops_days: "popular products: whole days and today, in the shop's time zone",
        sales_fall_on_the_shops_day: "a sale counts on the shop's day of its payment",
        sales_are_never_lost: "a day's sales are the sum of every order paid on it",
        sales_have_no_bound: "sales are exact, also beyond the bound of one amount",
    }
    roll_up {
        a_roll_up_finds_what_is_booked: "sales told anew are those booked: across midnight, refunds and changes of the clocks",
        a_roll_up_knows_a_short_day: "a day that loses an hour to the clocks ends where the next begins",
        a_roll_up_takes_nothing_of_what_goes_on: "a roll-up is exact while orders and refunds of its day go on",
        a_roll_up_of_a_day_that_ends_meanwhile: "roll-ups of two days are exact while orders and refunds cross midnight",
    }
}
