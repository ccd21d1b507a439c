//! Bodies of requests: what the server reads as one is what the OpenAPI document says, and nothing else besides.

use commerce_core::{Currency, IssuedCouponId, MAX_MINOR};
use commerce_server::wire::{
    cart, catalog, coupon, customer, delivery, money::MoneyInput, order, payment, scalar::WireId, wallet, webhook,
};
use poem_openapi::types::Type;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::schema;

/// Reads the input as the body of each operation that has one.
pub fn run(data: &[u8]) {
    let _ = read::<customer::Registration>(data);
    let _ = read::<customer::CustomerRegistration>(data);
    let _ = read::<catalog::ProductChange>(data).map(|body| optional(body.base_price.as_ref()));
    let _ = read::<catalog::VariantChange>(data).map(|body| optional(body.additional_price.as_ref()));
    let _ = read::<catalog::StockAdjustment>(data);
    let _ = read::<coupon::CouponChange>(data);
    let _ = read::<coupon::CouponClaim>(data);
    let _ = read::<order::PaymentRequest>(data);
    let _ = read::<order::CancelRequest>(data);
    let _ = read::<payment::TopUpRequest>(data).map(|body| amount(&body.amount));
    let _ = read::<wallet::DepositRequest>(data).map(|body| amount(&body.amount));
    let _ = read::<wallet::WalletAdjustment>(data).map(|body| amount(&body.amount));
    read::<catalog::NewVariant>(data).iter().for_each(new_variant);
    let _ = read::<catalog::NewProduct>(data).map(new_product);
    let _ = read::<coupon::NewCoupon>(data).map(|body| {
        optional(body.min_subtotal.as_ref());
        optional(body.discount.amount.as_ref());
        optional(body.discount.cap.as_ref());
    });
    let asked = |lines: Option<Vec<order::LineRequest>>, coupons: Option<Vec<_>>| {
        lines.iter().for_each(|lines| basket(lines, coupons.as_deref()));
    };
    let _ = read::<order::QuoteRequest>(data).map(|body| asked(body.lines, body.coupons));
    let _ = read::<order::OrderRequest>(data).map(|body| asked(body.lines, body.coupons));
    let _ = read::<cart::CartMerge>(data).map(|body| asked(Some(body.lines), None));
    let _ = read::<cart::CartQuantity>(data);
    let _ = read::<delivery::DeadLetterSelection>(data);
    let _ = read::<webhook::WebhookRequest>(data);
    let _ = read::<webhook::SecretRotation>(data);
}

/// The body, if the server takes it for one; then it is as the document says, and would not be with a word more.
fn read<T: DeserializeOwned + Type>(data: &[u8]) -> Option<T> {
    let body = serde_json::from_slice::<T>(data).ok()?;
    let value: Value = serde_json::from_slice(data).expect("a body is JSON");
    let name = T::name();
    if let Some(objection) = schema::objection(schema::named(&name), &value, "") {
        unreachable!("taken for {name}, although {objection}: {value}");
    }
    for longer in with_a_word_more(&value) {
        assert!(serde_json::from_value::<T>(longer.clone()).is_err(), "an unknown field of {name} passes: {longer}");
    }
    Some(body)
}

/// The value with an unknown member, once in each of its objects.
fn with_a_word_more(value: &Value) -> Vec<Value> {
    let mut longer = Vec::new();
    match value {
        Value::Object(members) => {
            let mut more = members.clone();
            more.insert("unknown".to_owned(), Value::Null);
            longer.push(Value::Object(more));
            for (name, member) in members {
                let put = |changed| {
                    let mut members = members.clone();
                    members.insert(name.clone(), changed);
                    Value::Object(members)
                };
                longer.extend(with_a_word_more(member).into_iter().map(put));
            }
        }
        // One item stands for the others: a list of a thousand would be a thousand lists.
        Value::Array(items) => longer.extend(items.first().into_iter().flat_map(with_a_word_more).map(|changed| {
            let mut items = items.clone();
            items[0] = changed;
            Value::Array(items)
        })),
        _ => {}
    }
    longer
}

fn amount(input: &MoneyInput) {
    if let Ok(amount) = input.parse() {
        assert!(amount.minor().unsigned_abs() <= MAX_MINOR.unsigned_abs(), "{amount:?} is out of bounds");
    }
}

fn optional(input: Option<&MoneyInput>) {
    input.into_iter().for_each(amount);
}

/// What is left out is zero; what is given is what the core is told.
fn new_variant(variant: &catalog::NewVariant) {
    let price = variant.additional_price.as_ref();
    optional(price);
    if let Ok(form) = variant.to_core(Currency::KRW) {
        assert_eq!(form.stock, variant.stock.unwrap_or(0));
        assert_eq!(form.sku, variant.sku.0);
        match price {
            Some(price) => assert_eq!(Ok(form.additional_price), price.parse()),
            None => assert!(form.additional_price.is_zero()),
        }
    }
}

fn new_product(body: catalog::NewProduct) {
    amount(&body.base_price);
    body.variants.iter().for_each(new_variant);
}

/// A basket asks for just what the body says, in bounds.
fn basket(lines: &[order::LineRequest], coupons: Option<&[WireId<IssuedCouponId>]>) {
    let in_bounds = lines.iter().all(|line| (1..=1_000_000).contains(&line.quantity));
    match order::basket(lines, coupons) {
        Ok(basket) => {
            assert!(in_bounds, "a quantity out of bounds passes");
            let asked = lines.iter().map(|line| (line.variant_id.0, line.quantity));
            assert!(
                basket.lines.given().iter().map(|line| (line.variant_id, i64::from(line.quantity.get()))).eq(asked)
            );
            assert!(basket.coupons.iter().eq(coupons.into_iter().flatten().map(|id| &id.0)));
        }
        Err(_) => assert!(!in_bounds, "refused for nothing"),
    }
}
