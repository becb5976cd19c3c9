//! What a reader must know before using a figure, with what to do about it.

use std::collections::BTreeSet;

use super::Summary;
use super::canary;
use super::run::Run;
use super::slo;
use super::summary::Cell;
use super::summary::Claim;
use super::summary::Severity;
use super::summary::Warning;
use super::trial::TrialRow;
use super::trial::Trials;
use crate::domain::Basis;
use crate::domain::Flag;
use crate::domain::Outcome;
use crate::domain::TargetId;
use crate::text::number::count;
use crate::text::number::percent;
use crate::text::number::short;

/// A larger share of events that arrived together blurs the times between tokens.
const COALESCED: f64 = 0.2;
/// Other claims about a price that are listed.
const MOST_CLAIMS: usize = 4;
/// Judges whose alpha is below this do not mean the same (Krippendorff 2004, p. 241).
const AGREEING: f64 = 0.667;
/// A larger share of missing cases is shown with its bounds.
const MISSING: f64 = 0.05;

/// Collects warnings about one subject.
struct Notes<'a> {
    cell: Option<&'a Cell>,
    found: &'a mut Vec<Warning>,
}

impl Notes<'_> {
    fn add(&mut self, severity: Severity, code: &'static str, message: String, advice: &str) {
        let cell = self.cell.map(|cell| cell.key.clone());
        self.found.push(Warning { code, severity, cell, message, advice: advice.to_owned() });
    }
}

/// All warnings, most severe first.
pub fn warnings(run: &Run, trials: &Trials, summary: &Summary) -> Vec<Warning> {
    let mut found = Vec::new();
    about_run(run, summary, &mut Notes { cell: None, found: &mut found });
    found.extend(summary.unavailable.iter().map(|one| Warning {
        code: "unavailable",
        severity: Severity::Invalid,
        cell: Some(one.cell.clone()),
        message: format!("unavailable, not scored: {}", one.reason),
        advice: one.advice.clone(),
    }));
    about_replay(run, &mut Notes { cell: None, found: &mut found });
    about_canaries(run, trials, &mut Notes { cell: None, found: &mut found });
    for cell in &summary.cells {
        let mut notes = Notes { cell: Some(cell), found: &mut found };
        about_instrument(cell, &mut notes);
        about_outcomes(cell, &mut notes);
        about_mode(cell, &mut notes);
        about_provider(run, cell, &mut notes);
        about_repeats(cell, &mut notes);
        about_judges(run, cell, &mut notes);
        about_money(cell, &mut notes);
        about_sample(cell, &mut notes);
    }
    about_retries(trials, &mut found);
    about_flags(run, trials, summary, &mut found);
    once(&mut found);
    found.sort_by_key(|warning| warning.severity);
    found
}

/// What holds for a target or a mode in general is said at its first cell only.
fn once(found: &mut Vec<Warning>) {
    let mut said = BTreeSet::new();
    found.retain(|warning| match (warning.code, &warning.cell) {
        ("price_claims", Some(cell)) => said.insert((warning.code, cell.target.clone(), None)),
        ("mode_unverified", Some(cell)) => said.insert((warning.code, cell.target.clone(), Some(cell.mode.clone()))),
        _ => true,
    });
}

fn about_replay(run: &Run, notes: &mut Notes<'_>) {
    let Some(speed) = &run.replayed else { return };
    let mut message = "answers were replayed: all times are those of the recording, not of this run".to_owned();
    if speed == "max" {
        message.push_str("; played without waiting, so that throughput and load mean nothing");
    }
    let advice = "fit for graders, reports and tests of the harness; measure again before saying how fast a model is";
    notes.add(Severity::Caution, "replayed", message, advice);
}

fn about_canaries(run: &Run, trials: &Trials, notes: &mut Notes<'_>) {
    for change in canary::changes(run, trials) {
        notes.add(
            Severity::Caution,
            "provider_changed",
            change.sentence(),
            "the endpoint did not stay the same during the run; compare only what was interleaved, or run again",
        );
    }
}

fn about_run(run: &Run, summary: &Summary, notes: &mut Notes<'_>) {
    if summary.simulated {
        notes.add(
            Severity::Note,
            "simulated",
            "every answer and every time comes from the built-in simulator".into(),
            "use it to try suites and the instrument, never as a statement about a model",
        );
    }
    if summary.instrument.clock_step_s.abs() > 0.05 {
        let step = short(summary.instrument.clock_step_s);
        notes.add(
            Severity::Note,
            "clock_step",
            format!("the wall clock moved by {step} s against the monotonic one"),
            "durations are not affected; dates in the report may be off",
        );
    }
    for slo in run.slos.iter().filter(|slo| !run.cells.iter().any(|cell| slo::covers(slo, cell))) {
        notes.add(
            Severity::Caution,
            "slo_without_cell",
            format!("`{}` is about no cell of this run", slo.text),
            "it was neither met nor missed: filters, or --concurrency, left its cells out",
        );
    }
    for regrade in &summary.run.regraded {
        let message = format!(
            "{} was applied again (version {} after {}): {} of {} verdicts changed",
            regrade.grader, regrade.to, regrade.from, regrade.changed, regrade.trials
        );
        notes.add(Severity::Note, "regraded", message, "earlier verdicts are kept in the event log");
    }
    for curve in &summary.efforts {
        for (a, b) in &curve.inseparable {
            let message =
                format!("modes {a} and {b} of {} spend reasoning tokens that cannot be told apart", curve.target);
            notes.add(Severity::Caution, "modes_inseparable", message, "do not read a difference between them as an effect of effort; check that the endpoint honors the setting");
        }
    }
    for shift in summary.under_load.iter().filter(|shift| shift.worse) {
        let what = match shift.what {
            "pass" => "fewer answers pass",
            "length" => "more answers hit the token limit",
            _ => "answers differ more than repeats do",
        };
        let points = shift.difference.value.unwrap_or(0.0) * 100.0;
        let message = format!(
            "under load {what}: {} at {} against {} ({} points, n = {})",
            shift.target,
            shift.high,
            shift.low,
            short(points),
            shift.pairs
        );
        notes.add(
            Severity::Caution,
            "worse_under_load",
            message,
            "quality figures of the low load do not hold at the high one",
        );
    }
}

fn about_instrument(cell: &Cell, notes: &mut Notes<'_>) {
    let limits = cell.audit.as_ref().map(|audit| audit.limits.as_slice()).unwrap_or_default();
    if !limits.is_empty() {
        notes.add(
            Severity::Invalid,
            "client_limited",
            format!("the client was the limit: {}", limits.join("; ")),
            "use a faster or idle machine, or a lower load; the times of this cell decide no objective",
        );
    }
    if let Some(audit) = cell.audit.as_ref().filter(|audit| audit.coalesced > COALESCED) {
        let message =
            format!("{} of the token-bearing events arrived together with the one before", percent(audit.coalesced));
        notes.add(
            Severity::Note,
            "coalesced",
            message,
            "the server or a proxy batches its output; times between tokens describe batches",
        );
    }
}

fn about_outcomes(cell: &Cell, notes: &mut Notes<'_>) {
    let of = |outcome: Outcome| cell.outcomes.get(&outcome).copied().unwrap_or(0);
    let failed: u64 = cell.outcomes.iter().filter(|(o, _)| o.is_infra() && !o.is_excluded()).map(|(_, n)| n).sum();
    if failed > 0 && failed == cell.n {
        notes.add(
            Severity::Invalid,
            "all_failed",
            format!("all {} failed", count(cell.n, "trial")),
            "see the kinds of failure; nothing was measured here",
        );
    } else if failed > 0 {
        notes.add(
            Severity::Caution,
            "failures",
            format!("{failed} of {} trials failed; latency percentiles count them as infinitely late", cell.n),
            "figures of the successes alone stand beside",
        );
    }
    if of(Outcome::RateLimited) > 0 {
        notes.add(
            Severity::Caution,
            "rate_limited",
            format!("{} of {} trials were turned away", of(Outcome::RateLimited), cell.n),
            "the provider's limiter is part of what was measured; lower the load or set `limits`",
        );
    }
    if of(Outcome::Shed) > 0 {
        notes.add(
            Severity::Invalid,
            "shed",
            format!("{} arrivals were never sent because too many were outstanding", of(Outcome::Shed)),
            "the offered load was lower than planned; lower the rate or raise max_outstanding",
        );
    }
    if of(Outcome::InDoubt) > 0 {
        notes.add(
            Severity::Caution,
            "in_doubt",
            format!("nothing is known of {} trials that were under way at a crash", of(Outcome::InDoubt)),
            "`llmark resume --in-doubt retry` asks again; they may have been billed",
        );
    }
    if let Some(quality) = &cell.quality {
        let missing = quality.cases - quality.decided;
        if missing as f64 > MISSING * quality.cases as f64 {
            let message = format!(
                "{missing} of {} cases have no decided grade: the pass rate lies between {} and {}",
                quality.cases,
                percent(quality.strict),
                percent(quality.lenient)
            );
            notes.add(
                Severity::Caution,
                "missing_grades",
                message,
                "failures of the path or of graders are no wrong answers; repeat or regrade them",
            );
        }
    }
}

fn about_mode(cell: &Cell, notes: &mut Notes<'_>) {
    let mode = &cell.mode;
    if mode.honoured == Some(false) {
        let message = if mode.expected == Some(true) {
            format!(
                "mode {} should reason, but reasoning was seen in {} of {} trials",
                cell.key.mode, mode.reasoned, mode.finished
            )
        } else {
            format!(
                "mode {} should not reason, but reasoning was seen in {} of {} trials",
                cell.key.mode, mode.reasoned, mode.finished
            )
        };
        notes.add(
            Severity::Caution,
            "mode_not_honoured",
            message,
            "the endpoint ignores or overrides the setting; this cell does not describe the mode",
        );
    }
    if !mode.verified {
        notes.add(
            Severity::Note,
            "mode_unverified",
            format!("it is not known that this endpoint understands mode {}", cell.key.mode),
            "judge by the reasoning tokens that were seen",
        );
    }
    if mode.hidden {
        notes.add(
            Severity::Note,
            "hidden_reasoning",
            "reasoning was billed but not shown".into(),
            "the time to the first token contains the reasoning; tpot counts shown tokens only",
        );
    }
    if mode.sent.len() > 1 {
        notes.add(
            Severity::Caution,
            "mode_patches_differ",
            format!("{} different settings were sent within the cell", mode.sent.len()),
            "do not read the cell as one mode",
        );
    }
}

fn about_provider(run: &Run, cell: &Cell, notes: &mut Notes<'_>) {
    let asked = run.targets.iter().find(|target| target.id == cell.key.target).map(|target| target.model.as_str());
    let others: Vec<&str> = cell
        .response_models
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !is_same_model(name, asked.unwrap_or("")))
        .collect();
    if let Some(other) = others.first() {
        notes.add(
            Severity::Caution,
            "response_model",
            format!("{} was asked for, {other} says it answered", asked.unwrap_or("the model")),
            "check that the endpoint serves what was asked for",
        );
    }
    if cell.upstreams.len() > 1 {
        let names: Vec<&str> = cell.upstreams.iter().map(|(name, _)| name.as_str()).take(4).collect();
        notes.add(
            Severity::Caution,
            "several_upstreams",
            format!("{} hosts answered behind one gateway: {}", cell.upstreams.len(), names.join(", ")),
            "pin one provider; speed and quality differ between hosts",
        );
    }
    if cell.cache.contaminated {
        let share = cell.cache.cached_share.map(percent).unwrap_or_default();
        let ratio = cell.cache.repeat_ratio.and_then(|r| r.value).map_or_else(|| "?".into(), short);
        let message = format!(
            "a cache served part of the prompts: {share} of prompt tokens cached, repeats take {ratio} times as long as the first"
        );
        notes.add(
            Severity::Caution,
            "cache_contaminated",
            message,
            "times to the first token describe the cache; use `salt: true` and distinct warm-up prompts",
        );
    }
}

/// The same model under a longer name: with a vendor's prefix or a date behind it.
fn is_same_model(answered: &str, asked: &str) -> bool {
    let base = |name: &str| name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let (answered, asked) = (base(answered), base(asked));
    asked.is_empty() || answered.is_empty() || answered.starts_with(&asked) || asked.starts_with(&answered)
}

/// A reducer that no case has repeats enough for says nothing.
fn about_repeats(cell: &Cell, notes: &mut Notes<'_>) {
    let reduced = cell.quality.iter().flat_map(|quality| &quality.reduced);
    for reduced in reduced.filter(|reduced| reduced.estimate.n == 0 && reduced.left_out > 0) {
        let message = format!(
            "{} needs {} decided repeats of a case, and no case has as many",
            reduced.reducer,
            reduced.reducer.needed()
        );
        notes.add(Severity::Caution, "too_few_repeats", message, "raise `repeats`, or run with --repeats");
    }
}

fn about_judges(run: &Run, cell: &Cell, notes: &mut Notes<'_>) {
    let model = |id: &TargetId| run.targets.iter().find(|target| target.id == *id).map(|target| &target.model);
    for grader in &run.graders {
        let own = |judge: &&TargetId| model(judge).is_some() && model(judge) == model(&cell.key.target);
        if let Some(judge) = grader.judges.iter().find(own) {
            let message = format!("{} asks {judge}, which is the model that it judges here", grader.id);
            let advice = "models favor their own answers; let another one judge, or measure it with judge-check";
            notes.add(Severity::Caution, "self_preference", message, advice);
        }
    }
    for score in cell.quality.iter().flat_map(|quality| &quality.scores).filter(|score| score.is_judge) {
        if let Some(alpha) = score.alpha.filter(|alpha| *alpha < AGREEING) {
            let message = format!("the judges of {} disagree: Krippendorff's alpha {}", score.grader, short(alpha));
            let advice = "below 0.667 not even tentative conclusions are customary; sharpen the rubric";
            notes.add(Severity::Caution, "judges_disagree", message, advice);
        }
        if let (Some(corrected), Some(raw)) = (&score.corrected, score.mean.value) {
            let interval = corrected.low.zip(corrected.high);
            let message = format!(
                "{} scores {} by its judge and {}{} corrected by {} labelled answers",
                score.grader,
                percent(raw),
                percent(corrected.value.unwrap_or(raw)),
                interval.map_or_else(String::new, |(low, high)| format!(" ({} to {})", percent(low), percent(high))),
                corrected.n
            );
            let advice =
                "the corrected figure speaks of what people would say; it holds for answers like the labelled ones";
            notes.add(Severity::Note, "judge_corrected", message, advice);
        }
        let errors = score.error_rate();
        if let Some(rate) = errors.value.filter(|rate| *rate > 0.0) {
            let message = format!("{} gave no verdict on {} of {} answers", score.grader, percent(rate), errors.n);
            let advice = "they count as not judged, never as wrong; the reasons are in trials.csv";
            notes.add(Severity::Caution, "judge_errors", message, advice);
        }
    }
}

fn about_money(cell: &Cell, notes: &mut Notes<'_>) {
    if cell.recalled.trials > 0 {
        let message = format!(
            "{} of {} trials were answered from the response cache (${} not spent again)",
            cell.recalled.trials,
            cell.n,
            short(cell.recalled.avoided_usd)
        );
        let advice = "they count for quality alone: times, failures and costs are of the trials that were sent";
        notes.add(Severity::Note, "response_cache", message, advice);
    }
    if let Some(ratio) = cell.cost.billed_over_computed.filter(|ratio| (ratio - 1.0).abs() > 0.01) {
        notes.add(
            Severity::Caution,
            "price_gap",
            format!("the provider billed {} times what usage and price come to", short(ratio)),
            "the price in force is out of date or incomplete; billed amounts are shown",
        );
    }
    if !cell.cost.claims.is_empty() {
        let other = |claim: &Claim| format!("${} by {} ({})", short(claim.usd), claim.source, claim.as_of);
        let others: Vec<String> = cell.cost.claims.iter().take(MOST_CLAIMS).map(other).collect();
        let paid = short(cell.cost.total.usd);
        let message =
            format!("by other claims about the price this cell would cost, instead of ${paid}: {}", others.join("; "));
        notes.add(Severity::Note, "price_claims", message, "check which price holds for your account");
    }
    let guessed = cell.cost.total.basis.get(&Basis::Estimated).copied().unwrap_or(0);
    if guessed > 0 {
        let message = format!("the cost of {} was estimated from the length of its texts", count(guessed, "request"));
        notes.add(Severity::Caution, "cost_estimated", message, "nobody counted its tokens; compare with your bill");
    }
    if cell.tokens.unknown > 0 {
        let advice = if guessed > 0 {
            "their tokens and rates are unknown and not guessed"
        } else {
            "their tokens, rates and costs are unknown and not guessed"
        };
        let message = format!("{} came without token counts", count(cell.tokens.unknown, "finished trial"));
        notes.add(Severity::Caution, "usage_missing", message, advice);
    }
}

fn about_sample(cell: &Cell, notes: &mut Notes<'_>) {
    let ttft = cell.metrics.get(&super::Metric::Ttft);
    if let Some(n) = ttft.and_then(|found| found.n_effective) {
        let all = ttft.map_or(0, |found| found.n);
        notes.add(
            Severity::Note,
            "autocorrelated",
            format!("neighboring requests resemble each other: {all} times are worth about {}", short(n)),
            "intervals are too narrow; let the run last longer",
        );
    }
    if let Some(quality) = cell.quality.as_ref().filter(|quality| quality.flaky > 0) {
        notes.add(
            Severity::Note,
            "flaky_cases",
            format!("{} give different verdicts in different repeats", count(quality.flaky, "case")),
            "compare such cases over repeats only",
        );
    }
    if cell.metrics.get(&super::Metric::Itl).is_some_and(|found| found.kept < 1.0) {
        notes.add(
            Severity::Note,
            "gaps_sampled",
            "times between tokens are a sample of whole trials".into(),
            "percentiles hold; the count is of all",
        );
    }
}

/// Retries never change an outcome silently.
fn about_retries(trials: &Trials, found: &mut Vec<Warning>) {
    let measured = || trials.rows.iter().filter(|row| row.is_measured());
    let retried = measured().filter(|row| row.number > 1).count();
    if retried > 0 {
        let message =
            format!("{retried} of {} trials were asked again after a failure that may pass", measured().count());
        let advice = "their times count from when they were due; `llmark show` tells what failed first";
        found.push(Warning { code: "retried", severity: Severity::Note, cell: None, message, advice: advice.into() });
    }
}

/// Facts that replies brought along, counted over the run.
fn about_flags(run: &Run, trials: &Trials, summary: &Summary, found: &mut Vec<Warning>) {
    let measured = || trials.rows.iter().filter(|row| row.is_measured());
    // Of recorded answers nobody asked for a stream.
    for flag in Flag::ALL.into_iter().filter(|flag| !(run.recorded && *flag == Flag::NotStreamed)) {
        let n = measured().filter(|row: &&TrialRow| row.has(flag)).count() as u64;
        if n == 0 {
            continue;
        }
        let (code, severity, what, advice) = about_flag(flag);
        let message = format!("{n} of {} replies {what}", summary.run.trials);
        found.push(Warning { code, severity, cell: None, message, advice: advice.into() });
    }
}

fn about_flag(flag: Flag) -> (&'static str, Severity, &'static str, &'static str) {
    use Severity::Caution;
    use Severity::Note;
    match flag {
        Flag::Empty => (
            "empty",
            Caution,
            "were successes without any token",
            "they count as failed in latency, errors and goodput",
        ),
        Flag::EmptyAfterReasoning => {
            ("empty_after_reasoning", Caution, "spent the token limit on reasoning", "raise max_tokens for this mode")
        }
        Flag::MissingDone => (
            "missing_done",
            Note,
            "ended without their end marker",
            "the server is not quite conformant; outcomes are not affected",
        ),
        Flag::MissingFinalBlank => {
            ("missing_final_blank", Note, "lacked the last blank line", "the server is not quite conformant")
        }
        Flag::DataAfterTerminal => (
            "data_after_terminal",
            Caution,
            "went on after their terminal reason",
            "the server's stream is inconsistent",
        ),
        Flag::NotStreamed => (
            "not_streamed",
            Caution,
            "came as one body although a stream was asked for",
            "there is no time to the first token for them",
        ),
        Flag::UsageCoerced => {
            ("usage_coerced", Note, "gave token counts that were no integers", "they were read as such")
        }
        Flag::UsageDropped => (
            "usage_dropped",
            Caution,
            "gave absurd token counts, which were dropped",
            "their tokens and costs are unknown",
        ),
        Flag::UsageShrank => ("usage_shrank", Note, "took back token counts", "the last count holds"),
        Flag::Repaired => {
            ("repaired", Note, "held invalid text, which was replaced", "answers may differ from what was sent")
        }
        Flag::OddShape => ("odd_shape", Note, "held fields of an unexpected type", "they were skipped"),
        Flag::Gap => ("gap", Caution, "had a gap in their sequence", "part of the stream may be missing"),
        Flag::PriceGap => {
            ("price_gap_trial", Note, "were billed differently from usage times price", "see the cell's costs")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::fixture;
    use crate::analyze::fold::Fold;
    use crate::analyze::summarize::summarize;
    use crate::domain::CellId;
    use crate::domain::Event;
    use crate::domain::Health;
    use crate::domain::Observation;

    fn codes(observations: Vec<Observation>) -> Vec<&'static str> {
        let run = fixture::run(10);
        let mut fold = Fold::new(&run);
        for obs in observations {
            fold.push(&fixture::observed(obs));
        }
        summarize(&run, &fold.finish()).warnings.into_iter().map(|w| w.code).collect()
    }

    #[test]
    fn a_different_model_or_several_hosts_are_told() {
        let answered = |model: &str, host: &str, trial| {
            let mut obs = fixture::ok(trial, 0);
            obs.reply.model = Some(model.into());
            obs.reply.provider = Some(host.into());
            obs
        };
        let found = codes(vec![answered("other", "a", 0), answered("vendor/M-2026-01-01", "b", 1)]);
        assert!(found.contains(&"response_model") && found.contains(&"several_upstreams"));
        let found = codes(vec![answered("vendor/M-2026-01-01", "b", 1)]);
        assert!(!found.contains(&"response_model") && !found.contains(&"several_upstreams"));
    }

    #[test]
    fn failures_and_missing_counts_are_told() {
        let mut bare = fixture::ok(0, 0);
        bare.reply.usage = None;
        let found = codes(vec![bare, fixture::failed(1, 1, Outcome::RateLimited)]);
        for code in ["usage_missing", "failures", "rate_limited"] {
            assert!(found.contains(&code), "{code} is not in {found:?}");
        }
        assert_eq!(codes(vec![fixture::failed(1, 1, Outcome::Reset)])[0], "all_failed");
    }

    #[test]
    fn retries_and_guessed_costs_are_told() {
        let mut again = fixture::ok(1, 1);
        again.attempt.number = 2;
        assert!(codes(vec![fixture::ok(0, 0), again]).contains(&"retried"));
        let mut guessed = fixture::ok(0, 0);
        guessed.cost.basis = Basis::Estimated;
        assert!(codes(vec![guessed]).contains(&"cost_estimated"));
        let plain = codes(vec![fixture::ok(0, 0)]);
        assert!(!plain.contains(&"retried") && !plain.contains(&"cost_estimated"), "{plain:?}");
    }

    #[test]
    fn objectives_about_no_cell_are_told() {
        let mut run = fixture::run(1);
        let slo = |text| crate::analyze::slo_expr::parse_slo(text).unwrap();
        run.slos = vec![slo("error_rate <= 1% for load=nowhere"), slo("error_rate <= 1%")];
        let mut fold = Fold::new(&run);
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        let told = summarize(&run, &fold.finish()).warnings;
        let told: Vec<_> = told.iter().filter(|w| w.code == "slo_without_cell").map(|w| w.message.as_str()).collect();
        assert_eq!(told, ["`error_rate <= 1% for load=nowhere` is about no cell of this run"]);
    }

    #[test]
    fn a_limited_client_comes_first() {
        let run = fixture::run(1);
        let mut fold = Fold::new(&run);
        fold.push(&fixture::observed(fixture::ok(0, 0)));
        let health = Health { cell: Some(CellId(0)), overflow: true, ..Health::default() };
        fold.push(&Event::Health(Box::new(health)));
        let summary = summarize(&run, &fold.finish());
        assert_eq!(summary.warnings[0].code, "client_limited");
        assert!(summary.cells[0].client_limited && summary.instrument.client_limited);
        assert!(summary.exit.reasons.iter().all(|(code, _)| *code != 6), "nothing here depends on its times");
    }
}
