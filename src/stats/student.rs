//! Student's t distribution with real degrees of freedom.

use statrs::function::beta::checked_beta_reg;

use super::normal;

/// Beyond this many degrees of freedom t and normal agree to the last digit printed.
const NORMAL_FROM: f64 = 1e8;

/// P(T > t) with `df` degrees of freedom; NaN when `df` is not positive or `t` is NaN.
pub fn upper(t: f64, df: f64) -> f64 {
    if df > NORMAL_FROM {
        return normal::upper(t);
    }
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let both = checked_beta_reg(df / 2.0, 0.5, df / (df + t * t)).unwrap_or(f64::NAN);
    if t > 0.0 { both / 2.0 } else { 1.0 - both / 2.0 }
}

/// P(|T| >= |t|).
pub fn two_sided(t: f64, df: f64) -> f64 {
    2.0 * upper(t.abs(), df)
}

/// The `t` with P(T > t) = `tail`, for `tail` in (0, 1); NaN otherwise.
pub fn critical(tail: f64, df: f64) -> f64 {
    if tail > 0.5 {
        return -critical(1.0 - tail, df);
    }
    if !(tail > 0.0 && df > 0.0) {
        return f64::NAN;
    }
    let mut high = 1.0;
    while upper(high, df) > tail && high < f64::MAX / 4.0 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if upper(middle, df) > tail { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;

    #[test]
    fn critical_values_agree_with_tables() {
        near(critical(0.025, 3.0), 3.182_446_305_284_263);
        near(critical(0.025, 5.0), 2.570_581_835_636_314);
        near(critical(0.025, 1.0), 12.706_204_736_432_095);
        near(critical(0.025, 1e9), 1.959_963_984_540_054);
        near(critical(0.975, 3.0), -3.182_446_305_284_263);
    }

    /// `scipy.stats.t.sf` and `isf`, at degrees of freedom that Welch's formula gives.
    #[test]
    fn fractional_degrees_of_freedom_agree_with_scipy() {
        near(upper(2.0, 11.497_199_415_9), 0.034_844_112_730_947);
        near(two_sided(0.5, 2.5), 0.657_697_919_869_715);
        near(upper(40.0, 3.0), 1.719_034_039_457_925e-5);
        near(upper(-1.3, 7.0), 0.882_616_082_303_811);
        near(critical(0.025, 11.497_199_415_9), 2.189_427_862_740_831);
        near(critical(0.005, 2.5), 7.163_728_138_948_786);
        near(critical(0.0005, 30.0), 3.645_958_635_042_021);
    }

    #[test]
    fn tails_agree_with_the_tables_and_reject_nonsense() {
        near(two_sided(2.282_657_730_8, 9.0), 0.048_351_864_3);
        near(upper(0.0, 4.0), 0.5);
        assert!(upper(1.0, 0.0).is_nan());
        assert!(critical(0.025, -1.0).is_nan());
        assert!(critical(0.0, 3.0).is_nan());
    }
}
