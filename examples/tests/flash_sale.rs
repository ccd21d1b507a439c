//! Small flash sales on several threads: exact whether units and coupons are short, plenty, or just enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use commerce_examples::flash_sale::{Failure, Plan, Sale, Tally, hold};

async fn sale(buyers: u32, units: u32, coupons: u32) -> Result<Sale, Failure> {
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    let each_buyer_done = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let sale = hold(Plan { buyers, units, coupons }, each_buyer_done).await?;
    assert_eq!(done.load(Ordering::Relaxed), buyers, "the bar reaches its end");
    assert_eq!(sale.order_micros.len(), u64::from(buyers), "every attempt is timed");
    Ok(sale)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn short_supplies_go_to_exactly_as_many() -> Result<(), Failure> {
    let sale = sale(400, 7, 23).await?;
    assert_eq!(sale.tally, Tally { sold: 7, sold_out: 393, coupons_issued: 23, coupons_sold_out: 377 });
    assert_eq!((sale.proof.books.orders, sale.proof.books.wallets), (7, 400));
    assert!(sale.proof.holds(), "{:#?}", sale.proof);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn plenty_serves_everybody() -> Result<(), Failure> {
    let sale = sale(50, 60, 50).await?;
    assert_eq!(sale.tally, Tally { sold: 50, sold_out: 0, coupons_issued: 50, coupons_sold_out: 0 });
    assert!(sale.proof.holds(), "{:#?}", sale.proof);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_proof_notices_when_a_figure_is_off() -> Result<(), Failure> {
    let mut sale = sale(20, 3, 4).await?;
    assert!(sale.proof.holds());
    sale.proof.facts[0].found += 1;
    assert!(!sale.proof.holds());
    Ok(())
}
