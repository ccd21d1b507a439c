//! How long to wait before something is tried again.

use std::time::Duration;

/// Twice as long after every attempt, from `first` to `most`; a part of it by chance, so that what failed together does
/// not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first attempt, at most.
    pub first: Duration,
    /// After any attempt, at most.
    pub most: Duration,
}

impl Backoff {
    /// How long to wait after so many attempts: from half of the time to all of it, by `chance`.
    #[must_use]
    pub fn delay(&self, attempts: u32, chance: u32) -> Duration {
        let doubled = 2_u32.checked_pow(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        let all = self.first.saturating_mul(doubled).min(self.most);
        let half = all / 2;
        half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

/// A number by chance; without randomness always the greatest, which only spreads nothing.
pub(super) fn chance() -> u32 {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).map_or(u32::MAX, |()| u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };
        for (attempts, seconds) in [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (33, 60), (u32::MAX, 60)] {
            let all = Duration::from_secs(seconds);
            assert_eq!(backoff.delay(attempts, u32::MAX), all, "after {attempts} attempts, at most");
            assert_eq!(backoff.delay(attempts, 0), all / 2, "after {attempts} attempts, at least");
            let between = backoff.delay(attempts, u32::MAX / 2);
            assert!(all / 2 < between && between < all, "after {attempts} attempts: {between:?}");
        }
    }
}
