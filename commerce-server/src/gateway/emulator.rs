//! A payment gateway to develop against: it keeps its payments in memory, and the amount of each says what becomes of it
//! (see [`MANNERS`]). In process it is a [`PaymentGateway`] itself; [`emulated`](super::emulated) serves it over HTTP.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use commerce_core::{
    ChargeId, GatewayError, GatewayPayment, GatewayRefund, GatewayRefundStatus, GatewayRequest, GatewayStatus,
    IdempotencyKey, Money, Name, Note, PaymentGateway,
};
use serde::Serialize;

/// How the gateway behaves towards one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// Approves at once, and calls back once.
    Approve,
    /// Declines at once.
    Decline,
    /// Approves after a while.
    Delay,
    /// Declines after a while.
    DelayedDecline,
    /// Never decides, unless told to.
    Undecided,
    /// Takes the request, and answers it only after the caller's patience is over.
    Hang,
    /// Takes the request, and answers that something broke.
    LoseAnswer,
    /// Calls back twice for everything.
    CallTwice,
    /// Calls back late.
    CallLate,
    /// Calls back in the wrong order: of two calls the second comes first.
    CallOutOfOrder,
    /// Never calls back.
    CallNever,
    /// Will not take the request at all.
    Refuse,
    /// Approves, and is slow to give money back: the first request for a refund is answered with `pending`.
    RefundLater,
    /// Approves, and never gives money back.
    RefundNever,
    /// Approves, and gives money back, which it answers only after the caller's patience is over.
    RefundHang,
    /// Approves, and gives money back, and answers that something broke.
    RefundLoseAnswer,
    /// Approves, and gives money back after a while.
    RefundDelay,
    /// Approves, and will not take a request for a refund at all.
    RefundRefuse,
}

/// The last three digits of an amount's minor units, and what they bring about; every other amount is in the
/// emulator's usual manner. A refund is in the manner of its own amount, or else in that of its payment.
pub const MANNERS: &[(i64, Manner)] = &[
    (901, Manner::Decline),
    (902, Manner::Delay),
    (903, Manner::DelayedDecline),
    (904, Manner::Undecided),
    (905, Manner::Hang),
    (906, Manner::LoseAnswer),
    (907, Manner::CallTwice),
    (908, Manner::CallLate),
    (909, Manner::CallOutOfOrder),
    (910, Manner::CallNever),
    (911, Manner::Refuse),
    (912, Manner::RefundLater),
    (913, Manner::RefundNever),
    (914, Manner::Approve),
    (915, Manner::RefundHang),
    (916, Manner::RefundLoseAnswer),
    (917, Manner::RefundDelay),
    (918, Manner::RefundRefuse),
];

/// Something that happened to a payment, to be called back about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// The call's name: the same however often it is made.
    pub id: u64,
    /// What happened: `payment.captured`, `refund.succeeded`, …
    pub kind: String,
    /// The shop's name for the payment.
    pub charge: ChargeId,
    /// The payment as it was then.
    pub payment: GatewayPayment,
    /// How to call back about it.
    pub manner: Manner,
}

#[derive(Debug)]
struct Entry {
    payment: GatewayPayment,
    manner: Manner,
    refunds: BTreeMap<IdempotencyKey, Made>,
}

/// A refund that was made.
#[derive(Debug)]
struct Made {
    amount: Money,
    status: GatewayRefundStatus,
    manner: Manner,
}

#[derive(Debug, Default)]
struct Book {
    entries: HashMap<ChargeId, Entry>,
    happenings: Vec<Happening>,
    calls: u64,
    captures: u64,
}

/// The emulated gateway.
#[derive(Debug)]
pub struct Emulator {
    usual: Manner,
    book: Mutex<Book>,
}

impl Emulator {
    /// A gateway without payments, whose usual manner is `usual`.
    #[must_use]
    pub fn new(usual: Manner) -> Self {
        Self { usual, book: Mutex::default() }
    }

    /// The manner of an amount.
    #[must_use]
    pub fn manner(&self, amount: Money) -> Manner {
        Self::manner_of(amount).unwrap_or(self.usual)
    }

    fn manner_of(amount: Money) -> Option<Manner> {
        let digits = amount.minor().rem_euclid(1_000);
        MANNERS.iter().find(|(known, _)| *known == digits).map(|(_, manner)| *manner)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing below panics while it holds the lock; were it to, the book would be as sound as before.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a payment, once per charge. Another request under a charge's name is refused.
    pub fn take(&self, request: &GatewayRequest) -> Result<GatewayPayment, GatewayError> {
        let manner = self.manner(request.amount);
        let mut book = self.book();
        if let Some(entry) = book.entries.get(&request.charge_id) {
            let known = (entry.payment.customer_id, entry.payment.amount);
            return if known == (request.customer_id, request.amount) {
                Ok(entry.payment.clone())
            } else {
                Err(refused("another request was made under this reference"))
            };
        }
        if manner == Manner::Refuse || !request.amount.is_positive() {
            return Err(refused("such an amount is not taken"));
        }
        let status = match manner {
            Manner::Decline => declined()?,
            Manner::Delay | Manner::DelayedDecline | Manner::Undecided => GatewayStatus::Pending,
            _ => GatewayStatus::Approved,
        };
        let transaction_id = Name::new(format!("emulated-{}", request.charge_id)).map_err(broken)?;
        let (customer_id, amount) = (request.customer_id, request.amount);
        let payment = GatewayPayment { transaction_id, customer_id, amount, status };
        let entry = Entry { payment: payment.clone(), manner, refunds: BTreeMap::new() };
        book.entries.insert(request.charge_id, entry);
        book.happened(request.charge_id);
        Ok(payment)
    }

    /// Where a payment stands, and the gateway's manner towards it.
    #[must_use]
    pub fn find(&self, charge: ChargeId) -> Option<(GatewayPayment, Manner)> {
        self.book().entries.get(&charge).map(|entry| (entry.payment.clone(), entry.manner))
    }

    /// Decides on a pending payment, as its customer or their bank would. One that is decided stays as it is.
    pub fn decide(&self, charge: ChargeId, approve: bool) -> Result<GatewayPayment, GatewayError> {
        let verdict = if approve { GatewayStatus::Approved } else { declined()? };
        self.book().moved(charge, |status| (*status == GatewayStatus::Pending).then_some(verdict))
    }

    /// What has happened since this was last asked: to be called back about.
    #[must_use]
    pub fn happenings(&self) -> Vec<Happening> {
        std::mem::take(&mut self.book().happenings)
    }

    /// How many payments were captured, ever.
    #[must_use]
    pub fn captures(&self) -> u64 {
        self.book().captures
    }

    /// How many refunds of a payment went through, and the minor units that they gave back together.
    #[must_use]
    pub fn given_back(&self, charge: ChargeId) -> (usize, i64) {
        self.book().entries.get(&charge).map_or((0, 0), Entry::given_back)
    }

    /// Gives money back, once per key: where that stands, the gateway's manner towards it, and whether it was asked for
    /// the first time.
    pub fn give_back(&self, refund: &GatewayRefund) -> Result<(GatewayRefundStatus, Manner, bool), GatewayError> {
        let manner = Self::manner_of(refund.amount);
        self.book().refund(refund, manner)
    }

    /// Gives back what was put off.
    pub fn finish(&self, charge: ChargeId, key: &IdempotencyKey) -> Result<(), GatewayError> {
        self.book().finish(charge, key)
    }
}

impl Book {
    fn happened(&mut self, charge: ChargeId) {
        let Some(entry) = self.entries.get(&charge) else { return };
        let (kind, manner) = (format!("payment.{}", entry.payment.status.as_str()), entry.manner);
        self.tell(charge, kind, manner);
    }

    fn tell(&mut self, charge: ChargeId, kind: String, manner: Manner) {
        let Some(entry) = self.entries.get(&charge) else { return };
        let payment = entry.payment.clone();
        self.calls += 1;
        self.happenings.push(Happening { id: self.calls, kind, charge, payment, manner });
    }

    /// Moves a payment to where `next` says, if it says so; the payment as it is then.
    fn moved(
        &mut self,
        charge: ChargeId,
        next: impl FnOnce(&GatewayStatus) -> Option<GatewayStatus>,
    ) -> Result<GatewayPayment, GatewayError> {
        let entry = self.entries.get_mut(&charge).ok_or_else(|| refused("there is no such payment"))?;
        let Some(status) = next(&entry.payment.status) else { return Ok(entry.payment.clone()) };
        entry.payment.status = status;
        let payment = entry.payment.clone();
        self.captures += u64::from(payment.status == GatewayStatus::Captured);
        self.happened(charge);
        Ok(payment)
    }

    fn refund(
        &mut self,
        refund: &GatewayRefund,
        manner: Option<Manner>,
    ) -> Result<(GatewayRefundStatus, Manner, bool), GatewayError> {
        let entry = self.entries.get_mut(&refund.charge_id).ok_or_else(|| refused("there is no such payment"))?;
        let manner = manner.unwrap_or(entry.manner);
        if let Some(known) = entry.refunds.get(&refund.key) {
            if known.amount != refund.amount {
                return Err(refused("another refund was asked for under this key"));
            }
            let status = known.status.clone();
            // Asked again, what was under way is done.
            if status == GatewayRefundStatus::Pending && manner == Manner::RefundLater {
                self.finish(refund.charge_id, &refund.key)?;
                return Ok((GatewayRefundStatus::Succeeded, manner, false));
            }
            return Ok((status, manner, false));
        }
        let whole = entry.payment.amount;
        let same_currency = refund.amount.currency() == whole.currency();
        let captured = matches!(entry.payment.status, GatewayStatus::Captured | GatewayStatus::Refunded);
        if !captured || !same_currency || !refund.amount.is_positive() || refund.amount.minor() > entry.left() {
            return Err(refused("no more can be given back than was captured and not given back yet"));
        }
        let status = match manner {
            Manner::RefundRefuse => return Err(refused("such an amount is not given back")),
            Manner::RefundLater | Manner::RefundDelay => GatewayRefundStatus::Pending,
            Manner::RefundNever => {
                GatewayRefundStatus::Failed { reason: Note::new("the card is closed").map_err(broken)? }
            }
            _ => GatewayRefundStatus::Succeeded,
        };
        let made = Made { amount: refund.amount, status: status.clone(), manner };
        entry.refunds.insert(refund.key.clone(), made);
        match status {
            GatewayRefundStatus::Pending => {}
            GatewayRefundStatus::Succeeded => self.gave_back(refund.charge_id, manner)?,
            GatewayRefundStatus::Failed { .. } => self.tell(refund.charge_id, "refund.failed".to_owned(), manner),
        }
        Ok((status, manner, true))
    }

    fn finish(&mut self, charge: ChargeId, key: &IdempotencyKey) -> Result<(), GatewayError> {
        let made = self.entries.get_mut(&charge).and_then(|entry| entry.refunds.get_mut(key));
        let made = made.ok_or_else(|| refused("there is no such refund"))?;
        if made.status != GatewayRefundStatus::Pending {
            return Ok(());
        }
        made.status = GatewayRefundStatus::Succeeded;
        let manner = made.manner;
        self.gave_back(charge, manner)
    }

    /// A refund went through: with the last of its money the payment is refunded.
    fn gave_back(&mut self, charge: ChargeId, manner: Manner) -> Result<(), GatewayError> {
        self.tell(charge, "refund.succeeded".to_owned(), manner);
        if self.entries.get(&charge).is_some_and(|entry| entry.given_back().1 == entry.payment.amount.minor()) {
            self.moved(charge, |now| (*now == GatewayStatus::Captured).then_some(GatewayStatus::Refunded))?;
        }
        Ok(())
    }
}

impl Entry {
    /// How many refunds went through, and the minor units that they gave back together.
    fn given_back(&self) -> (usize, i64) {
        let done = self.refunds.values().filter(|made| made.status == GatewayRefundStatus::Succeeded);
        done.fold((0, 0), |(count, sum), made| (count + 1, sum + made.amount.minor()))
    }

    /// Minor units that are neither given back nor on their way.
    fn left(&self) -> i64 {
        let counts = self.refunds.values().filter(|made| !matches!(made.status, GatewayRefundStatus::Failed { .. }));
        self.payment.amount.minor() - counts.map(|made| made.amount.minor()).sum::<i64>()
    }
}

fn declined() -> Result<GatewayStatus, GatewayError> {
    Ok(GatewayStatus::Declined { reason: Note::new("the card was declined").map_err(broken)? })
}

fn refused(reason: &str) -> GatewayError {
    GatewayError::Refused { reason: reason.to_owned() }
}

fn broken(error: commerce_core::TextError) -> GatewayError {
    GatewayError::Unavailable { reason: error.to_string() }
}

/// In process there is nobody to hang up on: an answer that would not come is [`GatewayError::Unavailable`] at once.
#[async_trait]
impl PaymentGateway for Emulator {
    async fn create(&self, request: &GatewayRequest) -> Result<GatewayPayment, GatewayError> {
        let known = self.find(request.charge_id).is_some();
        let taken = self.take(request)?;
        match self.manner(request.amount) {
            Manner::Hang | Manner::LoseAnswer if !known => {
                Err(GatewayError::Unavailable { reason: "no answer".to_owned() })
            }
            _ => Ok(taken),
        }
    }

    async fn look_up(&self, charge: ChargeId) -> Result<Option<GatewayPayment>, GatewayError> {
        Ok(self.find(charge).map(|(payment, _)| payment))
    }

    async fn capture(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        self.book().moved(charge, |now| (*now == GatewayStatus::Approved).then_some(GatewayStatus::Captured))
    }

    async fn cancel(&self, charge: ChargeId) -> Result<GatewayPayment, GatewayError> {
        let open = |now: &GatewayStatus| matches!(now, GatewayStatus::Pending | GatewayStatus::Approved);
        self.book().moved(charge, |now| open(now).then_some(GatewayStatus::Cancelled))
    }

    async fn refund(&self, refund: &GatewayRefund) -> Result<GatewayRefundStatus, GatewayError> {
        match self.give_back(refund)? {
            (_, Manner::RefundHang | Manner::RefundLoseAnswer, true) => {
                Err(GatewayError::Unavailable { reason: "no answer".to_owned() })
            }
            (status, ..) => Ok(status),
        }
    }
}
