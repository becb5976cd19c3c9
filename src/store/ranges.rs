//! A set of trial numbers, kept as ranges: a million finished trials in a row take one entry.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of numbers as disjoint, non-touching ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeSet {
    ends: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// Adds all numbers of `range`.
    pub fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        while let Some((&s, &e)) = self.ends.range(..=end).next_back() {
            if e < start {
                break;
            }
            self.ends.remove(&s);
            start = start.min(s);
            end = end.max(e);
        }
        self.ends.insert(start, end);
    }

    /// Takes all numbers of `range` out.
    pub fn remove(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        while let Some((&s, &e)) = self.ends.range(..range.end).next_back() {
            if e <= range.start {
                break;
            }
            self.ends.remove(&s);
            if e > range.end {
                self.ends.insert(range.end, e);
            }
            if s < range.start {
                self.ends.insert(s, range.start);
                break;
            }
        }
    }

    /// Whether the set has this number.
    pub fn contains(&self, number: u64) -> bool {
        self.ends.range(..=number).next_back().is_some_and(|(_, &end)| number < end)
    }

    /// Whether the set has any number of `range`.
    pub fn overlaps(&self, range: &Range<u64>) -> bool {
        self.ends.range(..range.end).next_back().is_some_and(|(_, &end)| range.start < end)
    }

    /// How many numbers the set has.
    pub fn count(&self) -> u64 {
        self.ends.iter().map(|(s, e)| e - s).sum()
    }

    /// Whether the set has no number.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ends.iter().map(|(&s, &e)| s..e)
    }

    /// The numbers, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_set(steps in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..20), 0..40)) {
            let (mut fast, mut plain) = (RangeSet::default(), BTreeSet::new());
            for (add, start, length) in steps {
                let range = start..start + length;
                if add {
                    fast.insert(range.clone());
                    plain.extend(range);
                } else {
                    fast.remove(range.clone());
                    plain.retain(|n| !range.contains(n));
                }
            }
            prop_assert_eq!(fast.numbers().collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(fast.count(), plain.len() as u64);
            for number in 0..90 {
                prop_assert_eq!(fast.contains(number), plain.contains(&number));
            }
            let some = 10..14;
            prop_assert_eq!(fast.overlaps(&some), plain.range(some).next().is_some());
            let ranges: Vec<_> = fast.ranges().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
