//! Comparisons by the binary: known answers from recorded outcomes, arms of a run, gates, refusals, forms for CI.
//!
//! The expected figures were computed with `scipy` 1.17 and `statsmodels` 0.15 from the same formulas of the case number
//! that stand here: discordant pairs by `binom`, Tango by root finding on the score statistic, Wilson by `proportion_confint`,
//! clusters by `OLS` with `cov_type="cluster"`, t by `ttest_1samp`, bootstraps by 200,000 and more resamples of
//! `scipy.stats.bootstrap`.

use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::desk::Desk;
use crate::desk::line;

/// Holds figures against their expectations, given as paths below `line`, to six digits.
#[track_caller]
fn agree(line: &Value, expected: &[(&str, f64)]) {
    for (path, wanted) in expected {
        let got = line.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {line}"));
        assert!((got - wanted).abs() <= 1e-6 * wanted.abs().max(1e-3), "{path}: {got} instead of {wanted}");
    }
}

fn answer(pass: bool) -> &'static str {
    if pass { "yes" } else { "no" }
}

fn baseline_passes(i: u32) -> bool {
    37 * i % 100 < 80
}

fn candidate_passes(i: u32) -> bool {
    if i % 9 == 4 { 53 * i % 100 < 60 } else { baseline_passes(i) }
}

fn yes(n: u32, more: impl Fn(u32) -> Value) -> Vec<Value> {
    let case = |i| {
        let mut case = json!({ "id": format!("c{i}"), "vars": {"q": format!("{i}")}, "expect": "yes" });
        case.as_object_mut().unwrap().extend(more(i).as_object().unwrap().clone());
        case
    };
    (0..n).map(case).collect()
}

fn said(n: u32, pass: impl Fn(u32) -> bool) -> Vec<Value> {
    (0..n).map(|i| json!({ "case": format!("c{i}"), "response": answer(pass(i)) })).collect()
}

#[test]
fn passes_agree_with_the_reference() {
    let desk = Desk::new();
    desk.suite("s", "exact: {}", &yes(200, |_| json!({})));
    desk.grade("s", "a", &said(200, baseline_passes));
    desk.grade("s", "b", &said(200, candidate_passes));
    let (found, exit) = desk.compare(&["a", "b"]);
    let pass = line(&found, "pass_rate", "all");
    assert_eq!((&pass["b"], &pass["c"], &pass["n_pairs"]), (&json!(1), &json!(8), &json!(200)));
    let expected = [
        ("/p_value", 0.021_484_375),
        ("/p_exact", 0.039_062_5),
        ("/difference/value", -0.035),
        ("/difference/low", -0.072_661_283_358_218_93),
        ("/difference/high", -0.007_230_943_373_880_192),
        ("/baseline/low", 0.739_144_813_434_621_2),
        ("/baseline/high", 0.849_547_990_739_018_9),
        ("/candidate/low", 0.701_586_311_172_374_6),
        ("/candidate/high", 0.818_425_665_847_674_1),
    ];
    agree(pass, &expected);
    assert_eq!((pass["verdict"].as_str(), exit, found["exit"].as_i64()), (Some("regressed"), 1, Some(1)));
    // Both answers stand beside a flip.
    assert_eq!(found["flips"][0]["baseline_answer"], "yes");
    assert_eq!(found["flips"][0]["candidate_answer"], "no");
}

#[test]
fn clusters_agree_with_the_reference() {
    let desk = Desk::new();
    desk.suite("s", "exact: {}", &yes(200, |i| json!({ "cluster": format!("g{}", i % 24) })));
    desk.grade("s", "a", &said(200, baseline_passes));
    desk.grade("s", "b", &said(200, candidate_passes));
    let (found, _) = desk.compare(&["a", "b"]);
    let pass = line(&found, "pass_rate", "all");
    assert_eq!(pass["test"], "cr1-t");
    let expected = [
        ("/p_value", 0.089_978_403_617_408_3),
        ("/difference/low", -0.075_904_874_284_120_46),
        ("/difference/high", 0.005_904_874_284_120_454),
    ];
    agree(pass, &expected);
}

#[test]
fn repeats_agree_with_the_reference() {
    let desk = Desk::new();
    desk.suite("s", "exact: {}", &yes(200, |_| json!({})));
    let repeated = |step: u32, below: u32| -> Vec<Value> {
        let one = |i: u32, k: u32| json!({ "case": format!("c{i}"), "repeat": k, "response": answer((31 * i + step * k) % 100 < below) });
        (0..200).flat_map(|i| (0..3).map(move |k| one(i, k))).collect()
    };
    desk.grade("s", "a", &repeated(17, 70));
    desk.grade("s", "b", &repeated(29, 62));
    let (found, _) = desk.compare(&["a", "b"]);
    let pass = line(&found, "pass_rate", "all");
    let expected = [
        ("/difference/value", -0.08),
        ("/p_value", 4.734_423_393_629_396e-5),
        ("/difference/low", -0.117_923_613_271_779_76),
        ("/difference/high", -0.042_076_386_728_220_24),
    ];
    agree(pass, &expected);
    assert_eq!((pass["test"].as_str(), pass["n_pairs"].as_u64()), (Some("paired-t"), Some(200)));
}

/// F1 of the first k of five words is 2k / (k + 5): t from thirty cases on, permutation and `BCa` below.
#[test]
fn scores_agree_with_the_reference() {
    let words = ["red", "blue", "green", "pink", "gold"];
    let (a, b) =
        (|i: u32| 1 + 7 * i % 5, |i: u32| 1 + (7 * i % 5 + if i % 4 == 1 { 2 } else { 0 } + u32::from(i % 7 == 3)) % 5);
    for n in [60, 14] {
        let desk = Desk::new();
        let cases: Vec<Value> =
            (0..n).map(|i| json!({ "id": format!("c{i}"), "vars": {"q": "q"}, "expect": words.join(" ") })).collect();
        desk.suite("s", "f1: {}", &cases);
        let said = |k: &dyn Fn(u32) -> u32| -> Vec<Value> {
            let response = |i| words[..k(i) as usize].join(" ");
            (0..n).map(|i| json!({ "case": format!("c{i}"), "response": response(i) })).collect()
        };
        desk.grade("s", "a", &said(&a));
        desk.grade("s", "b", &said(&b));
        let (found, _) = desk.compare(&["a", "b"]);
        let score = line(&found, "score", "all");
        if n == 60 {
            let expected = [
                ("/difference/value", 0.010_119_047_619_047_618),
                ("/p_value", 0.733_779_252_361_766_1),
                ("/difference/low", -0.049_135_435_073_871_754),
                ("/difference/high", 0.069_373_530_311_967),
            ];
            agree(score, &expected);
            assert_eq!(score["p_value"], line(&found, "pass_rate", "all")["p_value"], "scores alone are the pass rate");
        } else {
            agree(score, &[("/difference/value", 0.060_374_149_659_863_94), ("/p_value", 0.375)]);
            let limit = |key: &str| score["difference"][key].as_f64().unwrap();
            assert!((limit("low") + 0.084_18).abs() < 0.006 && (limit("high") - 0.155_33).abs() < 0.006, "{score}");
        }
    }
}

#[test]
fn times_and_tokens_agree_with_the_reference() {
    let desk = Desk::new();
    desk.suite("s", "exact: {}", &yes(120, |_| json!({})));
    let first = |i: u32| f64::from(100 + 17 * i % 90);
    let second = |i: u32| (first(i) * (1.0 + (f64::from(29 * i % 21) - 8.0) / 100.0) * 1000.0).round() / 1000.0;
    let said = |ttft: &dyn Fn(u32) -> f64, tokens: &dyn Fn(u32) -> u32| -> Vec<Value> {
        let one = |i: u32| {
            json!({ "case": format!("c{i}"), "response": "yes", "ttft_ms": ttft(i), "e2e_ms": ttft(i) + 50.0,
                    "usage": {"prompt_tokens": 10, "completion_tokens": tokens(i)} })
        };
        (0..120).map(one).collect()
    };
    desk.grade("s", "a", &said(&first, &|i| 40 + 11 * i % 60));
    desk.grade("s", "b", &said(&second, &|i| 38 + 13 * i % 58));
    let (found, _) = desk.compare(&["a", "b"]);
    let expected = [
        ("/ratio/value", 1.017_935_343_940_028_5),
        ("/p_value", 0.001_517_647_879_140_875),
        ("/ratio/low", 1.006_958_485_852_096_6),
        ("/ratio/high", 1.029_031_860_797_587_5),
    ];
    agree(line(&found, "ttft", "all"), &expected);
    let tail = line(&found, "p90(ttft)", "all");
    agree(tail, &[("/ratio/value", 1.018_111_111_111_111)]);
    let tokens = line(&found, "output_tokens", "all");
    agree(tokens, &[("/ratio/value", 0.952_517_985_611_510_8)]);
    for (line, low, high) in [(tail, 0.976_76, 1.065_09), (tokens, 0.893_03, 1.016_22)] {
        let limit = |key: &str| line["ratio"][key].as_f64().unwrap();
        assert!((limit("low") / low - 1.0).abs() < 0.01 && (limit("high") / high - 1.0).abs() < 0.01, "{line}");
    }
}

#[test]
fn slices_that_were_asked_for_gate_and_others_explore() {
    let desk = Desk::new();
    let tagged =
        |i: u32| json!({ "tags": [if i % 9 == 4 { "odd" } else { "even" }], "cluster": format!("g{}", i % 12) });
    desk.suite("s", "exact: {}", &yes(240, tagged));
    desk.grade("s", "a", &said(240, baseline_passes));
    desk.grade(
        "s",
        "b",
        &said(240, |i| if i % 9 == 4 { i % 2 == 0 && baseline_passes(i) } else { baseline_passes(i) }),
    );
    let (plain, _) = desk.compare(&["a", "b"]);
    let explored = line(&plain, "pass_rate", "tag=odd");
    assert_eq!(explored["gate"], false);
    assert_eq!(line(&plain, "pass_rate", "all")["gate"], true);
    let (asked, _) = desk.compare(&["a", "b", "--by", "tag", "--by", "cluster"]);
    assert_eq!(line(&asked, "pass_rate", "tag=odd")["gate"], true);
    let cluster = line(&asked, "pass_rate", "cluster=g4");
    assert_eq!((cluster["gate"].as_bool(), cluster["test"].as_str()), (Some(true), Some("mcnemar-mid-p")));
    let gate: Vec<&Value> = asked["comparisons"].as_array().unwrap().iter().filter(|one| one["gate"] == true).collect();
    assert_eq!(gate.len(), 1 + 2 + 12);
    for one in gate {
        assert!(one["p_adjusted"].as_f64() >= one["p_value"].as_f64(), "{one}");
    }
}

#[test]
fn what_would_mislead_is_refused_or_listed() {
    let desk = Desk::new();
    let cases = yes(20, |_| json!({}));
    desk.suite("s", "exact: {}", &cases);
    desk.suite("lax", "exact: {ignore_case: true}", &cases);
    desk.grade("s", "a", &said(20, |_| true));
    let refused = |arguments: &[&str], why: &str| {
        let output = desk.llmark(&[&["compare"], arguments].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(why), "{told}");
    };
    desk.grade("lax", "graded-otherwise", &said(20, |_| true));
    refused(&["a", "graded-otherwise"], "grader `exact` is version");
    let renamed: Vec<Value> = yes(20, |i| json!({ "id": format!("other-{i}") }));
    desk.suite("renamed", "exact: {}", &renamed);
    let others: Vec<Value> = (0..20).map(|i| json!({ "case": format!("other-{i}"), "response": "yes" })).collect();
    desk.grade("renamed", "other-cases", &others);
    refused(&["a", "other-cases"], "share no case");
    desk.suite("expecting", "exact: {}", &yes(20, |_| json!({ "expect": "no" })));
    desk.grade("expecting", "other-expectations", &said(20, |_| true));
    refused(&["a", "other-expectations"], "all 20 shared cases have changed");
    refused(&["a", "a", "--margin", "0"], "margin");
    // Another seed is no other grader.
    let text = fs::read_to_string(desk.path().join("s.yaml")).unwrap();
    desk.write("s.yaml", &text.replace("seed: 11", "seed: 12"));
    desk.grade("s", "other-seed", &said(20, |_| true));
    desk.write("s.yaml", &text);
    assert_eq!(desk.compare(&["a", "other-seed"]).0["verdict"], "inconclusive", "twenty equal pairs are too few");
    refused(&["a", "a:mode=high"], "no cell that matches `mode=high`");
    // Single cases that differ are left out and listed.
    let some: Vec<Value> = yes(21, |i| if i == 3 { json!({ "expect": "no" }) } else { json!({}) }).split_off(1);
    desk.suite("some", "exact: {}", &some);
    desk.grade("some", "b", &said(21, |_| true).split_off(1));
    let (found, _) = desk.compare(&["a", "b"]);
    assert_eq!(line(&found, "pass_rate", "all")["n_pairs"], 18);
    let notes = found["notes"].to_string();
    for expected in [
        "only in the baseline, left out: 1 (c0)",
        "only in the candidate, left out: 1 (c20)",
        "expectation, left out: 1 (c3)",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
    // A changed prompt is what people compare: it is said, not refused.
    let text = fs::read_to_string(desk.path().join("s.yaml")).unwrap();
    desk.write("s.yaml", &text.replace("{{ q }}", "Please: {{ q }}"));
    desk.grade("s", "asked-otherwise", &said(20, |_| true));
    let (found, _) = desk.compare(&["a", "asked-otherwise"]);
    assert!(found["notes"].to_string().contains("the conversation of 20 cases differs"), "{found}");
}

#[test]
fn forms_for_ci() {
    let desk = Desk::new();
    desk.suite("s", "exact: {}", &yes(200, |_| json!({})));
    desk.grade("s", "a", &said(200, baseline_passes));
    let hostile = |i: u32| if candidate_passes(i) { "yes" } else { "<img src=x> | ::error::" };
    let answers: Vec<Value> = (0..200).map(|i| json!({ "case": format!("c{i}"), "response": hostile(i) })).collect();
    desk.grade("s", "b", &answers);
    let told = |form: &str| {
        let output = desk.llmark(&["compare", "a", "b", "--format", form]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    let md = told("md");
    assert!(md.starts_with("### regressed") && md.contains("| pass\\_rate | all |"), "{md}");
    assert!(!md.contains("<img") && !md.contains("\n::"), "{md}");
    let junit = told("junit");
    assert!(junit.contains("failures=\"1\" errors=\"0\"") && junit.contains("<failure type=\"regressed\""), "{junit}");
    let saved = desk.llmark(&["compare", "a", "b", "--save-baseline", "main", "--json"]);
    assert_eq!(saved.status.code(), Some(1), "the verdict stays");
    let (against, exit) = desk.compare(&["main", "b"]);
    assert_eq!((line(&against, "pass_rate", "all")["c"].as_u64(), exit), (Some(0), 0));
}
