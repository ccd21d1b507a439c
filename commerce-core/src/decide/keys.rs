//! Which records a command may touch.

use super::basket::basket_lines;
use super::refund::{line_at, offered, returned_lines};
use crate::charge::{Charge, ChargePurpose, ChargeReport};
use crate::command::{Basket, BasketLines, Command, CouponRef, ImportItem, RefundOrder, SettleCharge, SettleRefund};
use crate::gateway::GatewayStatus;
use crate::ids::{ChargeId, CouponId, CustomerId, IdBlock, IssuedCouponId, OrderId, ProductId, TopUpId, VariantId};
use crate::order::Order;
use crate::payment::PaymentMethod;
use crate::records::Records;
use crate::refund::{RefundDestination, RefundLine, RefundReport};
use crate::wallet::WalletId;
use crate::working_set::Keys;

/// Every record that deciding `command` may look at or change, as far as it can be told from `loaded`. A command that
/// is carried out looks at each of them: whoever locks what is named holds nobody up in vain.
///
/// Ask again after loading: an order's lines, the coupon behind a code or a copy, a variant's product, the currency
/// of a price and what a charge is for show only then. When an answer names nothing new, all is loaded; that
/// takes at most three rounds.
#[must_use]
pub fn keys<R: Records>(command: &Command, loaded: &R) -> Keys {
    let mut keys = Keys::default();
    match command {
        Command::RegisterCustomer(c) => {
            keys.customers.extend(c.customer_id);
            keys.usernames.insert(c.username.clone());
            keys.customers.extend(loaded.customer_named(&c.username));
        }
        Command::CreateProduct(c) => keys.skus.extend(c.variants.iter().map(|variant| variant.sku.clone())),
        Command::UpdateProduct(c) => keys.products.extend([c.product_id]),
        Command::AddVariant(c) => {
            keys.products.insert(c.product_id);
            keys.skus.insert(c.variant.sku.clone());
        }
        Command::ImportProducts(c) => {
            for item in &c.items {
                keys.skus.extend(item.variants().iter().map(|variant| variant.sku.clone()));
                if let ImportItem::Variant(added) = item {
                    keys.products.insert(added.product_id);
                }
            }
        }
        Command::UpdateVariant(c) => {
            keys.variants.insert(c.variant_id);
            keys.products.extend(loaded.variant(c.variant_id).map(|variant| variant.product_id));
        }
        Command::AdjustStock(c) => keys.variants.extend([c.variant_id]),
        Command::Deposit(c) => wallet_keys(c.customer_id, c.amount.currency(), &mut keys),
        Command::AdjustWallet(c) => wallet_keys(c.customer_id, c.amount.currency(), &mut keys),
        Command::CreateCoupon(c) => {
            keys.products.extend(c.scope.products());
            keys.coupon_codes.extend(c.code.clone());
        }
        Command::UpdateCoupon(c) => keys.coupons.extend([c.coupon_id]),
        Command::AddCodes(c) => {
            keys.coupons.insert(c.coupon_id);
            keys.coupon_codes.extend(c.codes.iter().cloned());
        }
        Command::IssueCoupon(c) => {
            keys.customers.insert(c.customer_id);
            let coupon = match &c.coupon {
                CouponRef::Id(id) => Some(*id),
                CouponRef::Code(code) => {
                    keys.coupon_codes.insert(code.clone());
                    let single_use = || loaded.single_use_code(code).map(|code| code.coupon_id);
                    loaded.coupon_with_code(code).or_else(single_use)
                }
            };
            keys.coupons.extend(coupon);
            keys.copies.extend(coupon.map(|coupon| (coupon, c.customer_id)));
        }
        Command::RevokeCoupon(c) => keys.issued_coupons.extend([c.issued_coupon_id]),
        Command::ExpireIssuedCoupon(c) => keys.issued_coupons.extend([c.issued_coupon_id]),
        Command::AddCartItem(c) => {
            keys = cart_keys(c.customer_id);
            variant_keys(c.variant_id, loaded, &mut keys);
        }
        Command::UpdateCartItem(c) => keys = cart_keys(c.customer_id),
        Command::RemoveCartItem(c) => keys = cart_keys(c.customer_id),
        Command::ClearCart(c) => keys = cart_keys(c.customer_id),
        Command::MergeCart(c) => {
            keys = cart_keys(c.customer_id);
            c.lines.iter().for_each(|line| variant_keys(line.variant_id, loaded, &mut keys));
        }
        Command::PlaceOrder(c) => {
            keys = basket_keys(c.customer_id, &c.basket, loaded);
            if c.payment == Some(PaymentMethod::Wallet) {
                let lines = basket_lines(loaded, c.customer_id, &c.basket.lines);
                let priced = lines.iter().filter_map(|line| loaded.variant(line.variant_id));
                let currencies = priced.map(|variant| variant.additional_price.currency());
                keys.wallets.extend(currencies.map(|currency| WalletId { customer_id: c.customer_id, currency }));
            }
        }
        Command::PayOrder(c) => {
            let order = order_keys(c.order_id, loaded, &mut keys);
            if let Some(order) = order.filter(|_| c.method == PaymentMethod::Wallet) {
                keys.wallets.insert(WalletId { customer_id: order.customer_id, currency: order.currency() });
            }
        }
        Command::CancelOrder(c) => called_off_keys(c.order_id, loaded, &mut keys),
        Command::ExpireOrder(c) => called_off_keys(c.order_id, loaded, &mut keys),
        // Nothing but the order itself moves.
        Command::ShipOrder(c) => keys.orders.extend([c.order_id]),
        Command::DeliverOrder(c) => keys.orders.extend([c.order_id]),
        Command::RefundOrder(c) => refund_keys(c, loaded, &mut keys),
        Command::SettleRefund(c) => settled_keys(c, loaded, &mut keys),
        Command::StartCardPayment(c) => keys.orders.extend([c.order_id]),
        Command::RequestTopUp(c) => keys.customers.extend([c.customer_id]),
        Command::SettleCharge(c) => charge_keys(c, loaded, &mut keys),
    }
    keys
}

/// The ids that `command` gives to new records out of `ids`, in the order that deciding takes them. A store that
/// loads before it decides adds them to [`keys`], or leaves it to its primary keys to find one that is taken.
#[must_use]
pub fn fresh_keys(command: &Command, mut ids: IdBlock) -> Keys {
    let mut keys = Keys::default();
    match command {
        Command::RegisterCustomer(c) if c.customer_id.is_none() => keys.customers.extend(ids.take::<CustomerId>()),
        Command::CreateProduct(c) => {
            keys.products.extend(ids.take::<ProductId>());
            keys.variants.extend(c.variants.iter().filter_map(|_| ids.take::<VariantId>()));
        }
        Command::AddVariant(_) => keys.variants.extend(ids.take::<VariantId>()),
        Command::ImportProducts(c) => {
            for item in &c.items {
                if let ImportItem::Product(_) = item {
                    keys.products.extend(ids.take::<ProductId>());
                }
                keys.variants.extend(item.variants().iter().filter_map(|_| ids.take::<VariantId>()));
            }
        }
        Command::CreateCoupon(_) => keys.coupons.extend(ids.take::<CouponId>()),
        Command::IssueCoupon(_) => keys.issued_coupons.extend(ids.take::<IssuedCouponId>()),
        Command::PlaceOrder(_) => keys.orders.extend(ids.take::<OrderId>()),
        Command::StartCardPayment(_) => keys.charges.extend(ids.take::<ChargeId>()),
        Command::RequestTopUp(_) => {
            keys.top_ups.extend(ids.take::<TopUpId>());
            keys.charges.extend(ids.take::<ChargeId>());
        }
        _ => {}
    }
    keys
}

/// What pricing a basket looks at.
#[must_use]
pub fn basket_keys<R: Records>(customer_id: CustomerId, basket: &Basket, loaded: &R) -> Keys {
    let mut keys = Keys::default();
    keys.customers.insert(customer_id);
    if matches!(basket.lines, BasketLines::Cart(_)) {
        keys.carts.insert(customer_id);
    }
    for line in basket_lines(loaded, customer_id, &basket.lines).iter() {
        variant_keys(line.variant_id, loaded, &mut keys);
    }
    for copy in &basket.coupons {
        keys.issued_coupons.insert(*copy);
        keys.coupons.extend(loaded.issued_coupon(*copy).map(|copy| copy.coupon_id));
    }
    keys
}

/// A customer and the cart; what is in it is for [`cart_view_keys`] to name.
fn cart_keys(customer_id: CustomerId) -> Keys {
    Keys { customers: [customer_id].into(), carts: [customer_id].into(), ..Keys::default() }
}

/// What reading a cart looks at.
#[must_use]
pub fn cart_view_keys<R: Records>(customer_id: CustomerId, loaded: &R) -> Keys {
    let mut keys = cart_keys(customer_id);
    let items = loaded.cart(customer_id).map_or(&[][..], |cart| &cart.items);
    items.iter().for_each(|item| variant_keys(item.variant_id, loaded, &mut keys));
    keys
}

fn variant_keys<R: Records>(variant_id: VariantId, loaded: &R, keys: &mut Keys) {
    keys.variants.insert(variant_id);
    keys.products.extend(loaded.variant(variant_id).map(|variant| variant.product_id));
}

fn wallet_keys(customer_id: CustomerId, currency: crate::money::Currency, keys: &mut Keys) {
    keys.customers.insert(customer_id);
    keys.wallets.insert(WalletId { customer_id, currency });
}

/// A paid order with its refunds; and if the money comes back at once the copies that it used, the wallet that takes the
/// money, and the stock of what comes back.
fn refund_keys<R: Records>(command: &RefundOrder, loaded: &R, keys: &mut Keys) {
    keys.refunds.insert(command.order_id);
    keys.orders.insert(command.order_id);
    let order = loaded.order(command.order_id);
    let method = order.and_then(|order| order.payment).map(|payment| payment.method);
    if method.map(|method| offered(method, command.destination)) == Some(Ok(RefundDestination::Gateway)) {
        return;
    }
    let Some(order) = order_keys(command.order_id, loaded, keys) else { return };
    keys.wallets.insert(WalletId { customer_id: order.customer_id, currency: order.currency() });
    if command.restock {
        let lines = returned_lines(order, loaded.refunds(order.id), command.lines.as_deref()).unwrap_or_default();
        restocked_keys(order, &lines, keys);
    }
}

/// An order with its refunds; and if the money is back the copies that it used, and the stock of what comes back.
fn settled_keys<R: Records>(command: &SettleRefund, loaded: &R, keys: &mut Keys) {
    keys.refunds.insert(command.order_id);
    keys.orders.insert(command.order_id);
    if command.report != RefundReport::Returned {
        return;
    }
    let Some(order) = order_keys(command.order_id, loaded, keys) else { return };
    let refund = loaded.refunds(order.id).iter().find(|refund| refund.id == command.refund_id);
    if let Some(refund) = refund.filter(|refund| refund.restock) {
        restocked_keys(order, &refund.lines, keys);
    }
}

fn restocked_keys(order: &Order, lines: &[RefundLine], keys: &mut Keys) {
    keys.variants.extend(lines.iter().filter_map(|line| Some(line_at(order, line.position)?.variant_id)));
}

/// An order that gives back what it took. So is one named that waits for its card payment, which may have come to nothing by
/// the time it is decided.
fn called_off_keys<R: Records>(order_id: OrderId, loaded: &R, keys: &mut Keys) {
    let order = order_keys(order_id, loaded, keys);
    keys.variants.extend(order.iter().flat_map(|order| order.lines.iter()).map(|line| line.variant_id));
}

/// An order, and the copies in its hands: whatever moves its money or ends it moves them on.
fn order_keys<'a, R: Records>(order_id: OrderId, loaded: &'a R, keys: &mut Keys) -> Option<&'a Order> {
    keys.orders.insert(order_id);
    let order = loaded.order(order_id)?;
    keys.issued_coupons.extend(order.coupons.iter().map(|applied| applied.issued_coupon_id));
    Some(order)
}

/// What a report may move on, were it news. By what the charge is for and what is reported alone: neither changes. Money
/// that will not come ends an order that is to be called off.
fn charge_keys<R: Records>(command: &SettleCharge, loaded: &R, keys: &mut Keys) {
    keys.charges.insert(command.charge_id);
    let mut status = None;
    if let ChargeReport::Found(found) = &command.report {
        status = Some(&found.status);
        keys.transactions.insert(found.transaction_id.clone());
        keys.charges.extend(loaded.charge_with_transaction(&found.transaction_id));
    }
    let Some(Charge { purpose, customer_id, amount, .. }) = loaded.charge(command.charge_id) else { return };
    let captured = status == Some(&GatewayStatus::Captured);
    match *purpose {
        ChargePurpose::Order { order_id, .. } => match status {
            Some(GatewayStatus::Pending | GatewayStatus::Approved) => keys.orders.extend([order_id]),
            Some(GatewayStatus::Captured) => drop(order_keys(order_id, loaded, keys)),
            _ => called_off_keys(order_id, loaded, keys),
        },
        ChargePurpose::TopUp { top_up_id } => {
            keys.top_ups.insert(top_up_id);
            let wallet = WalletId { customer_id: *customer_id, currency: amount.currency() };
            keys.wallets.extend(captured.then_some(wallet));
        }
    }
}
