//! The ways to break a store.

/// What a broken store does wrong. Everything else it does right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: the wrapper alone keeps the contract.
    None,

    // How it decides.
    /// Decides on what it read a while ago, and writes without looking again.
    StaleDecision,
    /// Locks the variants of an order one by one, in the order of its lines.
    LocksInLineOrder,
    /// Answers deposits and orders first and writes them later.
    AnswersEarly,
    /// Reads a clock that is a microsecond ahead.
    FastClock,
    /// Counts days in UTC, whatever the shop's time zone.
    DaysInUtc,
    /// Does not look whether a fresh id is taken.
    OverwritesTakenIds,
    /// Says of sold-out stock that nothing is there at all.
    RoundsRejections,

    // What it writes.
    /// Writes an order before it writes what hangs on it, in two commits.
    TwoCommits,
    /// Leaves out the wallet and the payment of a paid order.
    HalfApplied,
    /// Forgets that a cancelled order's units come back.
    KeepsCancelledUnits,
    /// Takes the units of an order that is then refused for want of money.
    HalfAppliedRejection,
    /// Counts copies that were refused.
    CountsRefusedCopies,
    /// Forgets redemptions.
    ForgetsRedemptions,
    /// Forgets refunds.
    ForgetsRefunds,
    /// Forgets what became of refunds at the gateway.
    ForgetsRefundWords,
    /// Forgets rows of the stock ledger.
    ForgetsStockEntries,
    /// Forgets rows of the wallet ledger.
    ForgetsWalletEntries,
    /// Forgets what became of charges, of top-ups and of payments that failed.
    ForgetsReports,
    /// Forgets who asked for orders to be called off.
    ForgetsCancelRequests,
    /// Forgets that a card payment has begun.
    ForgetsStarts,
    /// Forgets the history.
    ForgetsHistory,
    /// Does not count the copies of a coupon.
    ForgetsIssued,
    /// Does not count the copies of a customer.
    ForgetsCopies,
    /// Stores the first product of an import alone.
    HalfImports,
    /// Forgets price rules.
    ForgetsPriceRules,
    /// Forgets that a campaign takes a code.
    ForgetsByCode,
    /// Forgets that codes were used.
    ForgetsUsedCodes,
    /// Counts a refused claim's code as used.
    UsesRefusedCodes,
    /// Forgets who took a copy back, and why.
    ForgetsRevocations,
    /// Forgets that a coupon was changed.
    ForgetsCouponChanges,
    /// Leaves what was ordered in the cart.
    KeepsOrderedItems,
    /// Empties the cart of an order that is then refused for want of money.
    EmptiesRefusedCarts,
    /// Forgets what a variant cost when it came into the cart.
    ForgetsSavedPrices,
    /// Counts the first line of an order in the day's sales, and no other.
    ForgetsSales,

    // Its keys.
    /// Forgets keys.
    ForgetsKeys,
    /// Says of every key that it is free.
    TakesKeysForFree,
    /// Answers any request under a known key.
    IgnoresFingerprints,
    /// Takes a key for the same whoever used it.
    SharesKeysAmongPrincipals,
    /// Takes a key for the same whatever it was used for.
    SharesKeysAmongOperations,
    /// Answers a replay with the order as it is now.
    ReplaysThePresent,
    /// Looks for the key before it waits for its turn, and not again.
    LooksKeysUpEarly,
    /// Remembers the keys of refused requests, and refuses them ever after.
    KeepsRefusedKeys,

    // Its outbox.
    /// Forgets the messages of cancellations.
    SkipsMessages,
    /// Has every message twice, under two ids.
    DoublesMessages,
    /// Hands out messages that another owner holds.
    SharesClaims,
    /// Hands out later messages of an aggregate with its first.
    IgnoresSequence,
    /// Holds claims for ever.
    NeverEndsClaims,
    /// Hands retried messages out at once.
    RetriesAtOnce,
    /// Drops what is to be buried.
    BuriesNowhere,
    /// Hands out whatever it has.
    IgnoresClaimLimits,
    /// Forgets messages that there is no sink for.
    DropsWhatNobodyWants,
    /// Takes what one sink got as delivered to all of them.
    SharesProgress,
    /// Goes on with sinks that were removed.
    KeepsRemovedSinks,
    /// Takes a claim that was given back for an attempt.
    CountsHandBacks,
    /// Takes any dead letter for one that was asked for.
    IgnoresFilters,
    /// Drops what is to be replayed.
    ReplaysNowhere,

    /// Tells nobody of anything.
    KeepsNewsToItself,
    /// Prunes what waits with what is over.
    PrunesWhatWaits,
    /// Keeps messages that there is no sink for.
    KeepsWhatNobodyWants,
    /// Forgets keys of any age.
    PrunesAnyKey,

    // Its webhooks.
    /// Says that a webhook was removed, and leaves it.
    KeepsRemovedWebhooks,
    /// Forgets secrets as soon as they are replaced.
    ForgetsOldSecrets,
    /// Forgets the keys of changes.
    ForgetsWebhookKeys,

    // Its leases.
    /// Gives the same token to every holder.
    OneTokenForAll,
    /// Holds leases for ever.
    NeverEndsLeases,
    /// Gives a lease to whoever asks.
    SharesLeases,
    /// Renews whatever it is shown.
    RenewsAnything,

    // Its jobs.
    /// Lets anybody write who ever held the lease.
    IgnoresTokens,
    /// Looks whether the token is the latest, and writes a little later.
    ChecksTokensEarly,
    /// Forgets how runs ended.
    ForgetsEnds,
    /// Ends runs, and tells nobody what they found.
    KeepsBooksToItself,
    /// Shows abandoned runs as if they were under way.
    HidesAbandoned,
    /// Says yes to every wish, and keeps none.
    ForgetsWishes,
    /// Answers a wish with the run that was abandoned, though another has come in its place.
    AnswersAbandoned,

    // Its roll-ups.
    /// Writes what it has read a little earlier, whatever has happened since.
    RollsUpLate,

    // Its reads.
    /// Turns cursors into offsets.
    CountsOffsets,
    /// Says on every page that more follow.
    PromisesMore,
    /// Begins the next page of facts one too late.
    SkipsFacts,
    /// Shows everybody the cart that changed last.
    MixesCartsUp,
    /// Shows orders with the names that their products have now.
    RenamesOrders,
    /// Lists what is sold out among what is in stock.
    IgnoresAvailability,
    /// Counts one view, however many there were.
    CountsOneView,
    /// Ranks products by id, however often they were looked at.
    IgnoresViews,
    /// Takes every pending order for due.
    ForgetsTheTerm,
    /// Lists campaigns that a sweep has done with already.
    SweepsFromTheStart,
    /// Counts a day too many as popular.
    OneDayTooMany,
    /// Breaks ties of popularity by id alone.
    IgnoresRevenue,
    /// Tells of no more revenue than one amount can be.
    ClampsSales,
}

impl Fault {
    /// Whether it shows only when tasks get in each other's way.
    pub(crate) const fn takes_a_race(self) -> bool {
        matches!(
            self,
            Self::StaleDecision
                | Self::LocksInLineOrder
                | Self::AnswersEarly
                | Self::TwoCommits
                | Self::LooksKeysUpEarly
                | Self::SharesClaims
                | Self::ChecksTokensEarly
                | Self::RollsUpLate
        )
    }
}
