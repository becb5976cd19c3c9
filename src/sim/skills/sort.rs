//! Sorting: numbers or words from a list in the prompt, in the order it names.

use std::cmp::Ordering;

use super::Question;
use super::style::dress;
use crate::domain::random::Stream;

/// Answers with the sorted list.
pub(super) fn answer(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let lower = question.all.to_lowercase();
    if !["sort", "order the", "arrange", "rank these", "put these"].iter().any(|word| lower.contains(word)) {
        return None;
    }
    if lower.contains("function") || lower.contains("code") {
        return None;
    }
    let (mut items, bracketed) = list(question.text)?;
    items.sort_by(|a, b| order(a, b));
    if ["descend", "reverse", "largest first", "highest first", "z to a", "largest to smallest", "high to low"]
        .iter()
        .any(|word| lower.contains(word))
    {
        items.reverse();
    }
    if slip {
        let last = items.len() - 1;
        items.swap(last - 1, last);
    }
    let joined =
        if lower.contains("one per line") || lower.contains("each on") { items.join("\n") } else { items.join(", ") };
    let shown = if bracketed { format!("[{joined}]") } else { joined };
    Some(dress(question, &shown, &shown))
}

fn order(a: &str, b: &str) -> Ordering {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.to_lowercase().cmp(&b.to_lowercase()),
    }
}

/// The longest run of items with commas between, inside brackets or a sentence; or the lines of a bulleted list.
fn list(text: &str) -> Option<(Vec<String>, bool)> {
    if let Some((inner, _)) = text.split_once('[').and_then(|(_, tail)| tail.split_once(']')) {
        let items = split(inner);
        if items.len() >= 2 {
            return Some((items, true));
        }
    }
    let bullets: Vec<String> =
        text.lines().filter_map(|line| line.trim().strip_prefix("- ")).map(|item| item.trim().to_owned()).collect();
    if bullets.len() >= 2 {
        return Some((bullets, false));
    }
    let sentences = text.split(['\n', ':', ';', '?']).flat_map(|part| part.split(". "));
    let items = sentences.map(split).max_by_key(Vec::len).filter(|items| items.len() >= 2)?;
    Some((items, false))
}

fn split(text: &str) -> Vec<String> {
    text.split(',')
        .flat_map(|part| part.split(" and "))
        .map(|item| {
            item.trim().trim_end_matches('.').trim_start_matches("and ").trim_matches(['"', '\'', '`']).to_owned()
        })
        .filter(|item| !item.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found_and_sorted() {
        let rows = [
            ("Sort ascending: 10, 9, 2.5, -1. Only the list.", "-1, 2.5, 9, 10"),
            ("Sort [3, 1, 2] in descending order.", "[3, 2, 1]"),
            ("Sort these words alphabetically: pear, Apple and fig", "Apple, fig, pear"),
            ("Arrange from largest to smallest:\n- 5\n- 70\n- 6", "70, 6, 5"),
        ];
        for (text, sorted) in rows {
            let question = Question { text, all: text.to_owned(), context: String::new() };
            assert_eq!(answer(&question, false, &mut Stream::new(1, "x")).as_deref(), Some(sorted), "{text}");
        }
    }
}
