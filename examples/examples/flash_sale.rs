//! Thousands of buyers at once after a few units and a few coupons; then the figures, and the proof that
//! they are exact. Exits with 1 if anything is off.
//!
//! `cargo run --release --example flash_sale -p commerce-examples`

use std::process::ExitCode;

use clap::Parser;
use commerce_examples::flash_sale::{Failure, Plan, Proof, Sale, hold};
use indicatif::{ProgressBar, ProgressStyle};

/// Holds a flash sale in memory and proves it exact.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many buyers there are, each a task of its own that wants one unit
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    buyers: u32,
    /// How many units are on hand
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    units: u32,
    /// How many copies of the coupon there are, one per customer
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    coupons: u32,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let Arguments { buyers, units, coupons } = Arguments::parse();
    println!("{buyers} buyers after {units} units and {coupons} coupons");

    // Draws itself on a terminal only.
    let bar = ProgressBar::new(u64::from(buyers))
        .with_style(ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} buyers, {per_sec}")?);
    let each_buyer_done = {
        let bar = bar.clone();
        move || bar.inc(1)
    };
    let sale = hold(Plan { buyers, units, coupons }, each_buyer_done).await?;
    bar.finish_and_clear();

    print_figures(&sale);
    print_proof(&sale.proof);
    Ok(if sale.proof.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_figures(sale: &Sale) {
    let row = |name: &str, value: String| println!("  {name:<28}{value:>12}");
    println!();
    row("sold", sale.tally.sold.to_string());
    row("sold out", sale.tally.sold_out.to_string());
    row("coupons issued", sale.tally.coupons_issued.to_string());
    row("coupons sold out", sale.tally.coupons_sold_out.to_string());
    row("orders/s (incl. refused)", format!("{:.0}", sale.orders_per_second()));
    row("order latency p50", micros(sale.order_micros.value_at_quantile(0.50)));
    row("order latency p99", micros(sale.order_micros.value_at_quantile(0.99)));
    row("order latency max", micros(sale.order_micros.max()));
}

fn micros(micros: u64) -> String {
    format!("{micros} µs")
}

fn print_proof(proof: &Proof) {
    let books = &proof.books;
    println!("\nreconciliation:");
    println!(
        "  {} stock, {} wallets, {} coupon, {} orders against their ledgers, histories and messages: {} off",
        books.stocks,
        books.wallets,
        books.coupons,
        books.orders,
        books.drifts.len()
    );
    books.drifts.iter().for_each(|drift| println!("    {drift:?}"));
    for fact in &proof.facts {
        let verdict = if fact.holds() { "ok" } else { "WRONG" };
        println!("  {:<42}{:>12} of {:>12}  {verdict}", fact.what, fact.found, fact.expected);
    }
    println!("{}", if proof.holds() { "exact" } else { "NOT EXACT" });
}
