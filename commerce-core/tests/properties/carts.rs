//! What a cart shows, and what an order of it comes to: the same figures, and the same "no".

use std::sync::Arc;

use commerce_core::decide::{decide, view_cart};
use commerce_core::{
    Basket, BasketLines, Cart, CartItem, CartLines, CartView, Changes, Context, Decision, IdBlock, LineRequest,
    MAX_MINOR, NodeId, Outcome, PlaceOrder, Principal, ProductStatus, Quantity, Records, Rejection, Shop, Stock,
    WorkingSet,
};
use proptest::prelude::*;

use crate::cases;
use crate::generate::{at, draft_records, id, krw};

/// An item and what there is to know of it: prices, quantity, units on hand, whether product and variant are for sale.
type Item = ((i64, i64, u32), u64, (bool, bool), i64);

fn items() -> impl Strategy<Value = Vec<Item>> {
    let price = prop_oneof![8 => 0..=1_000_i64, 1 => Just(MAX_MINOR / 4), 1 => Just(MAX_MINOR)];
    let line = (price, 0..=9_i64, 1..=9_u32);
    let for_sale = (prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    prop::collection::vec((line, 5..=40_u64, for_sale, 0..=1_000_i64), 0..=6)
}

fn records(items: &[Item]) -> WorkingSet {
    let customer = commerce_core::Customer {
        id: id(1),
        username: "mina".parse().expect("a username"),
        name: "Mina".parse().expect("a name"),
        created_at: at(0),
    };
    let mut changes = Changes { customers: vec![Arc::new(customer)], ..Changes::default() };
    let lines: Vec<_> = items.iter().map(|(line, ..)| *line).collect();
    let mut collected = Vec::new();
    for ((mut product, mut variant, quantity), (_, on_hand, for_sale, saved)) in
        draft_records(&lines).into_iter().zip(items)
    {
        product.status = if for_sale.0 { ProductStatus::OnSale } else { ProductStatus::Paused };
        variant.active = for_sale.1;
        changes.stocks.push(Stock { variant_id: variant.id, on_hand: *on_hand, version: 1 });
        let quantity = Quantity::new(i64::from(quantity)).expect("a quantity");
        collected.push(CartItem { variant_id: variant.id, quantity, saved_price: krw(*saved), added_at: at(0) });
        changes.products.push(Arc::new(product));
        changes.variants.push(Arc::new(variant));
    }
    changes.carts.push(Arc::new(Cart { customer_id: id(1), items: collected, version: 3, updated_at: Some(at(0)) }));
    let mut records = WorkingSet::default();
    records.apply(&changes);
    records
}

fn order(records: &WorkingSet, lines: BasketLines) -> Result<Decision, Rejection> {
    let shop = Shop::default();
    let context = Context { now: at(5), ids: IdBlock::new(1, 3, NodeId::default()), shop: &shop };
    let basket = Basket { lines, coupons: vec![] };
    decide(
        records,
        &Principal::Customer(id(1)),
        &PlaceOrder { customer_id: id(1), basket, payment: None }.into(),
        &context,
    )
}

/// The lines that can be bought.
fn to_buy(view: &CartView) -> Vec<LineRequest> {
    let bought = view.lines.iter().filter(|line| line.refusal.is_none());
    bought.map(|line| LineRequest { variant_id: line.item.variant_id, quantity: line.item.quantity }).collect()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn what_can_be_bought_is_bought_for_the_total_shown(items in items()) {
        let records = records(&items);
        let view = view_cart(&records, id(1), at(0)).expect("a view");
        let lines = to_buy(&view);
        let sum: i64 = view.lines.iter().filter_map(|line| line.subtotal).map(|subtotal| subtotal.minor()).sum();
        prop_assert_eq!(view.total.map(|total| total.minor()), (!items.is_empty()).then_some(sum));
        match order(&records, lines.clone().into()) {
            Ok(decision) => {
                let Outcome::Order(order) = decision.outcome else { return Err(TestCaseError::fail("no order")) };
                prop_assert_eq!(Some(order.total), view.total);
                prop_assert!(decision.changes.carts.is_empty(), "lines by name leave the cart alone");
            }
            Err(refusal) => prop_assert_eq!((refusal, lines.len()), (Rejection::NoLines, 0)),
        }
        // Each line left out is refused after those before it, as the view said.
        for (n, line) in view.lines.iter().enumerate().filter(|(_, line)| line.refusal.is_some()) {
            let mut lines: Vec<LineRequest> =
                view.lines[..n].iter().filter(|line| line.refusal.is_none()).map(|line| line_of(&line.item)).collect();
            lines.push(line_of(&line.item));
            prop_assert_eq!(order(&records, lines.into()).err(), line.refusal.clone());
        }
    }

    #[test]
    fn an_order_of_the_cart_is_an_order_of_its_lines(items in items(), stale in any::<bool>()) {
        let records = records(&items);
        let cart = records.cart(id(1)).expect("a cart");
        let lines = cart.lines();
        let cart_version = if stale { Some(cart.version + 1) } else { None };
        let of_cart = order(&records, BasketLines::Cart(CartLines { cart_version }));
        if stale {
            prop_assert_eq!(of_cart.err(), Some(Rejection::VersionMismatch { expected: 4, actual: 3 }));
            return Ok(());
        }
        let by_name = order(&records, lines.into());
        match (of_cart, by_name) {
            (Ok(mut of_cart), Ok(by_name)) => {
                let emptied = of_cart.changes.carts.pop().expect("the cart changed");
                prop_assert!(emptied.items.is_empty() && emptied.version == 4 && of_cart.changes.carts.is_empty());
                prop_assert_eq!(of_cart, by_name);
            }
            (of_cart, by_name) => prop_assert_eq!(of_cart.err(), by_name.err()),
        }
    }
}

fn line_of(item: &CartItem) -> LineRequest {
    LineRequest { variant_id: item.variant_id, quantity: item.quantity }
}
