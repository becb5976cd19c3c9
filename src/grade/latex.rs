//! LaTeX and plain text in one form, for comparison.

use std::sync::LazyLock;

use regex::Captures;
use regex::Regex;

/// LaTeX dress, units and blanks taken off.
pub(super) fn normal(text: &str) -> String {
    let text = text.trim().trim_end_matches('.').trim_matches('$').trim();
    let mut text = rewritten(&MIXED, text, |found| format!("{}\\frac{{{}}}{{{}}}", &found[1], &found[2], &found[3]));
    for (from, to) in [
        // A new row of a matrix, before its backslashes are taken for blanks.
        ("\\\\", ";"),
        ("{,}", ","),
        ("\\left", ""),
        ("\\right", ""),
        ("\\!", ""),
        ("\\,", ""),
        ("\\;", ""),
        ("\\:", ""),
        ("\\ ", ""),
        ("~", ""),
        ("\\$", ""),
        ("$", ""),
        ("\\(", ""),
        ("\\)", ""),
        ("\\[", ""),
        ("\\]", ""),
        ("\\dfrac", "\\frac"),
        ("\\tfrac", "\\frac"),
        ("\\cfrac", "\\frac"),
        ("\\%", "%"),
        ("^\\circ", ""),
        ("^{\\circ}", ""),
        ("°", ""),
        ("\\cdot", "*"),
        ("\\times", "*"),
        ("×", "*"),
        ("·", "*"),
        ("÷", "/"),
        ("\\div", "/"),
        ("−", "-"),
        ("–", "-"),
        ("\\geq", "\\ge"),
        ("\\leq", "\\le"),
        ("\\neq", "\\ne"),
        ("≥", "\\ge"),
        ("≤", "\\le"),
        ("≠", "\\ne"),
        ("±", "\\pm"),
        ("∪", "\\cup"),
        ("∅", "\\emptyset"),
        ("\\varnothing", "\\emptyset"),
        ("\\lvert", "|"),
        ("\\rvert", "|"),
        ("\\dbinom", "\\binom"),
        ("\\tbinom", "\\binom"),
        ("√", "\\sqrt"),
        ("π", "\\pi"),
        ("∞", "\\infty"),
        ("\\{", "{"),
        ("\\}", "}"),
        ("**", ""),
        ("dollars", ""),
        ("cents", ""),
    ] {
        text = text.replace(from, to);
    }
    text = plain_words(text).replace(" or ", ",").replace(" and ", ",");
    let text: String = text.split_whitespace().collect();
    let text = rewritten(&INDEX, &text, |found| format!("_{}", &found[1]));
    let text = rewritten(&MATRIX, &text, |found| rows(&found[1]));
    let is_member = |(name, set): &(&str, &str)| is_name(name) && set.starts_with(['(', '[', '{']);
    let named = without_name(&text).or_else(|| text.split_once("\\in").filter(is_member));
    let text = named.map_or(text.as_str(), |(_, right)| right).trim_end_matches('.').to_lowercase();
    match text.as_bytes() {
        [b'(', letter, b')'] if letter.is_ascii_alphabetic() => text[1..2].to_owned(),
        _ => text,
    }
}

/// Words in LaTeX: behind a number they are its unit and go, with a power of theirs; `or` and `and` part a list.
fn plain_words(mut text: String) -> String {
    for command in ["\\text{", "\\textbf{", "\\mathrm{", "\\mbox{", "\\mathbf{"] {
        while let Some(at) = text.find(command) {
            let Some(end) = text[at..].find('}').map(|end| at + end + 1) else { break };
            let word = text[at + command.len()..end - 1].trim().to_owned();
            let is_unit = text[..at].ends_with(|c: char| c.is_ascii_digit() || c == ' ' || c == '}');
            let power = ["^2", "^3", "^{2}", "^{3}"].iter().find(|power| text[end..].starts_with(**power));
            match word.as_str() {
                "or" | "and" => text.replace_range(at..end, ","),
                _ if is_unit => text.replace_range(at..end + power.map_or(0, |power| power.len()), ""),
                word => text.replace_range(at..end, word),
            }
        }
    }
    text
}

/// The name and the value in `x=5`; names have two letters at most.
pub(super) fn without_name(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    (is_name(name) && !value.contains('=')).then_some((name, value))
}

fn is_name(text: &str) -> bool {
    text.len() <= 2 && text.chars().all(char::is_alphabetic)
}

/// The rows of a matrix as tuples.
fn rows(inside: &str) -> String {
    let rows: Vec<String> = inside.split(';').map(|row| format!("({})", row.replace('&', ","))).collect();
    format!("[{}]", rows.join(";"))
}

/// Mixed numbers as `1 1/2`, whose blank means something.
static MIXED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(\d)\s+(\d+)\s*/\s*(\d+)").ok());
/// An index of one character in needless braces.
static INDEX: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"_\{(\w)\}").ok());
/// A matrix; its brackets are a matter of taste.
static MATRIX: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\\begin\{[pb]?matrix\}(.*?)\\end\{[pb]?matrix\}").ok());

fn rewritten(pattern: &LazyLock<Option<Regex>>, text: &str, with: impl Fn(&Captures<'_>) -> String) -> String {
    pattern.as_ref().map_or_else(|| text.to_owned(), |pattern| pattern.replace_all(text, with).into_owned())
}
