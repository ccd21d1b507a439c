//! From names to ids: usernames, SKUs, coupon codes and a gateway's transactions.

use std::collections::BTreeSet;

use commerce_core::{ChargeId, CouponId, CustomerId, Id, Keys, ProductId, VariantId};
use sqlx::PgConnection;

use crate::error::Failure;
use crate::row::id;

/// Records by id, whichever way they were named.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) customers: BTreeSet<CustomerId>,
    pub(crate) products: BTreeSet<ProductId>,
    pub(crate) variants: BTreeSet<VariantId>,
    pub(crate) coupons: BTreeSet<CouponId>,
    pub(crate) charges: BTreeSet<ChargeId>,
}

pub(crate) const CUSTOMERS_NAMED: &str = "select id from customers where username = any($1)";
pub(crate) const VARIANTS_NAMED: &str = "select id from product_variants where sku = any($1)";
pub(crate) const COUPONS_NAMED: &str = "select id from coupons where code = any($1)";
pub(crate) const CHARGES_NAMED: &str = "select id from charges where gateway_transaction_id = any($1)";

pub(super) const STATEMENTS: &[&str] = &[CUSTOMERS_NAMED, VARIANTS_NAMED, COUPONS_NAMED, CHARGES_NAMED];

/// Looks the names up. A name, once given, is never given again: no lock is needed to rely on it. That a name is
/// still free is for its unique constraint to say.
pub(crate) async fn resolve(connection: &mut PgConnection, keys: &Keys) -> Result<Named, Failure> {
    let mut named = Named {
        customers: keys.customers.clone(),
        products: keys.products.clone(),
        variants: keys.variants.clone(),
        coupons: keys.coupons.clone(),
        charges: keys.charges.clone(),
    };
    let usernames = keys.usernames.iter().map(|name| name.as_str()).collect();
    named.customers.extend(ids::<CustomerId>(connection, CUSTOMERS_NAMED, usernames).await?);
    let skus = keys.skus.iter().map(|sku| sku.as_str()).collect();
    named.variants.extend(ids::<VariantId>(connection, VARIANTS_NAMED, skus).await?);
    let codes = keys.coupon_codes.iter().map(|code| code.as_str()).collect();
    named.coupons.extend(ids::<CouponId>(connection, COUPONS_NAMED, codes).await?);
    let transactions = keys.transactions.iter().map(|transaction| transaction.as_str()).collect();
    named.charges.extend(ids::<ChargeId>(connection, CHARGES_NAMED, transactions).await?);
    Ok(named)
}

async fn ids<I: Id>(
    connection: &mut PgConnection,
    statement: &'static str,
    names: Vec<&str>,
) -> Result<Vec<I>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<i64> = sqlx::query_scalar(statement).bind(names).fetch_all(connection).await?;
    Ok(found.into_iter().map(id).collect::<Result<_, _>>()?)
}
