//! Classification: labels listed in the prompt, chosen by keywords of the text.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use super::style::dress;
use crate::domain::random::Stream;

/// A list of labels after the words that announce one.
static LIST: LazyLock<Regex> = LazyLock::new(|| {
    let item = r#"[`'"*\[]*[A-Za-z][\w-]*(?: [\w-]+)??[`'"*\]]*"#;
    let last = r#"[`'"*\[]*[A-Za-z][\w-]*(?: [\w-]+[`'"*\]]*[.?!:)\n]|[`'"*\]]*)"#;
    let between = r"\s*(?:,\s*(?:or |and )?|\s\|\s|\||/|;|\s(?:or|and)\s|\n\s*-\s*)\s*";
    Regex::new(&format!(
        r"(?i)\b(?:one of(?: the| these)?(?: following)?(?: \w+)?|labels?|(?:category|categories|classes|class|label)(?: fits| applies| is right)?|options|choose from|choices|either|as|into|is (?:this|it|the)(?: following)?(?: (?:sentiment|tone|mood|text|review|message|ticket|email|comment|sentence))?|with(?: one of)?|which is it)\s*(?:\(|:|are|is)?\s*(?:\n\s*-\s*)?((?:{item}{between})+{last})"
    ))
    .expect("tested")
});
static BETWEEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\s*(?:,|\||/|;|\n\s*-|\bor\b|\band\b)\s*").expect("tested"));

/// Words that speak for a label with this word in its name.
const LEXICON: &[(&str, &[&str])] = &[
    (
        "billing",
        &[
            "refund",
            "charge",
            "invoice",
            "payment",
            "paid",
            "money",
            "card",
            "price",
            "subscription",
            "bill",
            "receipt",
            "fee",
        ],
    ),
    ("payment", &["refund", "charge", "invoice", "paid", "money", "card", "bill"]),
    ("refund", &["money back", "refund", "return my"]),
    (
        "shipping",
        &["parcel", "package", "deliver", "arriv", "tracking", "courier", "shipment", "ship", "postman", "address"],
    ),
    ("delivery", &["parcel", "package", "arriv", "tracking", "courier", "shipment"]),
    (
        "technical",
        &[
            "crash",
            "error",
            "bug",
            "freez",
            "install",
            "screen",
            "update",
            "slow",
            "does not work",
            "broken",
            "app",
            "blue screen",
            "log in",
        ],
    ),
    ("bug", &["crash", "error", "fails", "broken", "freez", "exception", "wrong result"]),
    ("feature", &["would be nice", "please add", "wish", "could you add", "support for", "suggest"]),
    ("account", &["password", "login", "log in", "username", "profile", "sign in", "locked", "email address"]),
    (
        "positive",
        &[
            "love",
            "great",
            "excellent",
            "wonderful",
            "best",
            "happy",
            "perfect",
            "amazing",
            "delight",
            "recommend",
            "fantastic",
            "friendly",
        ],
    ),
    (
        "negative",
        &[
            "terrible",
            "hate",
            "worst",
            "awful",
            "disappoint",
            "bad",
            "broken",
            "waste",
            "never again",
            "rude",
            "poor",
            "boring",
            "useless",
        ],
    ),
    ("neutral", &["arrived on", "is a", "okay", "average", "as described", "contains", "measures", "opens at"]),
    ("spam", &["winner", "prize", "free", "click", "urgent", "lottery", "offer", "congratulations", "cash", "claim"]),
    ("ham", &["meeting", "lunch", "tomorrow", "regards", "thanks", "see you", "agenda", "attached"]),
    ("sport", &["match", "goal", "team", "league", "player", "coach", "won", "cup", "striker", "race"]),
    ("politic", &["election", "minister", "parliament", "vote", "senate", "government", "president", "law"]),
    ("tech", &["software", "chip", "phone", "computer", "startup", "ai", "processor", "crash", "error", "app"]),
    ("business", &["market", "shares", "profit", "revenue", "company", "bank", "economy", "stock"]),
    ("scien", &["research", "study", "planet", "cell", "physic", "experiment", "telescope", "species"]),
    ("health", &["doctor", "hospital", "vaccine", "disease", "patient", "symptom"]),
    ("weather", &["rain", "sun", "snow", "wind", "storm", "degrees", "forecast"]),
    ("urgent", &["now", "immediately", "asap", "down", "outage", "emergency", "production"]),
    ("high", &["outage", "immediately", "down", "all users", "emergency", "security", "data loss"]),
    ("low", &["typo", "whenever", "minor", "cosmetic", "someday", "color"]),
    ("question", &["how do", "how can", "what is", "is it possible", "?"]),
    ("complaint", &["unacceptable", "disappoint", "angry", "terrible", "worst", "again"]),
    ("praise", &["thank", "great", "love", "excellent", "well done"]),
    ("cancel", &["cancel", "terminate", "end my", "unsubscribe"]),
    ("animal", &["dog", "cat", "horse", "bird", "fish", "lion", "elephant"]),
    ("fruit", &["apple", "banana", "cherry", "mango", "pear", "orange"]),
    ("vegetable", &["carrot", "potato", "onion", "spinach", "cabbage"]),
    ("angry", &["furious", "unacceptable", "outrage", "angry"]),
    ("sad", &["cry", "miss", "lonely", "sad", "lost"]),
    ("joy", &["happy", "joy", "delight", "smil"]),
];

/// Answers with a label.
pub(super) fn answer(question: &Question, slip: bool, stream: &mut Stream) -> Option<String> {
    let (labels, text) = labels(&question.all)?;
    let right = best(&labels, &text);
    let pick = if slip { (right + 1 + stream.below(labels.len() as u64 - 1) as usize) % labels.len() } else { right };
    let label = &labels[pick];
    let sentence =
        if question.all.to_lowercase().contains("answer:") { "Judging by its words.".into() } else { label.clone() };
    Some(dress(question, label, &sentence))
}

/// The label that fits `text` best; used for enumerations, too.
pub(super) fn best(labels: &[String], text: &str) -> usize {
    let text = text.to_lowercase();
    let scores: Vec<usize> = labels.iter().map(|label| score(&label.to_lowercase(), &text)).collect();
    let most = scores.iter().copied().max().unwrap_or(0);
    if most == 0 {
        // Nothing speaks for any label: the neutral one, else the last, where `other` mostly stands.
        let neutral = |label: &String| ["neutral", "other", "none", "unknown"].contains(&label.to_lowercase().as_str());
        return labels.iter().position(neutral).unwrap_or(labels.len() - 1);
    }
    scores.iter().position(|score| *score == most).unwrap_or(0)
}

fn score(label: &str, text: &str) -> usize {
    let own = label.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2 && text.contains(word)).count();
    let spoken: usize = LEXICON
        .iter()
        .filter(|(name, _)| label.contains(name))
        .map(|(_, words)| words.iter().filter(|word| has(text, word)).count())
        .sum();
    own * 2 + spoken
}

/// `word` at the start of a word of `text`.
fn has(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric))
}

/// The labels, and the prompt without the sentence that lists them.
fn labels(all: &str) -> Option<(Vec<String>, String)> {
    let lower = all.to_lowercase();
    let asked = ["classif", "categor", "label", "sentiment", "is this", "which of", "route", "triage", "one of"];
    let sorts = ["sort these", "sort the", "ascending", "descending", "alphabetic"];
    if !asked.iter().any(|word| lower.contains(word)) || sorts.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let found = LIST.captures_iter(all).max_by_key(|found| BETWEEN.find_iter(&found[1]).count())?;
    let list = found.get(1)?;
    let labels: Vec<String> = BETWEEN
        .split(list.as_str())
        .map(|label| label.trim_matches(|c: char| "`'\"*[]().?!:".contains(c) || c.is_whitespace()).to_owned())
        .filter(|label| !label.is_empty())
        .collect();
    let rest = format!("{} {}", &all[..list.start()], &all[list.end()..]);
    (labels.len() >= 2).then_some((labels, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_in_many_forms() {
        let rows = [
            ("Classify the ticket into billing, shipping, or technical: My parcel never arrived", "shipping"),
            ("Labels: spam | ham. Classify: Congratulations winner, click to claim your prize", "spam"),
            ("Is the sentiment positive, negative or neutral? This is the worst phone I ever had.", "negative"),
            (
                "Classify the text. Answer with one of: sports, politics, tech.\n\nThe striker scored the winning goal.",
                "sports",
            ),
            (
                "Categories:\n- billing\n- account\n- shipping\nClassify: I forgot my password and cannot log in",
                "account",
            ),
            (
                "Classify this ticket as billing, shipping or technical. Reply with one word only.\n\
                 The app crashes with an error after the update.",
                "technical",
            ),
            ("You sort support tickets.\nClassify it as billing or account.\n\nI lost my password.", "account"),
            ("Which category fits: bug, feature request, question? 'Please add dark mode'", "feature request"),
        ];
        for (text, label) in rows {
            let question = Question { text, all: text.to_owned(), context: String::new() };
            let said = answer(&question, false, &mut Stream::new(1, "x"));
            assert_eq!(said.as_deref(), Some(label), "{text}");
        }
    }
}
