//! Honest small skills: each reads the prompt and works the answer out. None has ever seen an expectation.
//!
//! A skill is a function from a [`Question`] to an answer, or to none where the question is not of its kind. With
//! `slip` the answer goes wrong in a way that fits the task: a digit off, a neighbor swapped, another label.

mod arithmetic;
mod choice;
mod classify;
mod echo;
mod expression;
mod extract;
mod facts;
mod instruct;
mod judge;
mod lookup;
mod problems;
mod programs;
mod prose;
mod riddles;
mod sort;
mod spell;
mod story;
mod style;
mod tools;

use super::ask::Ask;
use super::ask::Choice;
use super::ask::Format;
use super::ask::Speaker;
use crate::domain::random::Stream;

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// A JSON object as text.
    pub(super) arguments: String,
}

/// What is said in reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
}

impl Answer {
    fn said(text: impl Into<String>) -> Self {
        Self { text: text.into(), calls: Vec::new() }
    }
}

/// What is asked, as skills see it.
#[derive(Debug)]
struct Question<'a> {
    /// What the user said last.
    text: &'a str,
    /// The instructions above the conversation and what the user said last.
    all: String,
    /// What was said before, oldest first.
    context: String,
}

type Skill = fn(&Question, bool, &mut Stream) -> Option<String>;

/// In order of how sure they are of their kind.
const SKILLS: &[Skill] = &[
    programs::answer,
    riddles::answer,
    problems::answer,
    choice::answer,
    classify::answer,
    sort::answer,
    spell::answer,
    lookup::named,
    arithmetic::answer,
    story::answer,
    echo::answer,
    instruct::answer,
    facts::answer,
    lookup::sentence,
];

/// Answers `ask`; with `slip` the answer goes wrong in a way that fits the task.
pub(super) fn answer(ask: &Ask, slip: bool, stream: &mut Stream) -> Answer {
    if let Some(n) = ask.marks.tokens {
        return Answer::said(prose::exactly(n));
    }
    if let Some((Speaker::Tool, result)) = ask.turns.last() {
        return Answer::said(format!("The result is {}.", if slip { "unknown" } else { result.trim() }));
    }
    if ask.choice != Choice::Never
        && !ask.tools.is_empty()
        && let Some(calls) = tools::calls(ask, slip, stream)
    {
        return Answer { text: String::new(), calls };
    }
    let question = question(ask);
    match &ask.format {
        Format::Schema(schema) => Answer::said(
            judge::verdict(&question, schema, slip).unwrap_or_else(|| extract::by_schema(&question, schema, slip)),
        ),
        Format::Json => Answer::said(extract::object(&question, slip).unwrap_or_else(|| "{}".into())),
        Format::Text => Answer::said(say(&question, slip, stream)),
    }
}

/// Runs every skill once, so that no request pays for the compilation of patterns.
pub(super) fn warm_up() {
    let text = "JSON with keys email and date: What is 1 + 1? how many each? sort a, b; classify as a or b. 2 words";
    let question = Question { text, all: text.to_owned(), context: text.to_owned() };
    let mut stream = Stream::new(0, "warm-up");
    for skill in SKILLS {
        skill(&question, false, &mut stream);
    }
    extract::object(&question, false);
    for key in ["url", "phone", "amount", "order", "city", "name"] {
        extract::fill(key, &serde_json::Value::Null, text, 0);
    }
}

fn say(question: &Question, slip: bool, stream: &mut Stream) -> String {
    if extract::is_asked(question)
        && let Some(object) = extract::object(question, slip)
    {
        return object;
    }
    SKILLS.iter().find_map(|skill| skill(question, slip, stream)).unwrap_or_else(|| prose::about(question.text, slip))
}

fn question(ask: &Ask) -> Question<'_> {
    let text = ask.question();
    let before: Vec<&str> =
        ask.turns.iter().filter(|(who, _)| *who != Speaker::System).map(|(_, text)| text.as_str()).collect();
    Question { text, all: format!("{}\n{text}", ask.system()), context: before.join("\n") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use serde_json::json;

    use super::*;
    use crate::sim::ask::Protocol;

    fn ask(text: &str) -> Ask {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
        Ask::read(Protocol::Chat, &body).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut stream = Stream::new(1, "skills");
        let right = answer(&ask(text), false, &mut stream).text;
        assert!(right.contains(expected), "{text}\n-> {right}\nlacks {expected}");
    }

    #[test]
    fn tasks_are_told_apart_and_solved() {
        check("What is 17 * 23? Reply with the number only.", "391");
        check("Compute 12 + 7 * 3. End with `Answer: <number>`.", "Answer: 33");
        check("Sort these numbers in ascending order: 9, 4, 27, 1. Reply with the list only.", "1, 4, 9, 27");
        check("Classify this ticket as billing, shipping or technical: \"I was charged twice\"", "billing");
        check("Is this review positive or negative? 'I love it, works great.'", "positive");
        check("Repeat exactly: blue monkeys sing", "blue monkeys sing");
        check("What is the capital of France?", "Paris");
        check("The secret code is 4711. The sky is blue. What is the secret code?", "4711");
        check("Tom has 12 apples. He buys 5 more and gives 3 to Ann. How many apples does Tom have?", "14");
        check("Reverse the word `stressed`.", "desserts");
        check("Write a Python function `dedupe(items)` that keeps the first of each item.", "def dedupe(items):");
        check("Explain quantum computing in simple terms", "quantum computing");
    }

    #[test]
    fn extraction_honors_the_keys() {
        let text = "Extract name, email and amount as JSON with keys name, email, amount: \
                    Maria Keller (maria@example.com) paid 45.50 EUR on 3 May 2024.";
        let mut stream = Stream::new(1, "skills");
        let said = answer(&ask(text), false, &mut stream).text;
        let object: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(object, json!({"name": "Maria Keller", "email": "maria@example.com", "amount": 45.5}));
    }

    #[test]
    fn a_slip_changes_the_answer() {
        let texts = [
            "What is 17 * 23? Reply with the number only.",
            "Sort these numbers in ascending order: 9, 4, 27, 1.",
            "Classify this ticket as billing, shipping or technical: \"I was charged twice\"",
            "Repeat exactly: blue monkeys sing",
            "What is the capital of France?",
            "The secret code is 4711. The sky is blue. What is the secret code?",
            "Return JSON with keys email and amount: a@b.example paid 5 USD",
            "Reverse the word `stressed`.",
        ];
        for text in texts {
            let said = |slip| answer(&ask(text), slip, &mut Stream::new(1, "skills")).text;
            assert_ne!(said(false), said(true), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_prompt_is_survived(text: String, slip: bool) {
            answer(&ask(&text), slip, &mut Stream::new(1, "skills"));
        }

        #[test]
        fn task_words_in_any_order_are_survived(
            words in proptest::collection::vec("sort|classify as|:|,|1|-2|\\(|\\)|\\*|/|0|what is|json|keys|\\{|\\}|repeat|A\\)|B\\)|half|each|%|of|é", 0..20),
            slip: bool,
        ) {
            answer(&ask(&words.join(" ")), slip, &mut Stream::new(1, "skills"));
        }
    }
}
