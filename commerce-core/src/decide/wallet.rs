//! Decisions on wallets.

use std::sync::Arc;

use super::{Case, Decision, Outcome};
use crate::command::{AdjustWallet, Deposit};
use crate::ids::CustomerId;
use crate::records::{Changes, Records};
use crate::rejection::Rejection;
use crate::wallet::{Wallet, WalletEntryKind, WalletId, WalletMove};

pub(super) fn deposit<R: Records>(case: &Case<'_, R>, command: &Deposit) -> Result<Decision, Rejection> {
    if !command.amount.is_positive() {
        return Err(Rejection::AmountNotPositive { amount: command.amount });
    }
    book(
        case,
        command.customer_id,
        WalletMove {
            kind: WalletEntryKind::Deposit,
            amount: command.amount,
            order_id: None,
            top_up_id: None,
            actor: case.principal.clone(),
            memo: command.memo.clone(),
            created_at: case.now(),
        },
    )
}

pub(super) fn adjust<R: Records>(case: &Case<'_, R>, command: &AdjustWallet) -> Result<Decision, Rejection> {
    if command.amount.is_zero() {
        return Err(Rejection::NothingToChange);
    }
    book(
        case,
        command.customer_id,
        WalletMove {
            kind: WalletEntryKind::Adjustment,
            amount: command.amount,
            order_id: None,
            top_up_id: None,
            actor: case.principal.clone(),
            memo: Some(command.memo.clone()),
            created_at: case.now(),
        },
    )
}

fn book<R: Records>(case: &Case<'_, R>, customer_id: CustomerId, by: WalletMove) -> Result<Decision, Rejection> {
    case.registered(customer_id)?;
    let id = WalletId { customer_id, currency: by.amount.currency() };
    let wallet = case.records.wallet(id).unwrap_or(Wallet::empty(id));
    let taken = by.amount.negated();
    if taken.is_positive() && !wallet.balance.covers(taken)? {
        return Err(Rejection::InsufficientBalance { balance: wallet.balance, required: taken });
    }
    let (wallet, entry) = wallet.moved(by)?;
    let changes = Changes { wallets: vec![wallet], wallet_entries: vec![entry.clone()], ..Changes::default() };
    Ok(Decision { changes, outcome: Outcome::WalletEntry(Arc::new(entry)) })
}
