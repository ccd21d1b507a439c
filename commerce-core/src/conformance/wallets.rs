//! Wallets under races: no won is spent twice, none gets lost.

use super::world::sound;
use super::{World, basket, krw, operator, split};
use crate::command::{AdjustWallet, Deposit};
use crate::money::Currency;
use crate::rejection::Rejection;
use crate::store::PageRequest;
use crate::text::Note;
use crate::wallet::WalletId;

pub(super) async fn a_balance_is_spent_once(world: World) {
    const ORDERS: usize = 32;
    let variant = world.variant(1_000, 100).await;
    let customer = world.customer_with(3_500).await;
    let buy = |world: World, _| async move { world.try_buy(customer, basket(&[(variant, 1)])).await };
    let (won, lost) = split(world.race(ORDERS, buy).await);
    let left = (world.balance(customer).await, world.on_hand(variant).await);
    assert_eq!((won.len(), left), (3, (500, 97)), "orders of 1,000 won, won left of 3,500, units left of 100");
    for rejection in lost {
        let expected = Rejection::InsufficientBalance { balance: krw(500), required: krw(1_000) };
        assert_eq!(rejection, expected, "what a loser heard");
    }
}

pub(super) async fn movements_of_a_wallet_are_never_lost(world: World) {
    const TASKS: usize = 48;
    let variant = world.variant(100, 1_000).await;
    let customer = world.customer_with(100_000).await;
    let book = |world: World, n: usize| async move {
        let memo = Note::new("a correction").expect("a note");
        match n % 3 {
            0 => world.try_buy(customer, basket(&[(variant, 1)])).await.map(drop),
            1 => {
                let deposit = Deposit { customer_id: customer, amount: krw(7), memo: None };
                world.try_run(&operator(), deposit).await.map(drop)
            }
            _ => {
                let correction = AdjustWallet { customer_id: customer, amount: krw(-3), memo };
                world.try_run(&operator(), correction).await.map(drop)
            }
        }
    };
    let (done, lost) = split(world.race(TASKS, book).await);
    assert_eq!((done.len(), lost), (TASKS, vec![]), "movements, and what was refused");
    assert_eq!(world.balance(customer).await, 100_000 + 16 * (7 - 3 - 100), "won after 16 of +7, −3 and −100 each");

    let id = WalletId { customer_id: customer, currency: Currency::KRW };
    let ledger = sound(world.store().wallet_entries(id, PageRequest::first(100)).await).items;
    let mut balance = 0;
    for (sequence, entry) in (1..).zip(ledger.iter().rev()) {
        balance += entry.amount.minor();
        let found = (entry.sequence, entry.balance_after.minor());
        assert_eq!(found, (sequence, balance), "the ledger's sequence and running sum");
    }
    assert_eq!(ledger.len(), TASKS + 1, "rows in the ledger");
}

pub(super) async fn an_answer_is_seen_by_what_comes_after_it(world: World) {
    const TASKS: usize = 32;
    let variant = world.variant(1_000, 1_000).await;
    let customers = world.customers(TASKS, 1).await;
    let chain = |world: World, n: usize| {
        let customer = customers[n];
        async move {
            for round in 0..4 {
                world.deposit(customer, 1_000).await;
                // Only the deposit just answered makes these possible.
                let order = world.place(customer, basket(&[(variant, 1)])).await;
                let paid = world.try_pay(&order).await;
                assert!(paid.is_ok(), "round {round}: after the deposit was answered, the payment heard {paid:?}");
                assert_eq!(world.balance(customer).await, 1, "round {round}: won left once the payment was answered");
            }
        }
    };
    world.race(TASKS, chain).await;
    assert_eq!(world.on_hand(variant).await, 1_000 - 4 * TASKS as u64, "units left");
}
