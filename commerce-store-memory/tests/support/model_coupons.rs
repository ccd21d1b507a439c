//! The model's coupons: which goes first on an order, what it takes off, and which lines bear it.

use commerce_core::{AddCodes, CouponCode, CouponRef, CouponScope, CreateCoupon, Discount, IssuedCouponId, Stacking};

use crate::support::coverage::Coverage;
use crate::support::model::{CopyState, Model, Verdict, refuse_if};
use crate::support::model_orders::{Line, Order};

/// Splits `whole` by `weights`: floors first, then a unit each to the largest remainders, earlier lines first.
fn shares(whole: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        return weights.iter().map(|_| 0).collect();
    }
    let product = |weight: i64| i128::from(whole) * i128::from(weight);
    let mut shares: Vec<i64> = weights.iter().map(|w| i64::try_from(product(*w) / sum).expect("small")).collect();
    let mut rest: Vec<i128> = weights.iter().map(|w| product(*w) % sum).collect();
    while shares.iter().sum::<i64>() < whole {
        let best = (0..rest.len()).fold(0, |best, at| if rest[at] > rest[best] { at } else { best });
        shares[best] += 1;
        rest[best] = -1;
    }
    shares
}

impl Model {
    fn terms(&self, copy: i64) -> &CreateCoupon {
        &self.coupons[&self.copies[&copy].coupon].terms
    }

    pub(super) fn coupons_given(&self, copies: &[IssuedCouponId]) -> Verdict {
        refuse_if(copies.len() > 10, "too_many_coupons")?;
        let twice = copies.iter().enumerate().any(|(n, copy)| copies[..n].contains(copy));
        refuse_if(twice, "coupon_given_twice")
    }

    /// Takes the coupons off the lines; which copies took off how much, in the order they did.
    pub(super) fn take_off(
        &self,
        copies: &[IssuedCouponId],
        lines: &mut [Line],
        currency: &str,
        now: i64,
    ) -> Result<Vec<(i64, i64)>, &'static str> {
        let mut copies: Vec<i64> = copies.iter().map(|copy| copy.get()).collect();
        let place = |copy: &i64| {
            let terms = self.terms(*copy);
            (u8::from(terms.scope == CouponScope::Order), u16::MAX - terms.priority, *copy)
        };
        copies.sort_by_key(place);
        let mut taken: Vec<(i64, i64)> = Vec::new();
        for copy in copies {
            self.usable(copy, now)?;
            let stackable = |copy: i64| self.terms(copy).stacking == Stacking::Stackable;
            let alone = taken.is_empty() || (stackable(copy) && taken.iter().all(|(other, _)| stackable(*other)));
            refuse_if(!alone, "coupons_not_combinable")?;
            let covers = |line: &Line| match &self.terms(copy).scope {
                CouponScope::Order => true,
                CouponScope::Products(products) => products.iter().any(|product| product.get() == line.product),
            };
            refuse_if(!lines.iter().any(covers), "coupon_out_of_scope")?;
            let left = |line: &Line| if covers(line) { line.subtotal - line.share } else { 0 };
            let weights: Vec<i64> = lines.iter().map(left).collect();
            let off = self.off(copy, weights.iter().sum(), currency)?;
            refuse_if(off == 0, "coupon_takes_nothing_off")?;
            for (line, share) in lines.iter_mut().zip(shares(off, &weights)) {
                line.share += share;
            }
            taken.push((copy, off));
        }
        Ok(taken)
    }

    fn usable(&self, copy: i64, now: i64) -> Verdict {
        let copy = &self.copies[&copy];
        match copy.state {
            CopyState::Available => refuse_if(copy.expires.is_some_and(|end| now >= end), "coupon_expired"),
            CopyState::Expired => Err("coupon_expired"),
            CopyState::Held(_) | CopyState::Used(_) | CopyState::Revoked => Err("coupon_not_available"),
        }
    }

    /// Whether a coupon has the code, as its own or for one copy.
    pub(super) fn has_code(&self, code: &CouponCode) -> bool {
        let own = self.coupons.values().any(|coupon| coupon.terms.code.as_ref() == Some(code));
        own || self.codes.contains_key(code.as_str())
    }

    pub(super) fn add_codes(&self, c: &AddCodes) -> Verdict {
        refuse_if(c.codes.is_empty() || c.codes.len() > 10_000, "quantity_out_of_range")?;
        let twice = c.codes.iter().enumerate().any(|(n, code)| c.codes[..n].contains(code));
        refuse_if(twice, "coupon_code_taken")?;
        refuse_if(!self.coupons.contains_key(&c.coupon_id.get()), "coupon_not_found")?;
        refuse_if(c.codes.iter().any(|code| self.has_code(code)), "coupon_code_taken")
    }

    pub(super) fn used_code(&mut self, by: &CouponRef, seen: &mut Coverage) {
        let CouponRef::Code(code) = by else { return };
        if let Some((_, used)) = self.codes.get_mut(code.as_str()) {
            *used = true;
            seen.note("a code used up");
        }
    }

    /// Whether nobody has the copy but its customer, and whether its time is over then.
    fn at_rest(&self, copy: i64, now: i64) -> Result<bool, &'static str> {
        let copy = self.copies.get(&copy).ok_or("issued_coupon_not_found")?;
        refuse_if(copy.state != CopyState::Available, "coupon_not_available")?;
        Ok(copy.expires.is_some_and(|end| now >= end))
    }

    pub(super) fn revoke(&self, copy: i64, now: i64) -> Verdict {
        refuse_if(self.at_rest(copy, now)?, "coupon_not_available")
    }

    pub(super) fn expire_copy(&self, copy: i64, now: i64) -> Verdict {
        refuse_if(!self.at_rest(copy, now)?, "coupon_not_expired")
    }

    pub(super) fn ended(&mut self, copy: i64, state: CopyState, seen: &mut Coverage) {
        self.copies.get_mut(&copy).expect("a copy").state = state;
        let given_back = self.orders.values().any(|order| order.copies.iter().any(|(used, _)| *used == copy));
        if given_back {
            seen.note("a copy given back, then gone");
        }
    }

    /// What a copy takes off what its scope comes to.
    fn off(&self, copy: i64, subtotal: i64, currency: &str) -> Result<i64, &'static str> {
        let terms = self.terms(copy);
        if let Some(least) = terms.min_subtotal {
            refuse_if(least.currency().code() != currency, "currency_mismatch")?;
            refuse_if(subtotal < least.minor(), "below_minimum")?;
        }
        let (off, limit) = match terms.discount {
            Discount::Amount(amount) => (i128::from(amount.minor()), Some(amount)),
            Discount::Percent { rate, cap } => {
                // The generator's rates are whole hundredths of a percent.
                let rate: i128 = (rate.value() * rust_decimal::Decimal::ONE_HUNDRED).try_into().expect("whole");
                let off = i128::from(subtotal) * rate / 10_000;
                (cap.map_or(off, |cap| off.min(i128::from(cap.minor()))), cap)
            }
        };
        refuse_if(limit.is_some_and(|limit| limit.currency().code() != currency), "currency_mismatch")?;
        Ok(i64::try_from(off.min(i128::from(subtotal))).expect("at most the subtotal"))
    }

    pub(super) fn note_coupons(&self, order: &Order, seen: &mut Coverage) {
        if order.copies.len() > 1 {
            seen.note("several coupons on one order");
        }
        if order.copies.iter().any(|(copy, _)| self.terms(*copy).scope != CouponScope::Order) {
            seen.note("a coupon of products");
        }
    }
}
