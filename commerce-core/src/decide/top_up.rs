//! Decisions on top-ups: ask for one, and book what became of its charge.

use std::sync::Arc;

use super::charge::Step;
use super::{Case, Decision, Outcome};
use crate::charge::{Charge, ChargePurpose, ChargeStatus};
use crate::command::RequestTopUp;
use crate::ids::{ChargeId, TopUpId};
use crate::records::{Changes, Records};
use crate::rejection::Rejection;
use crate::text::Note;
use crate::top_up::{TopUp, TopUpStatus};
use crate::wallet::{Wallet, WalletEntryKind, WalletId, WalletMove};

pub(super) fn request<R: Records>(case: &Case<'_, R>, command: &RequestTopUp) -> Result<Decision, Rejection> {
    let RequestTopUp { customer_id, amount } = *command;
    if !amount.is_positive() {
        return Err(Rejection::AmountNotPositive { amount });
    }
    case.registered(customer_id)?;
    // After this point it must succeed.
    let (now, mut ids) = (case.now(), case.ids());
    let top_up_id: TopUpId = ids.unused(|id| case.records.top_up(id).is_some())?;
    let charge_id: ChargeId = ids.unused(|id| case.records.charge(id).is_some())?;
    let charge = Charge {
        id: charge_id,
        purpose: ChargePurpose::TopUp { top_up_id },
        customer_id,
        amount,
        status: ChargeStatus::Initiated,
        failure_reason: None,
        gateway_transaction_id: None,
        created_at: now,
        updated_at: now,
    };
    let top_up = Arc::new(TopUp {
        id: top_up_id,
        customer_id,
        amount,
        status: TopUpStatus::Pending,
        charge_id,
        failure_reason: None,
        expires_at: now.plus(case.context.shop.pending_order_ttl),
        created_at: now,
        updated_at: now,
    });
    let changes = Changes { charges: vec![Arc::new(charge)], top_ups: vec![Arc::clone(&top_up)], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::TopUp(top_up) })
}

/// Books a step of a top-up's `charge`, given as it is about to be but for its status.
pub(super) fn settle<R: Records>(
    case: &Case<'_, R>,
    charge: Charge,
    id: TopUpId,
    step: Step,
) -> Result<Decision, Rejection> {
    let top_up = case.records.top_up(id).ok_or(Rejection::ChargeNotFound { charge: charge.id })?;
    let waits = top_up.status == TopUpStatus::Pending;
    let mut changes = Changes::default();
    let (status, next) = match step {
        Step::Wait => (ChargeStatus::Pending, None),
        Step::Return => (ChargeStatus::Refunded, None),
        Step::Capture if waits => match credit(case, top_up, &mut changes) {
            Ok(()) => (ChargeStatus::Captured, Some((TopUpStatus::Completed, None))),
            // A wallet that is too full for it.
            Err(why) => (ChargeStatus::RefundDue, Some((TopUpStatus::Failed, Note::new(why.to_string()).ok()))),
        },
        Step::Capture => (ChargeStatus::RefundDue, None),
        Step::Fail(reason) => (ChargeStatus::Failed, Some((TopUpStatus::Failed, reason))),
        Step::Cancel => {
            let late = case.now() >= top_up.expires_at;
            (ChargeStatus::Cancelled, Some((if late { TopUpStatus::Expired } else { TopUpStatus::Failed }, None)))
        }
    };
    let mut charge = Charge { status, ..charge };
    if let Some((status, failure_reason)) = next.filter(|_| waits) {
        charge.failure_reason.clone_from(&failure_reason);
        changes.top_ups.push(Arc::new(TopUp { status, failure_reason, updated_at: case.now(), ..top_up.clone() }));
    }
    let charge = Arc::new(charge);
    changes.charges.push(Arc::clone(&charge));
    Ok(Decision { changes, outcome: Outcome::Charge(charge) })
}

fn credit<R: Records>(case: &Case<'_, R>, top_up: &TopUp, changes: &mut Changes) -> Result<(), Rejection> {
    let id = WalletId { customer_id: top_up.customer_id, currency: top_up.amount.currency() };
    let (wallet, entry) = case.records.wallet(id).unwrap_or(Wallet::empty(id)).moved(WalletMove {
        kind: WalletEntryKind::Deposit,
        amount: top_up.amount,
        order_id: None,
        top_up_id: Some(top_up.id),
        actor: case.principal.clone(),
        memo: None,
        created_at: case.now(),
    })?;
    changes.wallets.push(wallet);
    changes.wallet_entries.push(entry);
    Ok(())
}
