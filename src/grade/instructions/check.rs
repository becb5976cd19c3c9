//! One instruction: read from id and arguments, and followed or not.

use regex::Regex;
use regex::RegexBuilder;
use serde_json::Map;
use serde_json::Value;

use super::language;
use super::sentences;
use super::words;
use crate::text::nearest;

/// The published ids.
pub(crate) const IDS: [&str; 25] = [
    "keywords:existence",
    "keywords:frequency",
    "keywords:forbidden_words",
    "keywords:letter_frequency",
    "language:response_language",
    "length_constraints:number_sentences",
    "length_constraints:number_paragraphs",
    "length_constraints:number_words",
    "length_constraints:nth_paragraph_first_word",
    "detectable_content:number_placeholders",
    "detectable_content:postscript",
    "detectable_format:number_bullet_lists",
    "detectable_format:constrained_response",
    "detectable_format:number_highlighted_sections",
    "detectable_format:multiple_sections",
    "detectable_format:json_format",
    "detectable_format:title",
    "combination:two_responses",
    "combination:repeat_prompt",
    "startend:end_checker",
    "startend:quotation",
    "change_case:capital_word_frequency",
    "change_case:english_capital",
    "change_case:english_lowercase",
    "punctuation:no_comma",
];

/// An instruction ready to be checked.
pub(crate) struct Check {
    id: &'static str,
    test: Test,
}

type Test = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl Check {
    /// The instruction of this id with these arguments.
    ///
    /// # Errors
    /// An unknown id, or an argument that is missing, unknown or of the wrong kind.
    pub(crate) fn new(id: &str, kwargs: &Map<String, Value>) -> Result<Self, String> {
        let Some(id) = IDS.into_iter().find(|known| *known == id) else {
            let hint = nearest(id, IDS).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(format!("`{id}` is no instruction{hint}"));
        };
        let arguments = Arguments { id, kwargs, names: names(id) };
        arguments.refuse_unknown()?;
        Ok(Self { id, test: test(id, &arguments)? })
    }

    /// The published id.
    pub(crate) fn id(&self) -> &'static str {
        self.id
    }

    /// Whether the text follows the instruction.
    pub(crate) fn follows(&self, text: &str) -> bool {
        (self.test)(text)
    }
}

/// The published arguments of an instruction.
fn names(id: &str) -> &'static [&'static str] {
    match id {
        "keywords:existence" => &["keywords"],
        "keywords:frequency" => &["keyword", "frequency", "relation"],
        "keywords:forbidden_words" => &["forbidden_words"],
        "keywords:letter_frequency" => &["letter", "let_frequency", "let_relation"],
        "language:response_language" => &["language"],
        "length_constraints:number_sentences" => &["num_sentences", "relation"],
        "length_constraints:number_paragraphs" => &["num_paragraphs"],
        "length_constraints:number_words" => &["num_words", "relation"],
        "length_constraints:nth_paragraph_first_word" => &["num_paragraphs", "nth_paragraph", "first_word"],
        "detectable_content:number_placeholders" => &["num_placeholders"],
        "detectable_content:postscript" => &["postscript_marker"],
        "detectable_format:number_bullet_lists" => &["num_bullets"],
        "detectable_format:number_highlighted_sections" => &["num_highlights"],
        "detectable_format:multiple_sections" => &["section_spliter", "num_sections"],
        "combination:repeat_prompt" => &["prompt_to_repeat"],
        "startend:end_checker" => &["end_phrase"],
        "change_case:capital_word_frequency" => &["capital_frequency", "capital_relation"],
        _ => &[],
    }
}

struct Arguments<'a> {
    id: &'static str,
    kwargs: &'a Map<String, Value>,
    names: &'static [&'static str],
}

impl Arguments<'_> {
    fn refuse_unknown(&self) -> Result<(), String> {
        let given = self.kwargs.iter().filter(|(_, value)| !value.is_null());
        match given.into_iter().find(|(name, _)| !self.names.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) if self.names.is_empty() => Err(format!("`{}` takes no arguments, not `{name}`", self.id)),
            Some((name, _)) => Err(format!("`{}` takes {}, not `{name}`", self.id, self.names.join(", "))),
        }
    }

    fn missing(&self, name: &str, kind: &str) -> String {
        format!("`{}` needs `{name}`, {kind}", self.id)
    }

    fn text(&self, name: &str) -> Result<String, String> {
        let text = self.kwargs.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| self.missing(name, "a text"))
    }

    fn count(&self, name: &str) -> Result<usize, String> {
        let value = self.kwargs.get(name).and_then(Value::as_f64).filter(|n| n.fract() == 0.0 && *n >= 0.0);
        value.map(|n| n as usize).ok_or_else(|| self.missing(name, "a whole number"))
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let items = self.kwargs.get(name).and_then(Value::as_array);
        let texts = items.and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        texts.ok_or_else(|| self.missing(name, "a list of texts"))
    }

    /// A count with its relation: `less than` or `at least`.
    fn bound(&self, count: &str, relation: &str) -> Result<impl Fn(usize) -> bool + Send + Sync + use<>, String> {
        let threshold = self.count(count)?;
        let less = match self.text(relation)?.as_str() {
            "less than" => true,
            "at least" => false,
            other => return Err(format!("`{relation}` is `less than` or `at least`, not `{other}`")),
        };
        Ok(move |n| if less { n < threshold } else { n >= threshold })
    }
}

/// A pattern of ours; every one is compiled in the tests.
fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of our own compiles")
}

/// A published keyword is a pattern; one that does not compile here is taken literally.
fn keyword(pattern: &str) -> Regex {
    let build = |pattern: &str| RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build();
    build(pattern).or_else(|_| build(&regex::escape(pattern))).unwrap_or_else(|_| fixed("$^"))
}

fn test(id: &str, arguments: &Arguments<'_>) -> Result<Test, String> {
    match id.split(':').next().unwrap_or_default() {
        "keywords" => keyword_test(id, arguments),
        "length_constraints" => length_test(id, arguments),
        "detectable_content" | "detectable_format" => format_test(id, arguments),
        _ => other_test(id, arguments),
    }
}

fn keyword_test(id: &str, arguments: &Arguments<'_>) -> Result<Test, String> {
    Ok(match id {
        "keywords:existence" => {
            let all: Vec<Regex> = arguments.texts("keywords")?.iter().map(|word| keyword(word)).collect();
            Box::new(move |text| all.iter().all(|word| word.is_match(text)))
        }
        "keywords:frequency" => {
            let word = keyword(arguments.text("keyword")?.trim());
            let enough = arguments.bound("frequency", "relation")?;
            Box::new(move |text| enough(word.find_iter(text).count()))
        }
        "keywords:forbidden_words" => {
            let words = arguments.texts("forbidden_words")?;
            let words: Vec<Regex> = words.iter().map(|word| keyword(&format!(r"\b{word}\b"))).collect();
            Box::new(move |text| !words.iter().any(|word| word.is_match(text)))
        }
        _ => {
            let letter = arguments.text("letter")?.trim().to_lowercase();
            let enough = arguments.bound("let_frequency", "let_relation")?;
            let mut chars = letter.chars();
            let (Some(letter), None) = (chars.next(), chars.next()) else {
                return Err("`letter` is one character".into());
            };
            Box::new(move |text| enough(text.to_lowercase().chars().filter(|c| *c == letter).count()))
        }
    })
}

fn length_test(id: &str, arguments: &Arguments<'_>) -> Result<Test, String> {
    Ok(match id {
        "length_constraints:number_sentences" => {
            let enough = arguments.bound("num_sentences", "relation")?;
            Box::new(move |text| enough(sentences::count(text)))
        }
        "length_constraints:number_words" => {
            let enough = arguments.bound("num_words", "relation")?;
            let word = fixed(r"\w+");
            Box::new(move |text| enough(word.find_iter(text).count()))
        }
        "length_constraints:number_paragraphs" => {
            let wanted = arguments.count("num_paragraphs")?;
            let divider = fixed(r"\s?\*\*\*\s?");
            Box::new(move |text| divided(&divider, text) == Some(wanted))
        }
        _ => {
            let wanted = arguments.count("num_paragraphs")?;
            let nth = arguments.count("nth_paragraph")?;
            let word = arguments.text("first_word")?.to_lowercase();
            Box::new(move |text| first_word_of(text, wanted, nth).is_some_and(|found| found == word))
        }
    })
}

/// Paragraphs between dividers; an empty one counts at neither end and is an error in between.
fn divided(divider: &Regex, text: &str) -> Option<usize> {
    let paragraphs: Vec<&str> = divider.split(text).collect();
    let last = paragraphs.len() - 1;
    let mut count = paragraphs.len();
    for (at, paragraph) in paragraphs.iter().enumerate() {
        if paragraph.trim().is_empty() {
            if at != 0 && at != last {
                return None;
            }
            count = count.saturating_sub(1);
        }
    }
    Some(count)
}

/// The first word of the nth paragraph, if there are as many paragraphs as wanted.
fn first_word_of(text: &str, wanted: usize, nth: usize) -> Option<String> {
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let count = paragraphs.iter().filter(|paragraph| !paragraph.trim().is_empty()).count();
    if count != wanted || nth > count {
        return None;
    }
    let word = paragraphs.get(nth.checked_sub(1)?)?.split_whitespace().next()?;
    let word = word.trim_start_matches('\'').trim_start_matches('"');
    Some(word.split(['.', ',', '?', '!', '\'', '"']).next()?.to_lowercase())
}

fn format_test(id: &str, arguments: &Arguments<'_>) -> Result<Test, String> {
    Ok(match id {
        "detectable_content:number_placeholders" => at_least(r"\[.*?\]", arguments.count("num_placeholders")?),
        "detectable_content:postscript" => {
            let marker = postscript(arguments.text("postscript_marker")?.trim());
            Box::new(move |text| marker.is_match(&text.to_lowercase()))
        }
        "detectable_format:number_bullet_lists" => {
            let wanted = arguments.count("num_bullets")?;
            let (stars, dashes) = (fixed(r"(?m)^\s*\*[^\*].*$"), fixed(r"(?m)^\s*-.*$"));
            Box::new(move |text| stars.find_iter(text).count() + dashes.find_iter(text).count() == wanted)
        }
        "detectable_format:constrained_response" => Box::new(|text| {
            ["My answer is yes.", "My answer is no.", "My answer is maybe."].iter().any(|option| text.contains(option))
        }),
        "detectable_format:number_highlighted_sections" => {
            let wanted = arguments.count("num_highlights")?;
            let (single, double) = (fixed(r"\*[^\n\*]*\*"), fixed(r"\*\*[^\n\*]*\*\*"));
            let filled = |found: regex::Match<'_>| !found.as_str().trim_matches('*').trim().is_empty();
            Box::new(move |text| {
                let count = |regex: &Regex| regex.find_iter(text).filter(|found| filled(*found)).count();
                count(&single) + count(&double) >= wanted
            })
        }
        "detectable_format:multiple_sections" => {
            let mark = arguments.text("section_spliter")?;
            at_least(&format!(r"\s?{}\s?\d+\s?", regex::escape(mark.trim())), arguments.count("num_sections")?)
        }
        "detectable_format:json_format" => Box::new(|text| serde_json::from_str::<Value>(unfenced(text)).is_ok()),
        _ => {
            let title = fixed(r"<<[^\n]+>>");
            Box::new(move |text| {
                let mut titles = title.find_iter(text);
                titles.any(|t| !t.as_str().trim_start_matches('<').trim_end_matches('>').trim().is_empty())
            })
        }
    })
}

fn at_least(pattern: &str, wanted: usize) -> Test {
    let regex = fixed(pattern);
    Box::new(move |text| regex.find_iter(text).count() >= wanted)
}

fn postscript(marker: &str) -> Regex {
    match marker {
        "P.P.S" => fixed(r"(?m)\s*p\.\s?p\.\s?s.*$"),
        "P.S." => fixed(r"(?m)\s*p\.\s?s\..*$"),
        other => keyword(&format!("(?m){}", other.to_lowercase())),
    }
}

/// The text without one code fence around it.
fn unfenced(text: &str) -> &str {
    let mut text = text.trim();
    for fence in ["```json", "```Json", "```JSON", "```"] {
        text = text.strip_prefix(fence).unwrap_or(text);
    }
    text.strip_suffix("```").unwrap_or(text).trim()
}

fn other_test(id: &str, arguments: &Arguments<'_>) -> Result<Test, String> {
    Ok(match id {
        "language:response_language" => {
            let wanted = arguments.text("language")?;
            Box::new(move |text| language::is_in(text, &wanted))
        }
        "combination:two_responses" => Box::new(two_responses),
        "combination:repeat_prompt" => {
            let prompt = arguments.text("prompt_to_repeat")?.trim().to_lowercase();
            Box::new(move |text| text.trim().to_lowercase().starts_with(&prompt))
        }
        "startend:end_checker" => {
            let phrase = arguments.text("end_phrase")?.trim().to_lowercase();
            Box::new(move |text| text.trim().trim_matches('"').to_lowercase().ends_with(&phrase))
        }
        "startend:quotation" => Box::new(|text| {
            let text = text.trim();
            text.chars().count() > 1 && text.starts_with('"') && text.ends_with('"')
        }),
        "change_case:capital_word_frequency" => {
            let enough = arguments.bound("capital_frequency", "capital_relation")?;
            Box::new(move |text| enough(words::tokens(text).iter().filter(|word| words::is_upper(word)).count()))
        }
        "change_case:english_capital" => Box::new(|text| words::is_upper(text) && language::is_in(text, "en")),
        "change_case:english_lowercase" => Box::new(|text| words::is_lower(text) && language::is_in(text, "en")),
        _ => Box::new(|text| !text.contains(',')),
    })
}

fn two_responses(text: &str) -> bool {
    let parts: Vec<&str> = text.split("******").map(str::trim).collect();
    let last = parts.len() - 1;
    let gap = parts.iter().enumerate().any(|(at, part)| part.is_empty() && at != 0 && at != last);
    let filled: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    !gap && filled.len() == 2 && filled[0] != filled[1]
}
