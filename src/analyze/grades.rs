//! From verdicts to one grade per trial: interval arithmetic over what is known.
//!
//! A trial's grade is the set of values that are consistent with what was seen: a point where it is decided, the whole
//! of [0, 1] where it is missing. On pass and fail this is Kleene's strong three-valued logic. Trouble on the path
//! can therefore neither fail nor pass anything.

use super::run::Counts;
use super::run::GraderInfo;
use super::run::Policy;
use super::trial::TrialRow;
use super::trial::Word;

/// Why a grade is what it is, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The path failed.
    Infra,
    /// The token limit hit before the answer began.
    Length,
    /// The model or the provider declined.
    Refused,
    /// A grader could not judge, or none judged.
    Ungradable,
    /// The verdicts decide.
    Verdict,
}

/// What a trial's verdicts come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grade {
    /// Lowest value consistent with what is known.
    pub low: f64,
    /// Highest value consistent with what is known.
    pub high: f64,
    /// Why.
    pub reason: Reason,
    /// Passed or failed, where that is decided; a plain score is neither.
    pub pass: Option<bool>,
    /// Weighted mean of the graders' values, where all of them are known.
    pub score: Option<f64>,
}

impl Grade {
    /// Nothing is known.
    pub fn missing(reason: Reason) -> Self {
        Self { low: 0.0, high: 1.0, reason, pass: None, score: None }
    }

    fn decided(value: f64, reason: Reason) -> Self {
        let pass = if value >= 1.0 {
            Some(true)
        } else if value <= 0.0 {
            Some(false)
        } else {
            None
        };
        Self { low: value, high: value, reason, pass, score: Some(value) }
    }

    /// The value, where it is decided.
    pub fn value(&self) -> Option<f64> {
        (self.low >= self.high).then_some(self.low)
    }
}

/// The grade of a trial. Precedence: path, length, refusal, ungradable, verdict.
pub fn grade(row: &TrialRow, graders: &[GraderInfo], policy: Policy) -> Grade {
    if row.outcome.is_infra() {
        return Grade::missing(Reason::Infra);
    }
    if row.outcome == crate::domain::Outcome::Length && !row.answered {
        return counted(policy.length, Reason::Length);
    }
    let judged_refusal = row.verdicts.iter().any(|v| graders.get(usize::from(v.grader)).is_some_and(expects_refusal));
    if row.outcome.is_withheld() && !judged_refusal {
        return counted(policy.refused, Reason::Refused);
    }
    combine(row, graders)
}

/// A suite that grades refusals has an opinion on them, which goes before the policy.
fn expects_refusal(grader: &GraderInfo) -> bool {
    grader.kind == "refusal"
}

fn counted(counts: Counts, reason: Reason) -> Grade {
    match counts {
        Counts::Wrong => Grade::decided(0.0, reason),
        Counts::Right => Grade::decided(1.0, reason),
        Counts::Missing => Grade::missing(reason),
    }
}

/// All requirements together: the least of pass and fail. Where every grader gives a score, their weighted mean.
fn combine(row: &TrialRow, graders: &[GraderInfo]) -> Grade {
    let weight = |grader: u16| graders.get(usize::from(grader)).map_or(1.0, |g| g.weight);
    let counting: Vec<_> = row.verdicts.iter().filter(|v| weight(v.grader) > 0.0).collect();
    if counting.is_empty() {
        return Grade::missing(Reason::Ungradable);
    }
    let bounds = |v: &super::trial::Judged| if v.word == Word::Ungradable { (0.0, 1.0) } else { (v.value, v.value) };
    let total: f64 = counting.iter().map(|v| weight(v.grader)).sum();
    let mean =
        |end: fn((f64, f64)) -> f64| counting.iter().map(|v| weight(v.grader) * end(bounds(v))).sum::<f64>() / total;
    let (mean_low, mean_high) = (mean(|b| b.0), mean(|b| b.1));
    let unjudged = counting.iter().any(|v| v.word == Word::Ungradable);
    let score = (!unjudged).then_some(mean_low);
    let binary = || counting.iter().filter(|v| v.word != Word::Score);
    if binary().next().is_none() {
        return Grade { score, ..Grade::decided(mean_low, Reason::Verdict) };
    }
    let low = binary().map(|v| bounds(v).0).fold(1.0, f64::min);
    let high = binary().map(|v| bounds(v).1).fold(1.0, f64::min);
    let only_unjudged = counting.iter().all(|v| v.word != Word::Pass && v.word != Word::Fail);
    let (low, high) = if only_unjudged { (mean_low, mean_high) } else { (low, high) };
    if low < high {
        return Grade { low, high, ..Grade::missing(Reason::Ungradable) };
    }
    Grade { score, ..Grade::decided(low, Reason::Verdict) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::run::Run;
    use crate::domain::Event;
    use crate::domain::Outcome;
    use crate::domain::TrialId;
    use crate::domain::Verdict;

    fn graders(weights: &[f64]) -> Run {
        let mut run = fixture::run(1);
        run.graders = weights
            .iter()
            .enumerate()
            .map(|(i, &weight)| GraderInfo {
                id: format!("g{i}").into(),
                kind: String::new(),
                weight,
                version: "1".into(),
                judges: Vec::new(),
            })
            .collect();
        run
    }

    fn of(run: &Run, outcome: Outcome, verdicts: &[Verdict]) -> Grade {
        let mut fold = Fold::new(run);
        let mut obs = fixture::ok(0, 0);
        obs.outcome = outcome;
        fold.push(&fixture::observed(obs));
        for (i, verdict) in verdicts.iter().enumerate() {
            let grader = format!("g{i}").into();
            fold.push(&Event::Graded { trial: TrialId(0), grader, version: "1".into(), verdict: verdict.clone() });
        }
        fold.finish().rows[0].grade
    }

    fn pass() -> Verdict {
        Verdict::decide(true, "")
    }

    fn fail() -> Verdict {
        Verdict::decide(false, "")
    }

    fn unknown() -> Verdict {
        Verdict::ungradable("")
    }

    fn score(value: f64) -> Verdict {
        Verdict::score(value, "")
    }

    #[test]
    fn one_failure_decides_even_beside_an_unknown() {
        let run = graders(&[1.0, 1.0]);
        assert_eq!(of(&run, Outcome::Ok, &[fail(), unknown()]).pass, Some(false));
        assert_eq!(of(&run, Outcome::Ok, &[pass(), unknown()]).value(), None);
        assert_eq!(of(&run, Outcome::Ok, &[pass(), pass()]).pass, Some(true));
        assert_eq!(of(&run, Outcome::Ok, &[]).reason, Reason::Ungradable);
    }

    #[test]
    fn weight_zero_records_without_counting() {
        let run = graders(&[1.0, 0.0]);
        assert_eq!(of(&run, Outcome::Ok, &[pass(), fail()]).pass, Some(true));
        assert_eq!(of(&run, Outcome::Ok, &[pass(), fail()]).score, Some(1.0));
    }

    #[test]
    fn scores_alone_are_averaged_by_weight() {
        let run = graders(&[3.0, 1.0]);
        let grade = of(&run, Outcome::Ok, &[score(0.8), score(0.4)]);
        assert!((grade.value().unwrap() - 0.7).abs() < 1e-12);
        assert_eq!(grade.pass, None);
        let mixed = of(&run, Outcome::Ok, &[pass(), score(0.4)]);
        assert_eq!((mixed.pass, mixed.score), (Some(true), Some(0.85)));
        let unjudged = of(&run, Outcome::Ok, &[score(0.8), unknown()]);
        assert!((unjudged.low - 0.6).abs() < 1e-12 && (unjudged.high - 0.85).abs() < 1e-12);
    }

    #[test]
    fn the_path_goes_before_everything() {
        let run = graders(&[1.0]);
        for outcome in [Outcome::Timeout, Outcome::HttpError, Outcome::Shed, Outcome::InDoubt, Outcome::Cancelled] {
            assert_eq!(of(&run, outcome, &[fail()]), Grade::missing(Reason::Infra), "{outcome}");
        }
        assert_eq!(of(&run, Outcome::Refusal, &[]).pass, Some(false));
        assert_eq!(of(&run, Outcome::Refusal, &[]).reason, Reason::Refused);
        assert_eq!(of(&run, Outcome::Length, &[pass()]).pass, Some(true), "it had begun to answer");
    }

    #[test]
    fn a_suite_that_grades_refusals_decides_on_them() {
        let mut run = graders(&[1.0]);
        run.graders[0].kind = "refusal".into();
        assert_eq!(of(&run, Outcome::Refusal, &[pass()]).pass, Some(true));
    }

    #[test]
    fn the_policy_can_leave_refusals_open() {
        let mut run = graders(&[1.0]);
        run.policy.refused = Counts::Missing;
        assert_eq!(of(&run, Outcome::ContentFilter, &[]).value(), None);
    }
}
