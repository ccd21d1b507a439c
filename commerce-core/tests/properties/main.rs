//! Properties of the core, on generated values: prices, money, the order's life, texts and ids, the recorded forms.
//!
//! `cargo test -p commerce-core --test properties` runs a few hundred cases of each, in seconds.
//! `PROPTEST_CASES=100000 cargo test -p commerce-core --test properties --release` is the long form: the variable
//! replaces every count below.

#[cfg(test)]
mod best;
#[cfg(test)]
mod carts;
#[cfg(test)]
mod charges;
#[cfg(test)]
mod fingerprint;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod ids;
#[cfg(test)]
mod money;
#[cfg(test)]
mod order;
#[cfg(test)]
mod price_rules;
#[cfg(test)]
mod pricing;
#[cfg(test)]
mod quotes;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod serde_forms;
#[cfg(test)]
mod stacking;
#[cfg(test)]
mod text;
#[cfg(test)]
mod time;

/// `count` cases, unless the environment asks for another number.
#[cfg(test)]
fn cases(count: u32) -> proptest::test_runner::Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = proptest::test_runner::Config::default();
    if asked { config } else { proptest::test_runner::Config { cases: count, ..config } }
}
