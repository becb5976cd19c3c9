//! Prices that look wrong, before anyone believes a cost computed from them.

use crate::domain::Price;
use crate::domain::Usage;
use crate::domain::Usd;

/// A fee per request that exceeds the tokens of a usual request this many times is suspicious.
const FEE_RATIO: i64 = 10;
/// A usual request, where the suite's own is not known: 1000 tokens in, 500 out.
const USUAL: (u64, u64) = (1000, 500);

/// What looks wrong with `price`, in words. `others` are further claims about the same endpoint; `usual` is the
/// tokens of a median request of the suite.
pub fn lint(price: &Price, others: &[&Price], usual: Option<(u64, u64)>) -> Vec<String> {
    let mut doubts = Vec::new();
    let (input, output) = (price.input, price.output);
    if input == Usd::ZERO && output == Usd::ZERO && price.per_request == Usd::ZERO {
        doubts.push("a price of 0 is taken as free of charge; leave the price out where it is unknown".into());
        return doubts;
    }
    let tokens = Price { per_request: Usd::ZERO, ..price.clone() }.of(&request(usual.unwrap_or(USUAL)));
    if price.per_request > Usd::ZERO
        && tokens.is_some_and(|cost| price.per_request.0 > cost.0.saturating_mul(FEE_RATIO))
    {
        let fee = price.per_request;
        doubts.push(format!("the fee of {fee} USD per request is more than {FEE_RATIO} times what its tokens cost"));
    }
    if output < input {
        doubts.push(format!("output ({output}) is cheaper than input ({input}); were they swapped?"));
    }
    if input == output && input > Usd::ZERO {
        let blended = others.iter().any(|other| other.input != other.output && mean(other) == input);
        doubts.push(if blended {
            format!("{input} for input and output is the mean of another claim's two prices; it looks blended")
        } else {
            format!("input and output have one price ({input}); check that it is not a blend of two")
        });
    }
    if price.cached_input.is_some_and(|cached| cached >= input && input > Usd::ZERO) {
        doubts.push("cached input costs no less than input".into());
    }
    doubts
}

fn mean(price: &Price) -> Usd {
    Usd(i64::midpoint(price.input.0, price.output.0))
}

fn request((input, output): (u64, u64)) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}
