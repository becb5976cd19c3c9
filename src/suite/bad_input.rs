//! Mistakes that people make in suites, and what they are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::LazyLock;

use proptest::prelude::ProptestConfig;
use proptest::prelude::any;
use proptest::proptest;

use super::check::Suite;
use super::check::load_from;
use super::expand::Filters;
use super::expand::expand;
use super::problem::Problems;
use super::read::Memory;
use crate::provider::Catalog;

/// Parsed once: the properties load many suites.
static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::embedded);

/// A suite that holds; mistakes are made by replacing a line of it.
const GOOD: &str = "\
name: triage
targets:
  - id: sim
    sim: {profile: seed-2.0-mini}
modes: [low]
params: {temperature: 0, max_tokens: 100}
prompts:
  - id: terse
    user: \"Classify: {{ ticket }}\"
cases:
  - {id: refund, vars: {ticket: money back}, expect: billing}
graders:
  - exact: {ignore_case: true}
loads:
  - {concurrency: 1}
slos:
  - error_rate <= 1%
";

fn files(text: &str, more: &[(&str, &str)]) -> Memory {
    let mut copies = BTreeMap::from([("suite.yaml".to_owned(), Arc::from(text.as_bytes()))]);
    copies.extend(more.iter().map(|(name, text)| ((*name).to_owned(), Arc::from(text.as_bytes()))));
    Memory(copies)
}

fn load(text: &str, more: &[(&str, &str)]) -> Result<Suite, Problems> {
    load_from(&files(text, more), "suite.yaml", "suite.yaml", &CATALOG)
}

fn good(text: &str) -> Suite {
    load(text, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Goodput is about graders and limits of single trials: one of them must cover every cell.
#[test]
fn goodput_needs_something_to_be_good_at() {
    let bare = swapped("graders:\n  - exact: {ignore_case: true}\n", "");
    let with = |slos: &str| load(&bare.replace("  - error_rate <= 1%\n", slos), &[]).err().map(|p| p.to_string());
    let told = with("  - goodput >= 95%\n").unwrap();
    assert!(told.contains("sim/low/terse/c1 has neither"), "{told}");
    assert_eq!(with("  - goodput >= 95%\n  - p95(e2e) <= 8s\n"), None);
    assert!(with("  - goodput >= 95%\n  - mean(e2e) <= 8s\n").is_some());
    good(&swapped("  - error_rate <= 1%\n", "  - goodput >= 95%\n"));
}

#[test]
fn a_ramp_has_two_names() {
    let rate = good(&swapped("  - {concurrency: 1}", "  - {rate: {from: 1, to: 20}, duration: 10s}"));
    let ramps = good(&swapped("  - {concurrency: 1}", "  - {ramps: {from: 1, to: 20}, duration: 10s}"));
    assert_eq!(rate.loads, ramps.loads);
}

fn swapped(line: &str, instead: &str) -> String {
    assert!(GOOD.contains(line), "{line} is not in the suite");
    GOOD.replace(line, instead)
}

/// What is said of the suite with one line replaced.
fn told(line: &str, instead: &str) -> String {
    match load(&swapped(line, instead), &[("cases.csv", "id,tikcet\na,b\n"), ("bad.jsonl", "{\"id\": 1}\n{\"id\"\n")]) {
        Ok(_) => format!("`{instead}` was accepted\n"),
        Err(problems) => problems.to_string(),
    }
}

/// Where a mistake is made, and what is written there.
const MISTAKES: &[(&str, &str)] = &[
    ("graders:", "grader:"),
    ("    sim: {profile: seed-2.0-mini}", "    sim: {profile: seed-2.0-mini}\n    promt: x"),
    ("modes: [low]", "modes: [lwo]"),
    ("modes: [low]", "modes: [galactic]"),
    ("modes: [low]", "modes: [low, low]"),
    ("{{ ticket }}", "{{ tikcet }}"),
    ("{{ ticket }}", "{{ ticket"),
    ("    user: \"Classify: {{ ticket }}\"", "    user: {{ ticket }}"),
    ("    user: \"Classify: {{ ticket }}\"", "    system: hello"),
    ("    user: \"Classify: {{ ticket }}\"", "    user: hello\n    tool_choice: required"),
    ("  - {concurrency: 1}", "  - {concurrency: 0}"),
    ("  - {concurrency: 1}", "  - {concurrency: 1}\n  - {concurrency: 1, requests: 9}"),
    ("  - {concurrency: 1}", "  - {concurrency: 8, requests: 100, duration: 60s}"),
    ("  - {concurrency: 1}", "  - {rate: -5, duration: 60s}"),
    ("  - {concurrency: 1}", "  - {rate: 5, duration: 60}"),
    ("  - {concurrency: 1}", "  - {rate: 5, concurrency: 2}"),
    ("  - {concurrency: 1}", "  - {rate: 5, arrivals: poison, duration: 5s}"),
    ("  - {concurrency: 1}", "  - {rate: 5, arrivals: {gamma: 0}, duration: 5s}"),
    ("  - {concurrency: 1}", "  - {rate: 100000, duration: 10h}"),
    ("  - error_rate <= 1%", "  - p95(tfft) <= 400ms"),
    ("  - error_rate <= 1%", "  - p95(ttft) <= 400"),
    ("  - error_rate <= 1%", "  - p95(ttft) <= 400ms for mode=hihg"),
    ("  - error_rate <= 1%", "  - score.helpful >= 0.8"),
    (
        "    sim: {profile: seed-2.0-mini}",
        "    base_url: http://127.0.0.1:9/v1\n    protocol: openai-chat\n    model: m\n    modes: {low: {reasoning_effort: low}}\n    price: 0.25",
    ),
    (
        "    sim: {profile: seed-2.0-mini}",
        "    base_url: http://127.0.0.1:9/v1\n    protocol: openai-chat\n    model: m\n    modes: {low: {}}\n    key_env: sk-proj-0123456789abcdefABCDEF",
    ),
    (
        "    sim: {profile: seed-2.0-mini}",
        "    base_url: http://127.0.0.1:9/v1\n    protocol: openai-chat\n    model: m\n    modes: {low: {}}\n    key: sk-proj-0123456789abcdefABCDEF",
    ),
    ("  - exact: {ignore_case: true}", "  - exat: {ignore_case: true}"),
    ("  - exact: {ignore_case: true}", "  - exact: {ignorecase: true}"),
    ("  - exact: {ignore_case: true}", "  - regex: {pattern: '('}"),
    ("  - exact: {ignore_case: true}", "  - exact: {when: easy}"),
    ("  - exact: {ignore_case: true}", "  - exact: {}\n  - exact: {}"),
    ("  - {id: refund,", "  - {id: a, vars: {ticket: x}, expect: y}\n  - {id: a,"),
    ("  - {id: refund, vars: {ticket: money back}, expect: billing}", "  - file: ../cases.jsonl"),
    ("  - {id: refund, vars: {ticket: money back}, expect: billing}", "  - file: cases.csv"),
    ("  - {id: refund, vars: {ticket: money back}, expect: billing}", "  - file: bad.jsonl"),
    ("  - {id: refund, vars: {ticket: money back}, expect: billing}", "  - file: cases.txt"),
    ("  - {id: refund, vars: {ticket: money back}, expect: billing}", "  - {id: r, vars: {ticket: x}}"),
    ("name: triage", "name: triage\nname: again"),
    ("name: triage", "name: triage\nrepeats: many"),
    ("name: triage", "name: triage\nsalt: yes"),
    ("name: triage", "name: triage\nbudget: 2.00"),
    ("name: triage", "name: triage\ntimeout: {total: 0s}"),
    ("name: triage", "name: triage\nretry: {max_attempts: 0}"),
    ("temperature: 0,", "temperature: .nan,"),
    ("temperature: 0,", "temprature: 0,"),
    ("temperature: 0, max_tokens: 100", "temperature: hot, top_p: 3, max_tokens: -1, stop: 7"),
    ("  - exact: {ignore_case: true}", "  - exacct"),
    ("slos:", "compare: {baseline: low}\nslos:"),
    ("  - error_rate <= 1%", "  - p95(ttft) <= 400 parsecs"),
    ("targets:", "targets: ["),
    (
        "graders:\n  - exact: {ignore_case: true}\nloads:\n  - {concurrency: 1}",
        "loads:\n  - {concurrency: 1, until: {pass_rate: 5%}}\n  - {concurrency: 2, until: {p50(itl): 5%}}\n  - {concurrency: 4, until: {mean(cost_usd): 5%}}",
    ),
    (
        "graders:\n  - exact: {ignore_case: true}\nloads:\n  - {concurrency: 1}\nslos:\n  - error_rate <= 1%",
        "loads:\n  - {concurrency: 1}\nslos: [score.foo >= 90%]",
    ),
    ("  - {concurrency: 1}", "  - {rate: 5, ramps: {from: 1, to: 20}, duration: 60s}"),
    ("slos:\n  - error_rate <= 1%\n", "abort_on: certain miss\n"),
];

#[test]
fn people_are_told_where_and_what() {
    let told: Vec<String> = MISTAKES.iter().map(|(line, instead)| told(line, instead)).collect();
    insta::assert_snapshot!(told.join("\n----\n\n"));
}

#[test]
fn all_mistakes_come_at_once() {
    let text = swapped("modes: [low]", "modes: [lwo]")
        .replace("error_rate <= 1%", "eror_rate <= 1%")
        .replace("{concurrency: 1}", "{concurrency: -1}");
    let Err(Problems(problems)) = load(&text, &[]) else { panic!("accepted") };
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [5, 15, 17]);
}

#[test]
fn a_key_is_never_shown() {
    for (line, instead) in MISTAKES.iter().filter(|(_, instead)| instead.contains("sk-proj")) {
        let told = told(line, instead);
        assert!(!told.contains("0123456789abcdef") && told.contains("****"), "{told}");
    }
}

#[test]
fn a_good_suite_becomes_the_same_plan_every_time() {
    let plan = |text: &str, filters: &Filters| expand(&good(text), filters).unwrap();
    let all = Filters::default();
    let first = plan(GOOD, &all);
    assert_eq!((first.cells.len(), first.cases.len()), (1, 1));
    assert_eq!(format!("{first:?}"), format!("{:?}", plan(GOOD, &all)));
    let seeded = plan(GOOD, &Filters { seed: Some(8), ..all });
    assert_eq!((seeded.seed, &seeded.hash), (8, &first.hash));
}

#[test]
fn another_grader_moves_no_arrival() {
    let open = swapped("  - {concurrency: 1}", "  - {rate: 50, duration: 10s}");
    let more = open.replace("  - exact: {ignore_case: true}", "  - exact: {ignore_case: true}\n  - json: {}");
    let arrivals = |text: &str| expand(&good(text), &Filters::default()).unwrap().segments;
    assert_eq!(arrivals(&open), arrivals(&more));
    assert!(arrivals(&open)[0].arrivals.len() > 300);
}

#[test]
fn words_stay_what_the_author_wrote() {
    let words = ["yes", "no", "on", "off", "y", "n", "1e3", "0x1F", "null", "~", "2024-01-01", "1.50", "007"];
    for word in words {
        let text = swapped("{ticket: money back}, expect: billing", &format!("{{ticket: {word}}}, expect: {word}"));
        let suite = good(&text);
        assert_eq!(suite.cases[0].expect.as_ref().unwrap().text(), word);
        let conversation = &suite.conversations[&suite.prompts[0]][0];
        assert_eq!(
            conversation.turns[0][0],
            crate::domain::Message::text(crate::domain::Role::User, format!("Classify: {word}"))
        );
    }
}

#[test]
fn filters_cut_and_name_what_is_missing() {
    let suite = good(&swapped(
        "  - {id: refund,",
        "  - {id: other, vars: {ticket: x}, expect: y, tags: [hard]}\n  - {id: refund,",
    ));
    let only = |filters: Filters| expand(&suite, &filters).map(|plan| plan.cases.len());
    assert_eq!(only(Filters { cases: vec!["ref*".into()], ..Filters::default() }), Ok(1));
    assert_eq!(only(Filters { tags: vec!["hard".into()], ..Filters::default() }), Ok(1));
    let wrong =
        Filters { modes: vec!["lwo".into()], targets: vec!["x".into()], concurrency: vec![0], ..Filters::default() };
    let problems = only(wrong).unwrap_err();
    assert_eq!(problems.len(), 3);
    assert!(problems.iter().any(|problem| problem.help == "did you mean `low`?"));
    let levels = Filters { concurrency: vec![1, 8], repeats: Some(3), ..Filters::default() };
    let plan = expand(&suite, &levels).unwrap();
    assert_eq!(plan.cells.iter().map(|cell| cell.load.id.as_str()).collect::<Vec<_>>(), ["c1", "c8"]);
    assert_eq!(plan.n_trials(crate::domain::Phase::Measure), 12);
}

#[test]
fn the_first_suite_holds() {
    let suite = good(super::init::INIT_TEXT);
    let plan = expand(&suite, &Filters::default()).unwrap();
    let forecast = super::explain::forecast(&suite, &plan);
    assert_eq!((forecast.cells.len(), forecast.requests), (4, 240));
}

#[test]
fn a_conversation_may_let_the_model_answer() {
    let messages = "    messages:
      - {role: system, content: Be kind.}
      - {role: user, content: \"{{ ticket }}\"}
      - {role: assistant, generate: true}
      - {role: user, content: [{text: And now?}]}";
    let suite = good(&swapped("    user: \"Classify: {{ ticket }}\"", messages));
    let conversation = &suite.conversations[&suite.prompts[0]][0];
    assert_eq!(conversation.turns.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_loader_panic(bytes in any::<Vec<u8>>()) {
        let memory = Memory(BTreeMap::from([("suite.yaml".to_owned(), Arc::from(bytes))]));
        let _ = load_from(&memory, "suite.yaml", "suite.yaml", &CATALOG).map_err(|problems| problems.to_string());
    }

    #[test]
    fn nor_does_a_good_suite_with_a_wound(at in 0usize..400, cut in 0usize..12, put in "[-:{}\\[\\]&*!|>'\"%@`#,?~ \n\ta0.]{0,4}") {
        let start = (0..=at.min(GOOD.len())).rev().find(|&i| GOOD.is_char_boundary(i)).unwrap_or(0);
        let end = (start + cut).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..start], &GOOD[end..]);
        if let Ok(suite) = load(&text, &[]) {
            let _ = expand(&suite, &Filters::default());
        }
    }
}
