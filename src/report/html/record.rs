//! What was run, where, with what, at which price, and how well the instrument did.

use super::markup::Markup;
use crate::analyze::Summary;
use crate::analyze::run::TargetInfo;
use crate::domain::RunStatus;
use crate::report::written::fixed;

pub(super) fn write(page: &mut Markup, summary: &Summary) {
    page.open("section", &[("id", "record"), ("aria-labelledby", "h-record")]);
    page.leaf("h2", &[("id", "h-record")], "Record");
    page.open("dl", &[("class", "record")]);
    for (name, value) in facts(summary).into_iter().chain(instrument(summary)) {
        if !value.is_empty() {
            page.leaf("dt", &[], &name).leaf("dd", &[], &value);
        }
    }
    page.close("dl");
    page.leaf("h3", &[], "Targets and prices");
    page.open("div", &[("class", "scroll"), ("tabindex", "0")]).open("table", &[]).open("thead", &[]).open("tr", &[]);
    for name in ["target", "model", "provider", "protocol"] {
        page.leaf("th", &[("scope", "col")], name);
    }
    for name in ["input, USD per million tokens", "output, USD per million tokens"] {
        page.leaf("th", &[("scope", "col"), ("class", "n")], name);
    }
    page.leaf("th", &[("scope", "col")], "source of the price").close("tr").close("thead").open("tbody", &[]);
    for target in &summary.run.targets {
        target_row(page, target);
    }
    page.close("tbody").close("table").close("div").close("section");
}

fn target_row(page: &mut Markup, target: &TargetInfo) {
    page.open("tr", &[]).leaf("th", &[("scope", "row")], target.id.as_str());
    page.leaf("td", &[], &target.model).leaf("td", &[], target.provider.as_str()).leaf("td", &[], &target.protocol);
    let Some(price) = &target.price else {
        page.leaf("td", &[("class", "n na")], "unknown").leaf("td", &[("class", "n na")], "unknown");
        page.leaf("td", &[], "").close("tr");
        return;
    };
    page.leaf("td", &[("class", "n")], &price.input.to_string());
    page.leaf("td", &[("class", "n")], &price.output.to_string());
    let source = if price.source.is_empty() { "the suite" } else { &price.source };
    let source = if price.as_of.is_empty() { source.to_owned() } else { format!("{source}, {}", price.as_of) };
    page.leaf("td", &[], &source).close("tr");
}

fn facts(summary: &Summary) -> Vec<(String, String)> {
    let (run, meta) = (&summary.run, &summary.run.meta);
    let status = run.status.map_or("no end in the log: killed, can be resumed", RunStatus::name);
    let graders: Vec<String> =
        run.graders.iter().map(|g| format!("{} ({} {}, weight {})", g.id, g.kind, g.version, g.weight)).collect();
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let mut facts = vec![
        fact("run", meta.id.clone()),
        fact("suite", format!("{} ({})", meta.suite, meta.suite_hash)),
        fact("command", meta.command.clone()),
        fact("seed", meta.seed.to_string()),
        fact("started, ended", format!("{}, {}", meta.started, meta.ended)),
        fact("status", status.to_owned()),
        fact("trials", format!("{} of {} planned, {} warm-up", run.trials, run.planned, run.warmups)),
        fact("requests", format!("{} for the models under test, {} for graders", run.attempts, run.judge_requests)),
        fact("spent", spent(summary)),
        fact("graders", graders.join(", ")),
        fact("host", meta.host.clone()),
        fact("llmark", meta.version.clone()),
    ];
    facts.extend(run.decisions.iter().map(|(rule, decision)| fact("decision", format!("{rule}: {decision}"))));
    facts.extend(run.regraded.iter().map(|r| {
        fact(
            "regraded",
            format!("{}: {} to {}, {} of {} verdicts changed", r.grader, r.from, r.to, r.changed, r.trials),
        )
    }));
    facts.extend(meta.facts.iter().cloned());
    facts
}

fn spent(summary: &Summary) -> String {
    let run = &summary.run;
    let usd = |v: f64| fixed(v, None);
    let basis: Vec<String> = run.cost.basis.iter().map(|(basis, n)| format!("{n} {}", basis.name())).collect();
    format!(
        "{} USD (preflight {}, warm-up {}, graders {}); requests by origin of their cost: {}",
        usd(run.cost.usd),
        usd(run.preflight_cost.usd),
        usd(run.warmup_cost.usd),
        usd(run.judge_cost.usd),
        basis.join(", ")
    )
}

fn instrument(summary: &Summary) -> Vec<(String, String)> {
    let i = &summary.instrument;
    let spread = |[p50, p99, max]: [f64; 3]| {
        format!("p50 {}, p99 {}, greatest {} ms", fixed(p50, Some(2)), fixed(p99, Some(2)), fixed(max, Some(2)))
    };
    let within = |limits: Option<[f64; 2]>, scale: f64| {
        limits.map_or_else(String::new, |[low, high]| {
            format!(", its median [{}, {}]", fixed(low * scale, Some(3)), fixed(high * scale, Some(3)))
        })
    };
    let fact = |name: &str, value: Option<String>| (name.to_owned(), value.unwrap_or_default());
    let [planned, sent, shed] = i.arrivals;
    vec![
        fact(
            "error of TTFT",
            Some(i.calibration.map_or_else(
                || "not calibrated; llmark selftest measures it".to_owned(),
                |c| format!("{}{} over {} requests", spread(c.ttft_error_ms), within(c.medians[0], 1.0), c.n),
            )),
        ),
        fact(
            "error of gaps",
            i.calibration.map(|c| format!("{}{}", spread(c.itl_error_ms), within(c.medians[1], 1.0))),
        ),
        fact(
            "error of rates",
            i.calibration
                .map(|c| format!("p50 {} %{}", fixed(c.rate_error * 100.0, Some(3)), within(c.medians[2], 100.0))),
        ),
        fact("lag of the client's threads", i.lag_ms.map(spread)),
        fact("lateness of sending", i.dispatch_ms.map(spread)),
        fact("processor time of the client", i.cpu.map(|v| format!("{} cores", fixed(v, Some(2))))),
        fact("events that shared a read", i.coalesced.map(|v| format!("{} %", fixed(v * 100.0, Some(1))))),
        fact("arrivals", (planned > 0).then(|| format!("{planned} planned, {sent} sent, {shed} shed"))),
        fact("client was the limit", Some(if i.client_limited { "yes" } else { "no" }.to_owned())),
    ]
}
