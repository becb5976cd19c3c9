//! Objectives: any text is an objective that keeps it, or an error that points into it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use llmark::analyze::slo_expr::parse_slo;

fuzz_target!(|text: &str| {
    match parse_slo(text) {
        Ok(objective) => assert!(objective.bound.is_finite() && objective.text == text),
        Err(error) => assert!(text.get(error.at.clone()).is_some(), "{error:?}"),
    }
});
