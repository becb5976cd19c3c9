//! Token counts as servers send them, made comparable.

use serde_json::Value;

use crate::domain::Flag;
use crate::domain::JsonText;
use crate::domain::TokenSource;
use crate::domain::Usage;
use crate::domain::Usd;

/// No request has more tokens than this; larger counts are nonsense.
const ABSURD: f64 = 1e9;
/// No provider bills more for one request, in USD.
const ABSURD_COST: f64 = 1e5;

/// The counts of one usage object, read by path.
#[derive(Debug)]
pub(super) struct Counts<'v> {
    object: &'v Value,
    flags: Vec<Flag>,
}

impl<'v> Counts<'v> {
    /// Reads from `object`.
    pub(super) fn of(object: &'v Value) -> Self {
        Self { object, flags: Vec::new() }
    }

    /// The count at the first of `paths` (JSON pointers) that is there; tolerant of its type, never of its size.
    fn count(&mut self, paths: &[&str]) -> Option<u64> {
        let value = paths.iter().find_map(|path| self.object.pointer(path).filter(|value| !value.is_null()))?;
        if let Some(count) = value.as_u64().filter(|&count| count as f64 <= ABSURD) {
            return Some(count);
        }
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let whole = number.filter(|n| n.fract() == 0.0 && (0.0..=ABSURD).contains(n));
        self.flags.push(if whole.is_some() { Flag::UsageCoerced } else { Flag::UsageDropped });
        whole.map(|n| n as u64)
    }

    fn cost(&mut self, path: &str) -> Option<Usd> {
        let value = self.object.pointer(path)?;
        let usd = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        (0.0..=ABSURD_COST).contains(&usd).then(|| Usd::from_f64(usd))
    }
}

/// Normalises the usage of chat completions, Responses and their many clones: input includes what was cached and
/// output includes reasoning already.
pub(super) fn openai(object: &Value) -> (Usage, Vec<Flag>) {
    let mut counts = Counts::of(object);
    let usage = Usage {
        input: counts.count(&["/prompt_tokens", "/input_tokens"]),
        cached: counts.count(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
            "/cached_tokens",
        ]),
        cache_write: counts
            .count(&["/prompt_tokens_details/cache_write_tokens", "/input_tokens_details/cache_write_tokens"]),
        output: counts.count(&["/completion_tokens", "/output_tokens"]),
        reasoning: counts.count(&[
            "/completion_tokens_details/reasoning_tokens",
            "/output_tokens_details/reasoning_tokens",
            "/reasoning_tokens",
        ]),
        billed: counts.cost("/cost"),
        raw: Some(JsonText::new(object)),
        source: TokenSource::Provider,
    };
    (usage, counts.flags)
}

/// Normalises the usage of Anthropic messages, whose `input_tokens` leave out what the cache served or took.
pub(super) fn anthropic(object: &Value) -> (Usage, Vec<Flag>) {
    let mut counts = Counts::of(object);
    let fresh = counts.count(&["/input_tokens"]);
    let cached = counts.count(&["/cache_read_input_tokens"]);
    let written = counts.count(&["/cache_creation_input_tokens"]);
    let usage = Usage {
        input: fresh.map(|n| n + cached.unwrap_or(0) + written.unwrap_or(0)),
        cached,
        cache_write: written,
        output: counts.count(&["/output_tokens"]),
        reasoning: counts.count(&["/output_tokens_details/thinking_tokens", "/output_tokens_details/reasoning_tokens"]),
        billed: counts.cost("/cost"),
        raw: Some(JsonText::new(object)),
        source: TokenSource::Provider,
    };
    (usage, counts.flags)
}

/// Whether a later count is smaller than an earlier one, as cumulative counts never are.
pub(super) fn shrank(earlier: &Usage, later: &Usage) -> bool {
    let pairs = [(earlier.input, later.input), (earlier.output, later.output), (earlier.reasoning, later.reasoning)];
    pairs.into_iter().any(|(before, after)| matches!((before, after), (Some(before), Some(after)) if after < before))
}

/// Drops an output count that the visible text contradicts: no text is made of no token, and no tokenizer makes four
/// tokens of a character.
///
/// The latter only where the server tells reasoning apart; hidden reasoning that is merely billed may be of any length.
pub(super) fn drop_absurd(usage: &mut Usage, visible_chars: u64) -> bool {
    let Some(output) = usage.output else { return false };
    let none = output == 0 && visible_chars > 0;
    let many = usage.reasoning.is_some_and(|reasoning| output.saturating_sub(reasoning) > 4 * visible_chars + 1000);
    let absurd = none || many;
    if absurd {
        usage.output = None;
    }
    absurd
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Counts of other types than integers: read where they are whole, dropped where they are nonsense.
    #[test]
    fn counts_are_read_with_care() {
        let rows = [
            (json!(12), Some(12), None),
            (json!(12.0), Some(12), Some(Flag::UsageCoerced)),
            (json!("12"), Some(12), Some(Flag::UsageCoerced)),
            (serde_json::from_str("1e3").unwrap(), Some(1000), Some(Flag::UsageCoerced)),
            (json!(-1), None, Some(Flag::UsageDropped)),
            (serde_json::from_str("18446744073709551616").unwrap(), None, Some(Flag::UsageDropped)),
            (json!(2_000_000_000u64), None, Some(Flag::UsageDropped)),
            (json!(12.5), None, Some(Flag::UsageDropped)),
            (json!({}), None, Some(Flag::UsageDropped)),
            (json!(null), None, None),
        ];
        for (count, expected, flag) in rows {
            let (usage, flags) = openai(&json!({"completion_tokens": count.clone()}));
            assert_eq!((usage.output, flags.first().copied()), (expected, flag), "{count}");
        }
        assert_eq!(openai(&json!({})).0.output, None);
    }

    #[test]
    fn both_families_count_the_same_things() {
        let (chat, _) = openai(&json!({
            "prompt_tokens": 38, "completion_tokens": 40, "cost": 0.00012,
            "prompt_tokens_details": {"cached_tokens": 37}, "completion_tokens_details": {"reasoning_tokens": 32},
        }));
        let (messages, _) = anthropic(&json!({
            "input_tokens": 1, "cache_read_input_tokens": 37, "output_tokens": 40,
            "output_tokens_details": {"thinking_tokens": 32},
        }));
        for usage in [&chat, &messages] {
            assert_eq!(
                (usage.input, usage.cached, usage.output, usage.reasoning),
                (Some(38), Some(37), Some(40), Some(32))
            );
        }
        assert_eq!(chat.billed.unwrap().to_string(), "0.00012");
    }

    #[test]
    fn a_text_of_no_token_is_no_count() {
        let none = || Usage { input: Some(0), output: Some(0), ..Usage::default() };
        let (mut with_text, mut without) = (none(), none());
        assert!(drop_absurd(&mut with_text, 5) && !drop_absurd(&mut without, 0));
        assert_eq!((with_text.output, without.output), (None, Some(0)));
    }

    #[test]
    fn more_tokens_than_text_allows_are_no_count() {
        let mut told = Usage { output: Some(100_000), reasoning: Some(10), ..Usage::default() };
        assert!(drop_absurd(&mut told, 5));
        assert_eq!(told.output, None);
        let mut hidden = Usage { output: Some(100_000), ..Usage::default() };
        assert!(!drop_absurd(&mut hidden, 5));
    }
}
