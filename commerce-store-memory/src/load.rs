//! Copies of named records, for decisions that only ask what would happen.

use std::collections::BTreeSet;
use std::sync::Arc;

use commerce_core::{
    Changes, ChargeId, Copies, CouponId, CustomerId, IssuedCouponId, Keys, OrderId, ProductId, Records, TopUpId,
    VariantId, WalletId,
};

use crate::tables::Tables;

/// The records behind `keys`, those that exist, as a set of values.
pub(crate) fn records(tables: &Tables, keys: &Keys) -> Changes {
    let mut found = Changes::default();
    let named = keys.usernames.iter().filter_map(|username| tables.customer_named(username));
    customers(tables, keys.customers.iter().copied().chain(named).collect(), &mut found);
    products(tables, &keys.products, &mut found);
    let by_sku = keys.skus.iter().filter_map(|sku| tables.variant_with_sku(sku));
    variants(tables, keys.variants.iter().copied().chain(by_sku).collect(), &mut found);
    let by_code = keys.coupon_codes.iter().filter_map(|code| tables.coupon_with_code(code));
    coupons(tables, keys.coupons.iter().copied().chain(by_code).collect(), &mut found);
    found.codes = keys.coupon_codes.iter().filter_map(|code| tables.codes.get(code)).cloned().collect();
    copies(tables, &keys.copies, &mut found);
    issued_coupons(tables, &keys.issued_coupons, &mut found);
    carts(tables, &keys.carts, &mut found);
    orders(tables, &keys.orders, &mut found);
    found.refunds = keys.refunds.iter().flat_map(|order| tables.refunds(*order)).cloned().collect();
    let by_transaction = keys.transactions.iter().filter_map(|named| tables.charge_with_transaction(named));
    charges(tables, keys.charges.iter().copied().chain(by_transaction).collect(), &mut found);
    top_ups(tables, &keys.top_ups, &mut found);
    wallets(tables, &keys.wallets, &mut found);
    found
}

fn customers(tables: &Tables, ids: BTreeSet<CustomerId>, found: &mut Changes) {
    let rows = ids.iter().filter_map(|id| tables.customers.get(id));
    found.customers = rows.map(|row| Arc::clone(&row.customer)).collect();
}

fn products(tables: &Tables, ids: &BTreeSet<ProductId>, found: &mut Changes) {
    let rows = ids.iter().filter_map(|id| tables.products.get(id));
    found.products = rows.map(|row| Arc::clone(&row.product)).collect();
}

fn variants(tables: &Tables, ids: BTreeSet<VariantId>, found: &mut Changes) {
    for row in ids.iter().filter_map(|id| tables.variants.get(id)) {
        found.variants.push(Arc::clone(&row.variant));
        found.stocks.push(row.stock);
    }
}

fn coupons(tables: &Tables, ids: BTreeSet<CouponId>, found: &mut Changes) {
    for row in ids.iter().filter_map(|id| tables.coupons.get(id)) {
        found.coupons.push(Arc::clone(&row.coupon));
        found.issuances.push(row.issuance);
    }
}

fn copies(tables: &Tables, pairs: &BTreeSet<(CouponId, CustomerId)>, found: &mut Changes) {
    let count =
        |&(coupon_id, customer_id)| Copies { coupon_id, customer_id, count: tables.copies(coupon_id, customer_id) };
    found.copies = pairs.iter().map(count).collect();
}

fn issued_coupons(tables: &Tables, ids: &BTreeSet<IssuedCouponId>, found: &mut Changes) {
    found.issued_coupons = ids.iter().filter_map(|id| tables.issued_coupon(*id)).cloned().collect();
}

fn carts(tables: &Tables, customers: &BTreeSet<CustomerId>, found: &mut Changes) {
    let rows = customers.iter().filter_map(|id| tables.customers.get(id));
    found.carts = rows.filter_map(|row| row.cart.clone()).collect();
}

fn orders(tables: &Tables, ids: &BTreeSet<OrderId>, found: &mut Changes) {
    for row in ids.iter().filter_map(|id| tables.orders.get(id)) {
        found.orders.push(Arc::clone(&row.order));
        found.payments.extend(row.payment.clone());
        found.redemptions.extend(&row.redemptions);
    }
}

fn charges(tables: &Tables, ids: BTreeSet<ChargeId>, found: &mut Changes) {
    found.charges = ids.iter().filter_map(|id| tables.cards.charge(*id)).cloned().collect();
}

fn top_ups(tables: &Tables, ids: &BTreeSet<TopUpId>, found: &mut Changes) {
    found.top_ups = ids.iter().filter_map(|id| tables.cards.top_up(*id)).cloned().collect();
}

fn wallets(tables: &Tables, ids: &BTreeSet<WalletId>, found: &mut Changes) {
    found.wallets = ids.iter().filter_map(|id| tables.wallet(*id)).collect();
}
