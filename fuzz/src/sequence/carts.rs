//! The books of carts.

use commerce_core::{Cart, Command, CustomerId, LineRequest, MergedCart, Order};

use super::books::Books;

impl Books {
    pub(super) fn edit(&mut self, command: &Command, cart: &Cart) {
        let items = self.carts.entry(cart.customer_id).or_default();
        match command {
            Command::AddCartItem(c) => *items.entry(c.variant_id).or_default() += i128::from(c.quantity.get()),
            Command::UpdateCartItem(c) => {
                let there = items.insert(c.variant_id, c.quantity.get().into());
                assert!(there.is_some(), "only what is in a cart changes: {command:?}");
            }
            Command::RemoveCartItem(c) => assert!(items.remove(&c.variant_id).is_some(), "not there: {command:?}"),
            Command::ClearCart(_) => items.clear(),
            other => unreachable!("a cart for another kind of command: {other:?}"),
        }
        self.check_cart(cart);
    }

    pub(super) fn merge(&mut self, lines: &[LineRequest], merged: &MergedCart) {
        let items = self.carts.entry(merged.cart.customer_id).or_default();
        let mut refused = merged.refused.iter().peekable();
        for line in lines {
            // In the order they were given, so the next one refused is this one, or one further on.
            if refused.next_if(|refused| refused.line == *line).is_none() {
                *items.entry(line.variant_id).or_default() += i128::from(line.quantity.get());
            }
        }
        assert_eq!(refused.next(), None, "refused, and never asked for");
        self.check_cart(&merged.cart);
    }

    /// Takes the lines of an order out of its customer's cart: all that is there, and nothing else.
    pub(super) fn check_out(&mut self, customer: CustomerId, order: &Order) -> Vec<LineRequest> {
        let items = self.carts.insert(customer, Default::default()).unwrap_or_default();
        let ordered = order.lines.iter().map(|line| (line.variant_id, i128::from(line.quantity)));
        assert_eq!(ordered.collect::<std::collections::BTreeMap<_, _>>(), items, "the order is not the cart");
        let line = |line: &commerce_core::OrderLine| {
            let quantity = i64::from(line.quantity).try_into().expect("what was ordered is a quantity");
            LineRequest { variant_id: line.variant_id, quantity }
        };
        order.lines.iter().map(line).collect()
    }

    /// A cart holds what the books say, in its bounds.
    pub(super) fn check_cart(&self, cart: &Cart) {
        let items = cart.items.iter().map(|item| (item.variant_id, i128::from(item.quantity.get())));
        let booked = self.carts.get(&cart.customer_id).cloned().unwrap_or_default();
        assert_eq!(items.collect::<std::collections::BTreeMap<_, _>>(), booked);
        assert!(cart.items.len() == booked.len() && cart.items.len() <= 100, "{cart:?}");
        let currency = cart.items.first().map(|item| item.saved_price.currency());
        assert!(cart.items.iter().all(|item| Some(item.saved_price.currency()) == currency), "{cart:?}");
        assert!(cart.items.iter().all(|item| item.quantity.get() <= 1_000_000), "{cart:?}");
    }
}
