//! Krippendorff's alpha for any number of raters, with missing ratings.
//!
//! Krippendorff 2011, *Computing Krippendorff's Alpha-Reliability*: `1 - (n-1) sum o_ck d_ck / sum n_c n_k d_ck`, with
//! coincidences `o_ck` from the units that have at least two ratings.

/// What the distance between two ratings means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Names: equal or not.
    Nominal,
    /// Ranks.
    Ordinal,
    /// Differences.
    Interval,
    /// Differences relative to the sum; for non-negative values.
    Ratio,
}

/// Alpha over `units`, each a list of the ratings it got; nothing when fewer than two categories are in use.
///
/// Ratings that are not finite count as missing.
pub fn alpha<U: AsRef<[f64]>>(units: &[U], scale: Scale) -> Option<f64> {
    let rated =
        |unit: &U| unit.as_ref().iter().copied().filter(|x| x.is_finite()).map(|x| x + 0.0).collect::<Vec<f64>>();
    let units: Vec<Vec<f64>> = units.iter().map(rated).filter(|unit| unit.len() >= 2).collect();
    let mut categories = units.concat();
    categories.sort_by(f64::total_cmp);
    categories.dedup_by(|a, b| a.total_cmp(b).is_eq());
    let coincidences = coincidences(&units, &categories);
    let totals: Vec<f64> = coincidences.iter().map(|row| row.iter().sum()).collect();
    let n: f64 = totals.iter().sum();
    let (mut seen, mut expected) = (0.0, 0.0);
    for c in 0..categories.len() {
        for k in 0..categories.len() {
            let distance = distance(&categories, &totals, c, k, scale);
            seen += coincidences[c][k] * distance;
            expected += totals[c] * totals[k] * distance;
        }
    }
    (expected > 0.0).then(|| 1.0 - (n - 1.0) * seen / expected)
}

fn coincidences(units: &[Vec<f64>], categories: &[f64]) -> Vec<Vec<f64>> {
    let place = |x: f64| categories.partition_point(|category| *category < x);
    let mut table = vec![vec![0.0; categories.len()]; categories.len()];
    for unit in units {
        let places: Vec<usize> = unit.iter().map(|x| place(*x)).collect();
        for (i, &c) in places.iter().enumerate() {
            for (j, &k) in places.iter().enumerate() {
                if i != j {
                    table[c][k] += 1.0 / (places.len() - 1) as f64;
                }
            }
        }
    }
    table
}

/// Squared distance between categories `c` and `k`.
fn distance(categories: &[f64], totals: &[f64], c: usize, k: usize, scale: Scale) -> f64 {
    let (low, high) = (c.min(k), c.max(k));
    let gap = categories[high] - categories[low];
    match scale {
        _ if c == k => 0.0,
        Scale::Nominal => 1.0,
        Scale::Interval => gap * gap,
        Scale::Ratio => (gap / (categories[high] + categories[low])).powi(2),
        Scale::Ordinal => {
            let between: f64 = totals[low..=high].iter().sum();
            (between - f64::midpoint(totals[low], totals[high])).powi(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::near::near;

    /// Units as columns of lines of digits, `.` missing.
    fn units(raters: &[&str]) -> Vec<Vec<f64>> {
        let rating = |line: &str, unit: usize| line.chars().nth(unit)?.to_digit(10).map(f64::from);
        (0..raters[0].len()).map(|unit| raters.iter().filter_map(|line| rating(line, unit)).collect()).collect()
    }

    #[test]
    fn published_examples() {
        let four = units(&["123321412...", "1233224125.3", ".3332342251.", "12332441251."]);
        near(alpha(&four, Scale::Nominal).unwrap(), 0.743_421_052_6);
        near(alpha(&four, Scale::Ordinal).unwrap(), 0.815_387_503_8);
        near(alpha(&four, Scale::Interval).unwrap(), 0.849_107_142_9);
        near(alpha(&four, Scale::Ratio).unwrap(), 0.797_402_774_7);
        let binary = units(&["11010110.1", "1101110011", "1001011.11"]);
        near(alpha(&binary, Scale::Nominal).unwrap(), 0.526_315_789_5);
    }

    #[test]
    fn undefined_with_one_category_or_none() {
        assert_eq!(alpha(&[[1.0, 1.0], [1.0, 1.0]], Scale::Interval), None);
        assert_eq!(alpha(&[[1.0], [2.0]], Scale::Nominal), None);
        assert_eq!(alpha::<[f64; 0]>(&[], Scale::Nominal), None);
        near(alpha(&[[1.0, 1.0], [2.0, 2.0]], Scale::Nominal).unwrap(), 1.0);
        assert_eq!(alpha(&[[f64::NAN, 1.0], [2.0, f64::INFINITY]], Scale::Ratio), None);
    }
}
