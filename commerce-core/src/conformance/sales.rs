//! What sold best, by the shop's days.

use super::world::sound;
use super::{World, basket, krw};
use crate::decide::Listing;
use crate::ids::{CustomerId, ProductId};
use crate::money::{Currency, MAX_MINOR, Money};
use crate::sales::{DailySales, PopularQuery};
use crate::time::Date;

async fn popular(world: &World, top: u32, days: u32) -> Vec<(ProductId, i64, i128)> {
    let best = sound(world.store().popular(PopularQuery { top, days }).await);
    best.iter()
        .map(|(standing, product)| {
            assert_eq!(standing.product_id, product.id, "a standing and the product it comes with");
            (product.id, standing.quantity, standing.revenue.minor())
        })
        .collect()
}

async fn sold_on(world: &World, date: &str, currency: Option<Currency>) -> Vec<(ProductId, i64, i128)> {
    let date: Date = date.parse().expect("a date");
    let sales = sound(world.store().daily_sales(date, currency).await);
    let row = |sold: &DailySales| (sold.product_id, sold.quantity, sold.revenue.minor());
    sales.iter().map(row).collect()
}

async fn sell(world: &World, customer: CustomerId, listing: &Listing, units: i64) -> ProductId {
    world.buy(customer, basket(&[(listing.variants[0].variant.id, units)])).await;
    listing.product.id
}

pub(super) async fn popular_ranks_by_units_then_revenue_then_id(world: World) {
    let customer = world.customer_with(1_000_000).await;
    let mut ids = Vec::new();
    for (won, units) in [(100, 5), (200, 5), (100, 3), (100, 3), (10, 7), (9_000, 1)] {
        let listing = world.product(won, &[100]).await;
        ids.push(sell(&world, customer, &listing, units).await);
    }
    // Units of all variants count together; what is not paid does not count.
    let listing = world.product(50, &[100, 100]).await;
    let lines = [(listing.variants[0].variant.id, 3), (listing.variants[1].variant.id, 3)];
    world.buy(customer, basket(&lines)).await;
    let pending = world.product(1, &[100]).await.variants[0].variant.id;
    world.place(customer, basket(&[(pending, 90)])).await;

    let ranked = [
        (ids[4], 7, 70),
        (listing.product.id, 6, 300),
        (ids[1], 5, 1_000),
        (ids[0], 5, 500),
        (ids[2], 3, 300),
        (ids[3], 3, 300),
        (ids[5], 1, 9_000),
    ];
    assert_eq!(popular(&world, 100, 3).await, ranked, "all that sold");
    assert_eq!(popular(&world, 5, 3).await, ranked[..5], "the top five");
    assert_eq!(popular(&world, 1, 0).await, ranked[..1], "the best of today");
}

pub(super) async fn popular_counts_the_shops_days(world: World) {
    let customer = world.customer_with(1_000_000).await;
    let (early, late) = (world.product(100, &[100]).await, world.product(100, &[100]).await);
    // New York is four hours behind UTC on 30 October and five from 1 November on, a day of 25 hours.
    world.set_clock("2026-10-31T03:59:59.999999Z");
    let early = (sell(&world, customer, &early, 1).await, 1, 100);
    assert_eq!(popular(&world, 5, 0).await, vec![early], "at the end of 30 October: today");
    world.set_clock("2026-10-31T04:00:00Z");
    assert_eq!(popular(&world, 5, 0).await, vec![], "at the beginning of 31 October: today");
    assert_eq!(popular(&world, 5, 1).await, vec![early], "at the beginning of 31 October: today and a day");
    let late = (sell(&world, customer, &late, 2).await, 2, 200);

    world.set_clock("2026-11-03T04:59:59.999999Z");
    assert_eq!(popular(&world, 5, 3).await, vec![late, early], "at the end of 2 November: today and three days");
    assert_eq!(popular(&world, 5, 2).await, vec![late], "at the end of 2 November: today and two days");
    world.set_clock("2026-11-03T05:00:00Z");
    assert_eq!(popular(&world, 5, 3).await, vec![late], "at the beginning of 3 November: today and three days");
    world.set_clock("2026-11-04T05:00:00Z");
    assert_eq!(popular(&world, 5, 3).await, vec![], "at the beginning of 4 November: today and three days");
}

pub(super) async fn sales_fall_on_the_shops_day(world: World) {
    let customer = world.customer_with(1_000_000).await;
    let listing = world.product(100, &[100]).await;
    let mut abroad = world.new_product(0, &[100]);
    abroad.base_price = Money::new(250, Currency::USD).expect("an amount");
    abroad.variants[0].additional_price = Money::zero(Currency::USD);
    let abroad = world.run(&super::operator(), abroad).await;
    let dollars = crate::command::Deposit { customer_id: customer, amount: abroad.product.base_price, memo: None };
    world.run(&super::operator(), dollars).await;

    world.set_clock("2026-11-01T03:59:59.999999Z");
    let pending = world.place(customer, basket(&[(listing.variants[0].variant.id, 4)])).await;
    let product = sell(&world, customer, &listing, 1).await;
    world.set_clock("2026-11-01T04:00:00Z");
    sell(&world, customer, &listing, 2).await;
    // Counted on the day of the payment.
    world.pay(&pending).await;
    let foreign = sell(&world, customer, &abroad, 1).await;

    assert_eq!(sold_on(&world, "2026-10-31", None).await, vec![(product, 1, 100)], "sold on 31 October");
    let both = vec![(product, 6, 600), (foreign, 1, 250)];
    assert_eq!(sold_on(&world, "2026-11-01", None).await, both, "sold on 1 November");
    let won = sold_on(&world, "2026-11-01", Some(Currency::KRW)).await;
    assert_eq!(won, both[..1], "sold on 1 November for won");
    let dollars = sold_on(&world, "2026-11-01", Some(Currency::USD)).await;
    assert_eq!(dollars, both[1..], "sold on 1 November for dollars");
    assert_eq!(sold_on(&world, "2026-11-02", None).await, vec![], "sold on 2 November");
}

pub(super) async fn sales_are_never_lost(world: World) {
    const TASKS: usize = 48;
    let listing = world.product(1_000, &[1_000, 1_000]).await;
    let customers = world.customers(TASKS, 3_000).await;
    let coupon = world.coupon(|coupon| coupon.discount = crate::coupon::Discount::Amount(krw(100))).await;
    let mut copies = Vec::new();
    for customer in &customers {
        copies.push(world.issue(coupon, *customer).await);
    }
    let variants: Vec<_> = listing.variants.iter().map(|listed| listed.variant.id).collect();
    let buy = |world: World, n: usize| {
        let mut wanted = basket(&[(variants[0], 2), (variants[1], 1)]);
        wanted.coupons.push(copies[n]);
        let customer = customers[n];
        async move { world.try_buy(customer, wanted).await.map(drop) }
    };
    let (won, lost) = super::split(world.race(TASKS, buy).await);
    assert_eq!((won.len(), lost), (TASKS, vec![]), "orders, and who was refused");
    let tasks = i64::try_from(TASKS).expect("a small number");
    let expected = vec![(listing.product.id, 3 * tasks, 2_900 * i128::from(tasks))];
    assert_eq!(sold_on(&world, "2026-10-30", None).await, expected, "sold in {TASKS} orders of 3 for 2,900 won");
    assert_eq!(popular(&world, 5, 3).await, expected, "and how popular that is");
}

pub(super) async fn sales_have_no_bound(world: World) {
    const ORDERS: usize = 4;
    let price = 600_000_000_000_000;
    assert!(price < MAX_MINOR && 2 * price > MAX_MINOR, "one is within the bound of an amount, two are beyond it");
    let listing = world.product(price, &[10, 10]).await;
    let customers = world.customers(ORDERS, price).await;
    let variant = listing.variants[0].variant.id;
    let buy = |world: World, n: usize| {
        let customer = customers[n];
        async move { world.buy(customer, basket(&[(variant, 1)])).await }
    };
    world.race(ORDERS, buy).await;
    let expected = |units: i64| vec![(listing.product.id, units, i128::from(price) * i128::from(units))];
    assert_eq!(sold_on(&world, "2026-10-30", None).await, expected(4), "sold for more than one amount can be");
    assert_eq!(popular(&world, 5, 3).await, expected(4), "and how popular that is");

    world.set_clock("2026-10-31T16:00:00Z");
    let customer = world.customer_with(price).await;
    sell(&world, customer, &listing, 1).await;
    assert_eq!(popular(&world, 5, 3).await, expected(5), "popular over two days");
}
