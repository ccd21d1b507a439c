//! What can be found.

use serde::{Deserialize, Serialize};

use crate::charge::ChargeStatus;
use crate::coupon::IssuedCouponStatus;
use crate::ids::{ChargeId, CouponId, CustomerId, IssuedCouponId, OrderId, ProductId, TopUpId, VariantId};
use crate::inventory::StockReason;
use crate::money::Money;
use crate::order::OrderStatus;
use crate::sales::Revenue;
use crate::text::CouponCode;
use crate::time::Date;
use crate::top_up::TopUpStatus;
use crate::wallet::WalletId;

/// Something that does not add up. `Display` tells it in a line: what, of which record, with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Drift {
    /// A stock is not where its ledger ends.
    Stock {
        /// Which variant.
        variant_id: VariantId,
        /// Units on hand as stored.
        on_hand: u64,
        /// Units on hand after the last row; none without rows.
        last_on_hand: Option<u64>,
        /// The version as stored.
        version: u64,
        /// The last row's sequence.
        entries: u64,
    },
    /// A row of a stock's ledger does not follow from the one before it: a gap, or a sum that is not.
    StockEntry {
        /// Which variant.
        variant_id: VariantId,
        /// What is wrong with which row.
        row: Break,
    },
    /// A balance is not where its ledger ends, or is negative.
    Wallet {
        /// Which wallet.
        wallet_id: WalletId,
        /// The balance as stored, in minor units.
        balance: i64,
        /// The balance after the last entry, in minor units; none without entries.
        last_balance: Option<i64>,
        /// The version as stored.
        version: u64,
        /// The last entry's sequence.
        entries: u64,
    },
    /// An entry of a wallet's ledger does not follow from the one before it.
    WalletEntry {
        /// Which wallet.
        wallet_id: WalletId,
        /// What is wrong with which entry.
        row: Break,
    },
    /// A row names a record that is not there.
    Lost {
        /// The record.
        record: Lost,
        /// What names it.
        named_by: NamedBy,
    },
    /// A coupon's counter is not the number of its copies, or more than its cap.
    Coupon {
        /// Which coupon.
        coupon_id: CouponId,
        /// The counter as stored.
        issued: u32,
        /// The number of copies.
        copies: u64,
        /// The cap.
        total_quantity: Option<u32>,
    },
    /// A customer has more copies of a coupon than one may have, or another number than is counted.
    Copies {
        /// Which coupon.
        coupon_id: CouponId,
        /// Which customer.
        customer_id: CustomerId,
        /// How many are counted.
        counted: u64,
        /// How many there are.
        copies: u64,
        /// How many one may have; none if the coupon is not there.
        limit: Option<u32>,
    },
    /// A copy's status is not that of its use, or one of its uses is by an order that is not there.
    Copy {
        /// Which copy.
        issued_coupon_id: IssuedCouponId,
        /// The status as stored.
        status: IssuedCouponStatus,
        /// The order that has it, as stored.
        order_id: Option<OrderId>,
        /// The orders whose use of it was not given back.
        uses: Vec<OrderId>,
        /// Orders that use it or used it, and are not there.
        lost_orders: Vec<OrderId>,
    },
    /// A code that was claimed with has no copy to show for it, or one of another coupon or customer.
    Code {
        /// The code.
        coupon_code: CouponCode,
        /// What it is a code of.
        coupon_id: CouponId,
        /// Who claimed with it.
        customer_id: CustomerId,
        /// The copy that they got.
        issued_coupon_id: IssuedCouponId,
        /// Of which coupon that copy is, and whose; none if it is not there.
        copy: Option<(CouponId, CustomerId)>,
    },
    /// An order's history does not lead to the order as it is stored, or it has a term to be paid in a status that
    /// has none.
    History {
        /// Which order.
        order_id: OrderId,
        /// The status as stored.
        status: OrderStatus,
        /// Where the history leads; none if it cannot have happened.
        replayed: Option<OrderStatus>,
    },
    /// An order's money does not add up, or its payment does not fit it.
    Payment {
        /// Which order.
        order_id: OrderId,
        /// The order's total.
        total: Money,
        /// What was paid, if anything was.
        paid: Option<Money>,
    },
    /// What a wallet paid for an order is not the order's total, once; or is anything for an order that no wallet
    /// paid.
    WalletPayment {
        /// Which order.
        order_id: OrderId,
        /// The wallet that should have paid, and what; none if none should.
        expected: Option<(WalletId, Money)>,
        /// The payments in wallets' ledgers.
        found: Vec<(WalletId, Money)>,
    },
    /// What gateways captured for an order is not what its card payment was, once; it waits for a gateway's word though
    /// none of its charges does, or the other way round; or a charge is none of its payment's attempts.
    Charges {
        /// Which order.
        order_id: OrderId,
        /// The status as stored.
        status: OrderStatus,
        /// What a card paid; none if none did.
        by_card: Option<Money>,
        /// What was captured for it, charge by charge.
        captured: Vec<(ChargeId, Money)>,
        /// Its charges that the gateway has not decided on.
        in_flight: Vec<ChargeId>,
    },
    /// A top-up's charge does not stand as it does, or it was not credited once if its money came, or was if it did not.
    TopUp {
        /// Which top-up.
        top_up_id: TopUpId,
        /// The status as stored.
        status: TopUpStatus,
        /// How much.
        amount: Money,
        /// The charges that are for it.
        charges: Vec<(ChargeId, ChargeStatus)>,
        /// What wallets were credited for it.
        credits: Vec<(WalletId, Money)>,
    },
    /// An order's refunds are more than was paid for it, name units that it does not have, are not what its status and
    /// history say, or are not what its customer's wallet was given back.
    Refunds {
        /// Which order.
        order_id: OrderId,
        /// What was paid, if anything was.
        paid: Option<Money>,
        /// How many refunds there are.
        refunds: usize,
        /// Sum of those that have not failed, in minor units.
        refunded: i128,
        /// How many its history tells of.
        told: usize,
        /// What went back into wallets, in minor units.
        into_wallets: i128,
    },
    /// An order's redemptions do not match the coupons it names or the status it has.
    Redemptions {
        /// Which order.
        order_id: OrderId,
        /// How many coupons it names.
        coupons: usize,
        /// How many fitting redemptions there are.
        redemptions: usize,
    },
    /// What an order moved of a variant's stock is not what its lines say, once.
    Movement {
        /// Which order.
        order_id: OrderId,
        /// Which variant.
        variant_id: VariantId,
        /// Why it moved or should have.
        reason: StockReason,
        /// By how many units it should have, row by row.
        expected: Vec<i64>,
        /// By how many units it did, row by row.
        found: Vec<i64>,
    },
    /// A transition without its message, or a message without its transition.
    Messages {
        /// Which order.
        order_id: OrderId,
        /// Number of events in its history.
        events: u64,
        /// The sequences of its messages that are not delivered.
        undelivered: Vec<u64>,
        /// How many of its messages have been delivered.
        delivered: u64,
    },
    /// A day's sales of a product are not what was paid for on it.
    Sales {
        /// Which day, in the shop's time zone.
        date: Date,
        /// Which product.
        product_id: ProductId,
        /// What is booked: units and money.
        booked: Option<(i64, Revenue)>,
        /// What the orders say.
        sold: Option<(i64, Revenue)>,
    },
}

/// A row of a ledger that does not follow from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// The row's sequence.
    pub sequence: u64,
    /// What there is after it: units or minor units.
    pub after: i64,
    /// The sequence that it should have.
    pub expected_sequence: u64,
    /// What there should be after it.
    pub expected_after: i64,
}

/// A record that is named and not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// A variant's stock.
    Stock(VariantId),
    /// A wallet.
    Wallet(WalletId),
    /// An order.
    Order(OrderId),
    /// A customer.
    Customer(CustomerId),
    /// A top-up.
    TopUp(TopUpId),
}

/// What names a record that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// A row of a stock's ledger, by variant and sequence.
    StockEntry(VariantId, u64),
    /// An entry of a wallet's ledger, by wallet and sequence.
    WalletEntry(WalletId, u64),
    /// Lines, a payment or a history.
    OrderParts,
    /// Copies of coupons.
    Copies,
}
