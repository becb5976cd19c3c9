//! Every figure of a cell by the plainest code there is, from `trials.csv` alone. Nothing of the crate is used here.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

/// A row of `trials.csv` by column.
pub(super) type Row = BTreeMap<String, String>;
/// Target, mode, prompt, load.
pub(super) type Key = [String; 4];

/// All rows of the file.
pub(super) fn read(path: &std::path::Path) -> Vec<Row> {
    let mut file = csv::Reader::from_path(path).unwrap();
    file.deserialize().map(Result::unwrap).collect()
}

/// One trial: its last attempt, and what all of its attempts took.
struct Trial {
    last: Row,
    attempts: Vec<Row>,
}

fn number(row: &Row, column: &str) -> Option<f64> {
    row[column].parse().ok()
}

impl Trial {
    /// Neither a result nor a failure: we stopped it, or do not know.
    fn is_excluded(&self) -> bool {
        ["cancelled", "in_doubt"].contains(&self.last["outcome"].as_str())
    }

    fn is_withheld(&self) -> bool {
        ["refusal", "content_filter"].contains(&self.last["outcome"].as_str())
    }

    fn is_sample(&self) -> bool {
        ["ok", "length", "tool_calls"].contains(&self.last["outcome"].as_str()) && !self.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.last["outcome"] == "ok" && self.last["warnings"].split("; ").any(|w| w == "empty")
    }

    fn is_failed(&self) -> bool {
        !self.is_sample() && !self.is_withheld() && !self.is_excluded()
    }

    /// Within the limit that the suite's objective on TTFT sets to each trial.
    fn is_in_time(&self) -> bool {
        number(&self.last, "ttft_ms").is_some_and(|ms| ms <= 1000.0)
    }

    fn sum(&self, column: &str) -> Option<f64> {
        let known: Vec<f64> = self.attempts.iter().filter_map(|row| number(row, column)).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }

    /// Passed 1, failed 0, else the score; nothing where nothing was decided.
    fn grade(&self) -> Option<f64> {
        match self.last["pass"].as_str() {
            "true" => Some(1.0),
            "false" => Some(0.0),
            _ => number(&self.last, "score"),
        }
    }
}

/// A cell's trials.
pub(super) struct Cell {
    trials: Vec<Trial>,
}

/// Cells by their names.
pub(super) fn cells(rows: &[Row]) -> BTreeMap<Key, Cell> {
    let mut trials: BTreeMap<u64, Vec<Row>> = BTreeMap::new();
    for row in rows {
        trials.entry(row["trial"].parse().unwrap()).or_default().push(row.clone());
    }
    let mut cells: BTreeMap<Key, Cell> = BTreeMap::new();
    for mut attempts in trials.into_values() {
        attempts.sort_by_key(|row| row["attempt"].parse::<u32>().unwrap());
        let last = attempts.last().unwrap().clone();
        let key = ["target", "mode", "prompt", "load"].map(|name| last[name].clone());
        cells.entry(key).or_insert_with(|| Cell { trials: Vec::new() }).trials.push(Trial { last, attempts });
    }
    cells
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Nearest rank: the smallest value with at least a share `q` at or below it.
fn nearest_rank(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // The rank is reckoned in whole hundredths: 0.95 * 100 is no whole number to a computer.
    let rank = (sorted.len() * (q * 100.0).round() as usize).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// Fewest values for a two-sided 95 % interval of a quantile: both tails of the order statistics at most 2.5 %.
fn fewest(q: f64) -> usize {
    (1..100_000).find(|n| q.max(1.0 - q).powi(*n) <= 0.025).unwrap() as usize
}

impl Cell {
    /// Trials by outcome.
    pub(super) fn outcomes(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for trial in &self.trials {
            *counts.entry(trial.last["outcome"].as_str()).or_default() += 1;
        }
        counts
    }

    /// Values of a latency, a failure as infinity; or of a count or speed, of trials with a result.
    fn values(&self, column: &str) -> Vec<f64> {
        let late = column.ends_with("_ms");
        let summed = column.ends_with("_tokens");
        let value = |trial: &Trial| match column {
            "cost_usd" => trial.sum(column),
            "queue_ms" => number(&trial.last, column).or(trial.is_failed().then_some(f64::INFINITY)),
            _ if late && trial.is_failed() => Some(f64::INFINITY),
            _ if !trial.is_sample() => None,
            "ttfa_ms" => Some(number(&trial.last, column).unwrap_or(f64::INFINITY)),
            "e2e_tps" => Some(number(&trial.last, "output_tokens")? * 1e3 / number(&trial.last, "e2e_ms")?),
            _ if summed => trial.sum(column),
            _ => number(&trial.last, column),
        };
        self.trials.iter().filter_map(value).collect()
    }

    /// `n`, `failed`, `mean` and the percentiles of a metric, as far as so many values support them.
    pub(super) fn metric(&self, name: &str) -> BTreeMap<&'static str, Option<f64>> {
        let values = self.values(name);
        let good: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let at = |q| (values.len() >= fewest(q)).then(|| nearest_rank(&values, q)).flatten();
        BTreeMap::from([
            ("n", Some(values.len() as f64)),
            ("failed", Some((values.len() - good.len()) as f64)),
            ("mean", mean(&good)),
            ("p50", at(0.5)),
            ("p90", at(0.9)),
            ("p95", at(0.95)),
            ("p99", at(0.99)),
            ("max", values.iter().copied().reduce(f64::max)),
        ])
    }

    fn share(&self, holds: impl Fn(&Trial) -> bool) -> Option<f64> {
        let known: Vec<&Trial> = self.trials.iter().filter(|t| !t.is_excluded()).collect();
        (!known.is_empty()).then(|| known.iter().filter(|t| holds(t)).count() as f64 / known.len() as f64)
    }

    /// Mean over cases of the mean over repeats.
    fn by_case(&self, value: impl Fn(&Trial) -> Option<f64>) -> Option<f64> {
        let mut cases: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for trial in &self.trials {
            if let Some(value) = value(trial) {
                cases.entry(&trial.last["case"]).or_default().push(value);
            }
        }
        mean(&cases.values().filter_map(|repeats| mean(repeats)).collect::<Vec<_>>())
    }

    /// Single figures by their place in the summary's cell.
    pub(super) fn figures(&self) -> BTreeMap<String, Option<f64>> {
        let spent: f64 = self.trials.iter().filter_map(|t| t.sum("cost_usd")).sum();
        let passes = self.trials.iter().filter(|t| t.last["pass"] == "true").count() as f64;
        let tokens = |column| self.trials.iter().filter_map(|t| t.sum(column)).sum();
        let mut found = BTreeMap::from([
            ("/n".to_owned(), Some(self.trials.len() as f64)),
            ("/pass_rate/value".into(), self.by_case(Trial::grade)),
            ("/error_rate/value".into(), self.share(Trial::is_failed)),
            ("/goodput/value".into(), self.share(|t| t.last["pass"] == "true" && t.is_in_time())),
            ("/cost/total_usd".into(), Some(spent)),
            ("/cost/per_case/value".into(), mean(&self.values("cost_usd"))),
            ("/cost/per_pass/value".into(), (passes > 0.0).then(|| spent / passes)),
            ("/tokens/input".into(), Some(tokens("input_tokens"))),
            ("/tokens/output".into(), Some(tokens("output_tokens"))),
            ("/tokens/reasoning".into(), Some(tokens("reasoning_tokens"))),
            ("/ungradable".into(), Some(self.verdicts().filter(|v| v.1 == "ungradable").count() as f64)),
        ]);
        for grader in self.verdicts().map(|(grader, ..)| grader).collect::<BTreeSet<_>>() {
            let path = format!("/scores/{grader}/value");
            found.insert(path, self.by_case(|trial| score(trial, &grader)));
        }
        found
    }

    fn verdicts(&self) -> impl Iterator<Item = (String, String)> {
        self.trials.iter().flat_map(|t| verdicts(&t.last)).map(|(grader, verdict, _)| (grader, verdict))
    }

    /// Finished trials and their output tokens: what throughput counts.
    pub(super) fn finished(&self) -> [f64; 2] {
        let done = || self.trials.iter().filter(|t| !t.is_failed() && !t.is_excluded());
        [done().count() as f64, done().filter_map(|t| t.sum("output_tokens")).sum()]
    }

    /// Requests by the origin of their cost.
    pub(super) fn basis(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for row in self.trials.iter().flat_map(|t| &t.attempts) {
            *counts.entry(row["cost_basis"].as_str()).or_default() += 1;
        }
        counts
    }
}

fn verdicts(row: &Row) -> Vec<(String, String, Option<f64>)> {
    let list: Vec<Value> = serde_json::from_str(&row["verdicts"]).unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    list.iter().map(|v| (text(&v["grader"]), text(&v["verdict"]), v["value"].as_f64())).collect()
}

fn score(trial: &Trial, grader: &str) -> Option<f64> {
    let found = verdicts(&trial.last).into_iter().find(|(id, ..)| id == grader)?;
    found.2.filter(|_| trial.is_sample() || trial.is_withheld() || trial.is_empty())
}
