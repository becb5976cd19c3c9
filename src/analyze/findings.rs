//! What was found, in plain sentences made from the figures.

mod choice;

use super::Estimate;
use super::Metric;
use super::Summary;
use super::compare::Verdict;
use super::early::Question;
use super::early::Word;
use super::summary::Cell;
use super::summary::CellKey;
use super::summary::Finding;
use super::summary::SloVerdict;
use super::summary::Tone;
use crate::domain::ModeName;
use crate::text::number::count;
use crate::text::number::percent;
use crate::text::number::short;

/// Findings at most: a reader has one screen.
const MOST: usize = 12;

/// The findings, most important first.
pub fn findings(summary: &Summary) -> Vec<Finding> {
    let mut found = Vec::new();
    choice::say_choice(summary, &mut found);
    objectives(summary, &mut found);
    stopped(summary, &mut found);
    trouble(summary, &mut found);
    best(summary, &mut found);
    arms(summary, &mut found);
    effort(summary, &mut found);
    load(summary, &mut found);
    money(summary, &mut found);
    found.truncate(MOST);
    found
}

/// What was decided before the plan ended, one sentence each, and what that saved.
fn stopped(summary: &Summary, found: &mut Vec<Finding>) {
    let Some(stopping) = &summary.stopping else { return };
    for asked in stopping.questions.iter().filter(|asked| matches!(asked.question, Question::Comparison { .. })) {
        let (tone, word) = match asked.word {
            Some(Word::Regressed) => (Tone::Bad, "regressed"),
            Some(Word::Equivalent) => (Tone::Good, "no worse than the margin"),
            Some(word) => (Tone::Good, word.name()),
            None => (Tone::Unsure, "not decided"),
        };
        let points = |share: Option<f64>| share.map_or("n/a".to_owned(), |share| short(100.0 * share));
        let estimate = &asked.estimate;
        let text = format!(
            "{}: {word} after {} of {} cases; difference {} [{}, {}] points, an interval that holds although the run could stop.",
            asked.title,
            asked.n,
            asked.planned,
            points(estimate.value),
            points(estimate.low),
            points(estimate.high)
        );
        say(found, tone, Vec::new(), text);
    }
    if stopping.cells.iter().any(|cell| cell.early) {
        let planned: u64 = stopping.cells.iter().map(|cell| cell.planned).sum();
        let text = format!("Stopped early: {} of {} were not needed.", count(stopping.saved(), "trial"), planned);
        say(found, Tone::Plain, Vec::new(), text);
    }
    if !stopping.replays {
        let text = "The stored trials do not give the decisions that the run stopped on: it was regraded, or cut off.";
        say(found, Tone::Unsure, Vec::new(), text.to_owned());
    }
}

/// A cell as people call it.
fn called(summary: &Summary, key: &CellKey) -> String {
    let cell = summary.cells.iter().find(|cell| cell.key == *key);
    cell.map_or_else(|| key.to_string(), |cell| choice::called_with_load(summary, cell))
}

fn say(found: &mut Vec<Finding>, tone: Tone, cells: Vec<usize>, text: String) {
    found.push(Finding { tone, text, cells });
}

fn objectives(summary: &Summary, found: &mut Vec<Finding>) {
    if summary.slos.is_empty() {
        return;
    }
    let with = |verdict: SloVerdict| summary.slos.iter().filter(move |slo| slo.verdict == verdict);
    let n = |verdict: SloVerdict| with(verdict).count() as u64;
    let (met, missed, open) = (n(SloVerdict::Met), n(SloVerdict::Missed), n(SloVerdict::Inconclusive));
    if missed == 0 && open == 0 {
        say(found, Tone::Good, Vec::new(), format!("All {} are met.", count(met, "objective")));
    }
    for slo in with(SloVerdict::Missed).take(4) {
        let value = slo.value.value.map(|v| format!(" Measured: {}.", short(v))).unwrap_or_default();
        let name = called(summary, &slo.cell);
        say(found, Tone::Bad, vec![slo.cell_index], format!("{name} misses `{}`: {}.{value}", slo.slo, slo.why));
    }
    if open > 0 {
        let needed = with(SloVerdict::Inconclusive).filter_map(|slo| slo.needed_n).max();
        let more = needed.map(|n| format!(" Up to {n} trials per cell would decide.")).unwrap_or_default();
        let cells = with(SloVerdict::Inconclusive).map(|slo| slo.cell_index).collect();
        say(
            found,
            Tone::Unsure,
            cells,
            format!("{} of {} could not be decided.{more}", open, count(summary.slos.len() as u64, "objective")),
        );
    }
}

fn trouble(summary: &Summary, found: &mut Vec<Finding>) {
    let at = |holds: fn(&Cell) -> bool| -> Vec<usize> {
        summary.cells.iter().enumerate().filter(|(_, cell)| holds(cell)).map(|(at, _)| at).collect()
    };
    let limited = at(|cell| cell.client_limited);
    if !limited.is_empty() {
        let n = count(limited.len() as u64, "cell");
        say(
            found,
            Tone::Bad,
            limited,
            format!("In {n} this machine was the limit, not the model: those times decide nothing."),
        );
    }
    let dishonored = at(|cell| cell.mode.honoured == Some(false));
    if !dishonored.is_empty() {
        let n = count(dishonored.len() as u64, "cell");
        say(found, Tone::Unsure, dishonored, format!("In {n} the reasoning mode was not honored by the endpoint."));
    }
    if let Some(class) = summary.failures.iter().find(|class| class.outcome.is_infra()) {
        let detail = if class.detail.is_empty() { String::new() } else { format!(" ({})", class.detail) };
        let n = count(class.count, "trial");
        say(
            found,
            Tone::Bad,
            Vec::new(),
            format!(
                "The most frequent failure: {n} of {} ended in {}{detail}.",
                called(summary, &class.cell),
                class.outcome
            ),
        );
    }
}

/// The best cell in quality and in speed, where intervals tell it from the next.
fn best(summary: &Summary, found: &mut Vec<Finding>) {
    // The choice says it already, with what it costs.
    if summary.choice.is_none() {
        let rate = |cell: &Cell| cell.quality.as_ref().map(|quality| quality.pass_rate);
        let words = |name: &str, e: &Estimate| format!("{name} passes most cases: {}.", interval(e, percent));
        extreme(summary, rate, |a, b| a > b, words, found);
    }
    let kept_up = |cell: &&Cell| !cell.client_limited;
    let ttfa = |cell: &Cell| Some(cell).filter(kept_up)?.metrics.get(&Metric::Ttfa).map(|d| d.p50);
    extreme(
        summary,
        ttfa,
        |a, b| a < b,
        |found_at, e| {
            format!(
                "{found_at} answers first: median {} to the first answer token.",
                interval(e, |v| format!("{} ms", short(v)))
            )
        },
        found,
    );
}

fn extreme(
    summary: &Summary,
    of: impl Fn(&Cell) -> Option<Estimate>,
    better: fn(f64, f64) -> bool,
    words: impl Fn(&str, &Estimate) -> String,
    found: &mut Vec<Finding>,
) {
    let known: Vec<(usize, Estimate)> = summary
        .cells
        .iter()
        .enumerate()
        .filter_map(|(at, cell)| Some((at, of(cell).filter(|e| e.value.is_some_and(f64::is_finite))?)))
        .collect();
    let value = |e: &Estimate| e.value.unwrap_or(0.0);
    let Some(top) = known.iter().copied().reduce(|a, b| if better(value(&b.1), value(&a.1)) { b } else { a }) else {
        return;
    };
    let overlapping: Vec<usize> =
        known.iter().filter(|(at, e)| *at != top.0 && overlap(e, &top.1)).map(|(at, _)| *at).collect();
    let text = words(&choice::called_with_load(summary, &summary.cells[top.0]), &top.1);
    let (tone, text) = match (known.len(), overlapping.len()) {
        (1, _) => (Tone::Plain, text),
        (_, 0) => (Tone::Good, text),
        (_, n) => (Tone::Unsure, format!("{text} The intervals of {} overlap with it.", count(n as u64, "other cell"))),
    };
    say(found, tone, [vec![top.0], overlapping].concat(), text);
}

fn overlap(a: &Estimate, b: &Estimate) -> bool {
    let low = |e: &Estimate| e.low.or(e.value).unwrap_or(f64::NEG_INFINITY);
    let high = |e: &Estimate| e.high.or(e.value).unwrap_or(f64::INFINITY);
    low(a) <= high(b) && low(b) <= high(a)
}

fn interval(estimate: &Estimate, unit: impl Fn(f64) -> String) -> String {
    let value = estimate.value.map_or_else(|| "n/a".to_owned(), &unit);
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!("{value} [{}, {}], n = {}", unit(low), unit(high), estimate.n),
        _ => format!("{value}, n = {}", estimate.n),
    }
}

fn effort(summary: &Summary, found: &mut Vec<Finding>) {
    for curve in &summary.efforts {
        // That nothing cheaper is known to do stands beside the curve; a mode that does is news.
        if let Some(cheapest) = curve.cheapest.as_ref().filter(|cheapest| cheapest.mode != cheapest.best) {
            let at = |mode: &ModeName| curve.points.iter().find(|p| p.mode == *mode).map(|p| p.cell_index);
            let cells = at(&cheapest.mode).into_iter().chain(at(&cheapest.best)).collect();
            say(found, Tone::Plain, cells, cheapest.sentence.clone());
        }
        for (a, b) in curve.inseparable.iter().take(2) {
            say(found, Tone::Unsure, Vec::new(), format!("On {}, modes {a} and {b} reason alike.", curve.target));
        }
    }
}

/// Arms that are worse or better than their baseline beyond doubt, in what decides.
fn arms(summary: &Summary, found: &mut Vec<Finding>) {
    for one in summary.comparisons.iter().filter(|one| one.gates) {
        let said = |verdict: Verdict| {
            let lines = one.comparisons.iter().filter(move |line| line.gates && line.verdict == verdict);
            lines.map(|line| format!("{}{}", line.metric, slice(&line.slice))).collect::<Vec<_>>()
        };
        for (verdict, tone, word) in
            [(Verdict::Regressed, Tone::Bad, "worse"), (Verdict::Improved, Tone::Good, "better")]
        {
            let lines = said(verdict);
            if !lines.is_empty() {
                let text = format!("{} is {word} than {} in {}.", one.candidate, one.baseline, lines.join(", "));
                say(found, tone, Vec::new(), text);
            }
        }
    }
}

fn slice(name: &str) -> String {
    if name == "all" { String::new() } else { format!(" at {name}") }
}

fn load(summary: &Summary, found: &mut Vec<Finding>) {
    for shift in summary.under_load.iter().filter(|shift| shift.worse && shift.what == "pass").take(3) {
        let points = shift.difference.value.unwrap_or(0.0) * 100.0;
        say(
            found,
            Tone::Bad,
            Vec::new(),
            format!(
                "{} answers worse under load: {} points at {} against {}, paired over {} cases.",
                shift.target,
                short(points),
                shift.high,
                shift.low,
                shift.pairs
            ),
        );
    }
}

fn money(summary: &Summary, found: &mut Vec<Finding>) {
    let total = &summary.run.cost;
    let unknown = total.basis.get(&crate::domain::Basis::Unknown).copied().unwrap_or(0);
    if total.usd > 0.0 {
        let open = if unknown > 0 {
            format!(", without {} of unknown cost", count(unknown, "request"))
        } else {
            String::new()
        };
        say(found, Tone::Plain, Vec::new(), format!("The run cost ${}{open}.", short(total.usd)));
    }
}

#[cfg(test)]
mod tests {
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::slo_expr::parse_slo;
    use crate::analyze::summarize::summarize;
    use crate::domain::Verdict;

    #[test]
    fn sentences_come_from_the_figures() {
        let mut run = fixture::run(100);
        run.slos = ["p95(ttft) <= 50ms", "error_rate <= 5%", "p99(e2e) <= 1s"].map(|s| parse_slo(s).unwrap()).to_vec();
        let mut fold = Fold::new(&run);
        for i in 0..100u32 {
            fold.push(&fixture::observed(fixture::ok(u64::from(i), i)));
            fold.push(&fixture::graded(u64::from(i), Verdict::decide(i < 90, "")));
        }
        let summary = summarize(&run, &fold.finish());
        let text: Vec<&str> = summary.findings.iter().map(|f| f.text.as_str()).collect();
        assert_eq!(
            text[0],
            "t misses `p95(ttft) <= 50ms`: 100 of 100 trials lie beyond the limit, 5.00 % may. Measured: 100."
        );
        assert_eq!(text[1], "1 of 3 objectives could not be decided. Up to 299 trials per cell would decide.");
        assert!(text[2].starts_with("t passes most cases: 90.0 % ["), "{text:?}");
        assert_eq!(text[4], "The run cost $0.100.");
    }
}
