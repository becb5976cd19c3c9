//! `levenshtein`: the answer is within a few edits of the expected text.
//!
//! An edit inserts, deletes or replaces one character. Only the band that can still succeed is computed, so a huge
//! answer costs no more than its length times `max`.

use super::compile::Context;
use super::compile::Problem;
use super::exact::normal;
use super::params::Text;
use super::params::params;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::expecting;
use crate::domain::Verdict;
use crate::text::plain::one_line;

params! {
    /// Parameters of `levenshtein`.
    pub struct Levenshtein {
        /// The expected text; the case's `expect` by default.
        value: Option<Text> = None,
        /// Most edits accepted.
        max: u32 = 5,
        /// Compare without regard to case.
        ignore_case: bool = false,
    }
}

/// Beyond this band a text is another text, and the time to measure it is wasted.
const WIDEST: u32 = 10_000;

impl Spec for Levenshtein {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let (max, ignore_case) = (self.max as usize, self.ignore_case);
        if self.max > WIDEST {
            return Err(vec![Problem::at("max", format!("`{max}` is too many edits; the most is {WIDEST}"))]);
        }
        Ok(expecting(self.value.as_ref(), move |subject, wanted| {
            let text = normal(&subject.text, ignore_case, true);
            let far = wanted.iter().filter_map(|one| distance(&text, &normal(one, ignore_case, true), max)).min();
            let shown = one_line(&wanted[0], 60);
            match far {
                Some(far) => Verdict::decide(true, format!("{far} edits from `{shown}`")),
                None => Verdict::decide(false, format!("more than {max} edits from `{shown}`")),
            }
        }))
    }
}

/// Edits from `a` to `b`, if they are `max` at most.
pub(crate) fn distance(a: &str, b: &str, max: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > max {
        return None;
    }
    let over = max + 1;
    let mut row: Vec<usize> = (0..=b.len()).map(|j| j.min(over)).collect();
    for (i, from) in a.iter().enumerate() {
        let (low, high) = ((i + 1).saturating_sub(max).max(1), (i + 1 + max).min(b.len()));
        let mut diagonal = row[low - 1];
        row[low - 1] = if low == 1 { (i + 1).min(over) } else { over };
        for j in low..=high {
            let above = if j == i + 1 + max { over } else { row[j] };
            let replaced = diagonal + usize::from(*from != b[j - 1]);
            diagonal = row[j];
            row[j] = replaced.min(above + 1).min(row[j - 1] + 1).min(over);
        }
    }
    row.last().copied().filter(|far| *far <= max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::testing::passes;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn known_distances() {
        assert_eq!(distance("kitten", "sitting", 5), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("", "abc", 3), Some(3));
        assert_eq!(distance("flaw", "lawn", 2), Some(2));
        assert!(passes(json!({"levenshtein": {"max": 1}}), json!("Berlin"), "Berlim\n"));
        assert!(!passes(json!({"levenshtein": {"max": 1}}), json!("Berlin"), "Bremen"));
        assert_eq!(distance(&"x".repeat(1 << 20), "y", 5), None);
    }

    fn plain(a: &[char], b: &[char]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], i + 1);
            for (j, y) in b.iter().enumerate() {
                let best = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
                diagonal = std::mem::replace(&mut row[j + 1], best);
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn the_band_changes_no_distance(a in "[ab]{0,12}", b in "[abc]{0,12}", max in 0usize..14) {
            let exact = plain(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
            prop_assert_eq!(distance(&a, &b, max), (exact <= max).then_some(exact));
        }
    }
}
