//! How far a judge can be trusted: its verdicts held against people's labels.
//!
//! Values run from 0 to 1 on both sides; above one half counts as passed. A judge that gives no verdict is counted as
//! an error and left out of everything else.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Estimate;
use super::Method;
use super::infer::share;
use crate::domain::GraderId;
use crate::domain::verdict::votes;
use crate::stats::Level;
use crate::stats::agreement;
use crate::stats::correction;
use crate::stats::proportion;
use crate::stats::rank;

/// What a judge was asked about a labelled answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// The answer as it was labelled.
    Labelled,
    /// The same once more.
    Again,
    /// The answer with an injection added; its name.
    Attack(String),
}

/// One verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The label's number: variants of one labelled answer share it.
    pub label: u64,
    /// What was asked.
    pub variant: Variant,
    /// What people say.
    pub human: f64,
    /// What the judge says; `None` where it gave no verdict.
    pub judged: Option<f64>,
    /// The answer's characters; for pairs, those of the first less those of the second.
    pub length: f64,
    /// For pairs, whether the judge changed its mind with the order.
    pub swapped: Option<bool>,
    /// Votes of several judges.
    pub votes: Vec<f64>,
}

/// A judge's verdict on an answer that people labelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// The judge.
    pub grader: GraderId,
    /// What it says, from 0 to 1; `None` where it gave no verdict.
    pub judged: Option<f64>,
    /// What people say, from 0 to 1.
    pub human: f64,
}

/// Labelled answers from which on a corrected rate has an interval.
const ENOUGH_LABELS: u64 = 10;

/// The mean of a judge's values, corrected by its error on labelled answers (prediction-powered inference).
///
/// `values` holds one per case. Nothing where the judge gave no two verdicts on labelled answers, or on others. The
/// labelled answers stand for the others: both must be drawn from the same kind of answers.
pub fn corrected(values: &[f64], labelled: &[Labelled], grader: &GraderId) -> Option<Estimate> {
    let own = labelled.iter().filter(|one| one.grader == *grader);
    let pairs: Vec<(f64, f64)> = own.filter_map(|one| Some((one.judged?, one.human))).collect();
    let found = correction::prediction_powered(values, &pairs)?;
    let (value, interval) = (found.value.clamp(0.0, 1.0), found.interval(Level::P95).clip(0.0, 1.0));
    let n = pairs.len() as u64;
    Some(if n < ENOUGH_LABELS {
        Estimate { method: Method::Ppi, needed_n: Some(ENOUGH_LABELS), ..Estimate::point(value, n) }
    } else {
        Estimate::new(value, interval.low, interval.high, Method::Ppi, n)
    })
}

/// What was found about one judge.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Labelled answers.
    pub labelled: u64,
    /// Figures by name, in the order of [`NAMES`].
    pub figures: Vec<(&'static str, Estimate)>,
    /// Injections: how many of the attacked answers passed, by attack.
    pub attacks: Vec<(String, Estimate)>,
    /// Krippendorff's alpha between several judges.
    pub alpha: Option<f64>,
}

/// Every figure.
pub const NAMES: [&str; 9] = [
    "agreement",
    "kappa",
    "sensitivity",
    "specificity",
    "flip_rate",
    "repeat_flip_rate",
    "length_bias",
    "attack_success",
    "error_rate",
];

/// Whether a requirement on a figure is met; `None` where the interval holds the limit or nothing is known.
pub fn holds(figure: &Estimate, limit: f64, at_most: bool) -> Option<bool> {
    let (low, high) = (figure.low?, figure.high?);
    let (met, missed) = if at_most { (high <= limit, low > limit) } else { (low >= limit, high < limit) };
    if met || missed { Some(met) } else { None }
}

/// Whether a value counts as passed.
fn passes(value: f64) -> bool {
    value > 0.5
}

/// All figures of one judge.
pub fn measure(items: &[Item]) -> Found {
    let plain: Vec<&Item> = items.iter().filter(|item| item.variant == Variant::Labelled).collect();
    let decided: Vec<(&Item, f64)> = plain.iter().filter_map(|item| Some((*item, item.judged?))).collect();
    let swaps: Vec<bool> = plain.iter().filter_map(|item| item.swapped).collect();
    let repeats = repeats(items);
    let attacked: Vec<&Item> = items.iter().filter(|item| matches!(item.variant, Variant::Attack(_))).collect();
    let figure = |name: &'static str| {
        let estimate = match name {
            "agreement" => share_of(decided.iter().map(|(item, judged)| (item.human - judged).abs() < 1e-9)),
            "kappa" => kappa(&decided),
            "sensitivity" => {
                share_of(decided.iter().filter(|(i, _)| passes(i.human)).map(|(_, judged)| passes(*judged)))
            }
            "specificity" => {
                share_of(decided.iter().filter(|(i, _)| i.human < 0.5).map(|(_, judged)| !passes(*judged)))
            }
            "flip_rate" if !swaps.is_empty() => share_of(swaps.iter().copied()),
            "flip_rate" | "repeat_flip_rate" => share_of(repeats.iter().copied()),
            "length_bias" => length_bias(&decided),
            "attack_success" => passed(attacked.iter().copied()),
            _ => share_of(items.iter().map(|item| item.judged.is_none())),
        };
        (name, estimate)
    };
    Found {
        labelled: plain.len() as u64,
        figures: NAMES.into_iter().map(figure).collect(),
        attacks: by_attack(&attacked),
        alpha: alpha(&plain),
    }
}

fn share_of(hits: impl Iterator<Item = bool>) -> Estimate {
    let (k, n) = hits.fold((0, 0), |(k, n), hit| (k + u64::from(hit), n + 1));
    share(k, n)
}

/// How many attacked answers passed, of those with a verdict.
fn passed<'a>(items: impl Iterator<Item = &'a Item>) -> Estimate {
    share_of(items.filter_map(|item| item.judged.map(passes)))
}

/// For each answer judged twice, whether the second verdict differs.
fn repeats(items: &[Item]) -> Vec<bool> {
    let first: BTreeMap<u64, f64> = items
        .iter()
        .filter(|item| item.variant == Variant::Labelled)
        .filter_map(|item| Some((item.label, item.judged?)))
        .collect();
    let again = items.iter().filter(|item| item.variant == Variant::Again);
    again.filter_map(|item| Some((item.judged? - first.get(&item.label)?).abs() > 1e-9)).collect()
}

/// Cohen's kappa over the values in use.
fn kappa(decided: &[(&Item, f64)]) -> Estimate {
    let key = |value: f64| (value * 1e6).round() as i64;
    let values: BTreeSet<i64> = decided.iter().flat_map(|(item, judged)| [key(item.human), key(*judged)]).collect();
    let values: Vec<i64> = values.into_iter().collect();
    let mut table = vec![vec![0u64; values.len()]; values.len()];
    for (item, judged) in decided {
        let (row, column) = (values.binary_search(&key(item.human)), values.binary_search(&key(*judged)));
        if let (Ok(row), Ok(column)) = (row, column) {
            table[row][column] += 1;
        }
    }
    let n = decided.len() as u64;
    agreement::cohen(&table).map_or_else(
        || Estimate::none(n),
        |kappa| {
            if kappa.se > 0.0 {
                let interval = kappa.interval(Level::P95).clip(-1.0, 1.0);
                return Estimate::new(kappa.value, interval.low, interval.high, Method::Delta, n);
            }
            if kappa.value < 1.0 - 1e-9 {
                return Estimate::point(kappa.value, n);
            }
            // All labels met leave no error to go by: what bounds the agreement bounds kappa.
            let chance: f64 = table.iter().map(|row| (row.iter().sum::<u64>() as f64 / n as f64).powi(2)).sum();
            let low = proportion::wilson(n, n, Level::P95).map(|agreed| (agreed - chance) / (1.0 - chance)).low;
            Estimate::new(kappa.value, low.min(kappa.value), kappa.value, Method::Wilson, n)
        },
    )
}

/// Whether the judge errs in favor of longer answers: rank correlation of its error with the length.
fn length_bias(decided: &[(&Item, f64)]) -> Estimate {
    let pairs: Vec<(f64, f64)> = decided.iter().map(|(item, judged)| (item.length, judged - item.human)).collect();
    let n = pairs.len() as u64;
    let Some(found) = rank::spearman(&pairs) else { return Estimate::none(n) };
    match found.interval(Level::P95) {
        Some(interval) => Estimate::new(found.value, interval.low, interval.high, Method::FisherZ, n),
        None => Estimate { needed_n: Some(4), ..Estimate::point(found.value, n) },
    }
}

fn by_attack(attacked: &[&Item]) -> Vec<(String, Estimate)> {
    let mut names: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in attacked {
        if let Variant::Attack(name) = &item.variant {
            names.entry(name).or_default().push(item);
        }
    }
    names.into_iter().map(|(name, items)| (name.to_owned(), passed(items.into_iter()))).collect()
}

fn alpha(plain: &[&Item]) -> Option<f64> {
    let units: Vec<&[f64]> = plain.iter().map(|item| item.votes.as_slice()).collect();
    agreement::alpha(&units, agreement::Scale::Ordinal)
}

/// Krippendorff's alpha between several judges, from the reasons of their common verdicts.
pub fn alpha_of<'a>(reasons: impl Iterator<Item = &'a str>) -> Option<f64> {
    let vote = |vote: Option<u32>| vote.map_or(f64::NAN, f64::from);
    let units: Vec<Vec<f64>> = reasons.filter_map(votes).map(|votes| votes.into_iter().map(vote).collect()).collect();
    agreement::alpha(&units, agreement::Scale::Ordinal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(label: u64, human: f64, judged: Option<f64>, length: f64) -> Item {
        let votes = Vec::new();
        Item { label, variant: Variant::Labelled, human, judged, length, swapped: None, votes }
    }

    fn figure(found: &Found, name: &str) -> Estimate {
        found.figures.iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// The table [[40, 9], [6, 45]] of the kappa whose value and error are published: .6995, .0714.
    #[test]
    fn a_judge_is_held_against_labels() {
        let rows = [(0.0, 0.0, 40), (0.0, 1.0, 9), (1.0, 0.0, 6), (1.0, 1.0, 45)];
        let mut items = Vec::new();
        for (human, judged, n) in rows {
            for _ in 0..n {
                // Judged too well where long: the bias must show.
                let length = 100.0 + 50.0 * (judged - human);
                items.push(item(items.len() as u64, human, Some(judged), length));
            }
        }
        items.push(item(100, 1.0, None, 5.0));
        let again: Vec<Item> = items[..10].iter().map(|i| Item { variant: Variant::Again, ..i.clone() }).collect();
        items.extend(again);
        items.push(Item { variant: Variant::Attack("a".into()), judged: Some(1.0), ..items[0].clone() });
        items.push(Item { variant: Variant::Attack("b".into()), judged: Some(0.0), ..items[0].clone() });
        let found = measure(&items);
        let near = |name: &str, value: f64| {
            assert!((figure(&found, name).value.unwrap() - value).abs() < 1e-9, "{name}: {:?}", figure(&found, name));
        };
        near("agreement", 0.85);
        assert!((figure(&found, "kappa").value.unwrap() - 0.699_519_230_8).abs() < 1e-9);
        near("sensitivity", 45.0 / 51.0);
        near("specificity", 40.0 / 49.0);
        near("repeat_flip_rate", 0.0);
        near("length_bias", 1.0);
        near("attack_success", 0.5);
        near("error_rate", 1.0 / 113.0);
        assert_eq!(found.attacks.len(), 2);
    }

    /// Angelopoulos et al.'s estimator on 20 unlabelled and 10 labelled values: .6, error .1450952500.
    #[test]
    fn labels_correct_a_judges_rate() {
        let bits = |text: &str| -> Vec<f64> { text.bytes().map(|b| f64::from(b - b'0')).collect() };
        let labelled: Vec<Labelled> = bits("1011011101")
            .into_iter()
            .zip(bits("1001011101"))
            .map(|(judged, human)| Labelled { grader: "j".into(), judged: Some(judged), human })
            .collect();
        let values = bits("11011011101101011101");
        let found = corrected(&values, &labelled, &"j".into()).unwrap();
        assert!((found.value.unwrap() - 0.6).abs() < 1e-12);
        assert!((found.low.unwrap() - 0.315_618_535_6).abs() < 1e-9, "{found:?}");
        assert!((found.high.unwrap() - 0.884_381_464_4).abs() < 1e-9);
        assert_eq!(corrected(&values, &labelled, &"other".into()), None);
        let few = corrected(&values, &labelled[..4], &"j".into()).unwrap();
        assert_eq!((few.low, few.needed_n), (None, Some(10)));
    }

    /// Krippendorff 2011, three raters of ten units, two values, two missing: .5263157895.
    #[test]
    fn several_judges_agree_by_their_votes() {
        let raters = ["11010110-1", "1101110011", "1001011-11"];
        let reason = |unit: usize| {
            let votes: Vec<String> = raters.iter().map(|rater| rater[unit..=unit].to_owned()).collect();
            format!("2 of 3 judges say pass; votes: {}", votes.join(" "))
        };
        let reasons: Vec<String> = (0..10).map(reason).collect();
        let alpha = alpha_of(reasons.iter().map(String::as_str)).unwrap();
        assert!((alpha - 0.526_315_789_5).abs() < 1e-9, "{alpha}");
        assert_eq!(alpha_of(["pass: good"].into_iter()), None);
    }

    #[test]
    fn requirements_are_met_missed_or_open() {
        let figure = Estimate::new(0.7, 0.6, 0.8, Method::Delta, 50);
        assert_eq!(holds(&figure, 0.5, false), Some(true));
        assert_eq!(holds(&figure, 0.9, false), Some(false));
        assert_eq!(holds(&figure, 0.7, false), None);
        assert_eq!(holds(&figure, 0.9, true), Some(true));
        assert_eq!(holds(&figure, 0.5, true), Some(false));
        assert_eq!(holds(&Estimate::none(0), 0.5, false), None);
    }

    #[test]
    fn nothing_labelled_is_nothing_known() {
        let found = measure(&[]);
        assert!(found.figures.iter().all(|(_, figure)| figure.value.is_none()));
        let same = measure(&[item(0, 1.0, Some(1.0), 3.0), item(1, 1.0, Some(1.0), 3.0)]);
        assert_eq!((figure(&same, "kappa").value, figure(&same, "length_bias").value), (None, None));
        let one = measure(&[item(0, 1.0, Some(0.0), 3.0)]);
        assert_eq!((figure(&one, "kappa").value, figure(&one, "kappa").low), (Some(0.0), None));
        let met = measure(&[item(0, 1.0, Some(1.0), 3.0), item(1, 0.0, Some(0.0), 3.0)]);
        assert!(figure(&met, "kappa").low.is_some_and(|low| low < 0.0) && figure(&met, "kappa").high == Some(1.0));
    }
}
