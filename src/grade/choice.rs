//! `choice`: the letter of a multiple-choice answer, taken by a named chain of steps.
//!
//! Three steps are those that MMLU-Pro publishes, letter for letter (Wang et al. 2024, `evaluate_from_local.py`): `phrase`
//! is the first "answer is (X)", `label` is "Answer: X", `last` is the last letter that stands alone. Before the last
//! letter is taken for an answer, `marked` reads both phrases with Markdown, LaTeX and brackets around the letter;
//! `chain: [phrase, label, last]` leaves that out, for figures to be held against published ones. `lone` is a stricter
//! `last`: the pronoun "I" and the article "A" count only where no other letter stands. The verdict says which step
//! matched.

use regex::Regex;

use super::Step;
use super::compile::Context;
use super::compile::Problem;
use super::exact::said;
use super::params::Text;
use super::params::Texts;
use super::params::params;
use super::pattern;
use super::spec::Spec;
use super::subject::Rule;
use super::subject::Subject;
use super::subject::expecting;
use crate::domain::Case;
use crate::domain::Verdict;

params! {
    /// Parameters of `choice`.
    pub struct Choice {
        /// The right letter; the case's `expect` by default.
        value: Option<Text> = None,
        /// The letters offered, as a range `A-J`, as text `ABCD` or as a list.
        letters: Texts = Texts(vec!["A-J".into()]),
        /// Steps tried in order: `phrase`, `label`, `marked`, `last`; also `lone`, and `only` for an answer that is nothing
        /// but the letter.
        chain: Texts = Texts(["phrase", "label", "marked", "last"].map(str::to_owned).to_vec()),
    }
}

const STEPS: [&str; 6] = ["phrase", "label", "marked", "last", "lone", "only"];

/// A step of the chain: expressions of which the first that matches counts.
struct ChainStep {
    name: &'static str,
    expressions: Vec<Regex>,
}

impl Spec for Choice {
    fn rule(&self, _: &Context) -> Result<Box<dyn Rule>, Vec<Problem>> {
        let letters = letters(&self.letters.0).map_err(|message| vec![Problem::at("letters", message)])?;
        let chain = chain(&self.chain.0, &letters).map_err(|problem| vec![problem])?;
        let offered = letters.clone();
        let inner = expecting(self.value.as_ref(), move |subject, wanted| compare(&chain, &subject.text, wanted));
        let odd = self.value.as_ref().filter(|value| !is_letter(&value.0, &letters));
        if let Some(Text(odd)) = odd {
            return Err(vec![Problem::at("value", format!("`{odd}` is none of the letters {letters}"))]);
        }
        Ok(Box::new(Lettered { inner, offered, from_case: self.value.is_none() }))
    }
}

/// Adds that the expectation must be a letter.
struct Lettered {
    inner: Box<dyn Rule>,
    offered: String,
    from_case: bool,
}

impl Rule for Lettered {
    fn judge(&self, subject: &Subject<'_>) -> Step {
        self.inner.judge(subject)
    }

    fn objection(&self, case: &Case) -> Option<String> {
        self.inner.objection(case).or_else(|| {
            let texts = case.expect.as_ref().filter(|_| self.from_case)?.texts();
            let odd = texts.into_iter().find(|text| !is_letter(text, &self.offered))?;
            Some(format!("it compares letters of {}, and `expect` is `{odd}`", self.offered))
        })
    }
}

fn bare(text: &str) -> String {
    text.trim().trim_matches(['(', ')', '.', '*']).to_uppercase()
}

fn is_letter(text: &str, letters: &str) -> bool {
    let text = bare(text);
    text.chars().count() == 1 && letters.contains(&text)
}

/// The letters offered, in upper case and in order.
fn letters(given: &[String]) -> Result<String, String> {
    let mut all = String::new();
    for part in given {
        let part = part.trim().to_uppercase();
        let chars: Vec<char> = part.chars().collect();
        match chars.as_slice() {
            [from, '-', to] if from <= to => all.extend(*from..=*to),
            chars if chars.iter().all(char::is_ascii_alphanumeric) => all.extend(chars),
            _ => return Err(format!("`{part}` is no set of letters; write `A-J`, `ABCD` or `[A, B, C]`")),
        }
    }
    if all.is_empty() || !all.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err("name the letters offered: `A-J`, `ABCD` or `[A, B, C]`".into());
    }
    Ok(all)
}

fn chain(names: &[String], letters: &str) -> Result<Vec<ChainStep>, Problem> {
    let step = |name: &String| {
        let known = STEPS.into_iter().find(|known| known == name);
        let unknown = || Problem::at("chain", format!("`{name}` is no step; the steps are {}", STEPS.join(", ")));
        let name = known.ok_or_else(unknown)?;
        let expressions = expressions(name, letters).iter().map(|text| compiled(text)).collect::<Result<_, _>>()?;
        Ok(ChainStep { name, expressions })
    };
    names.iter().map(step).collect()
}

fn compiled(text: &str) -> Result<Regex, Problem> {
    pattern::compile(text).map_err(|message| Problem::at("letters", message))
}

fn expressions(name: &str, letters: &str) -> Vec<String> {
    let open = r"[\s*_$(\[{\\]*(?:boxed\{|text\{|mathbf\{)*[\s*_(\[]*";
    match name {
        "phrase" => vec![format!(r"answer is \(?([{letters}])")],
        "label" => vec![format!(r".*[aA]nswer:\s*([{letters}])")],
        "marked" => vec![
            format!(r"(?i:answer\s+is):?{open}(?i:option\s+)?{open}([{letters}])\b"),
            format!(r".*[aA]nswer\**:\**{open}([{letters}])\b"),
        ],
        "only" => vec![format!(r"^[\s(*]*([{letters}])[\s).:*]*$")],
        _ => vec![format!(r"\b([{letters}])\b")],
    }
}

impl ChainStep {
    fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self.name {
            "last" => self.letters(text).last().map(|(letter, _)| letter),
            "lone" => self
                .letters(text)
                .filter(|(letter, rest)| !is_english_word(letter, rest))
                .last()
                .or_else(|| self.letters(text).last())
                .map(|(letter, _)| letter),
            _ => self.expressions.iter().find_map(|expression| Some(expression.captures(text)?.get(1)?.as_str())),
        }
    }

    /// Every letter that stands alone, and the text behind it.
    fn letters<'t>(&self, text: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.expressions
            .iter()
            .flat_map(|expression| expression.find_iter(text))
            .map(|found| (found.as_str(), &text[found.end()..]))
    }
}

/// The pronoun "I" and the article "A": followed by an apostrophe or a word in lower case.
fn is_english_word(letter: &str, rest: &str) -> bool {
    let mut rest = rest.chars();
    let next = rest.next();
    let word = next == Some(' ') && rest.next().is_some_and(char::is_lowercase);
    match letter {
        "I" => word || matches!(next, Some('\'' | '’')),
        "A" => word,
        _ => false,
    }
}

fn compare(chain: &[ChainStep], text: &str, wanted: &[String]) -> Verdict {
    let Some((step, letter)) = chain.iter().find_map(|step| step.find(text).map(|letter| (step.name, letter))) else {
        return Verdict::decide(false, "no letter in the answer");
    };
    let mut verdict = Verdict::decide(wanted.iter().any(|wanted| bare(wanted) == letter), said(letter, wanted));
    if let Verdict::Pass { why } | Verdict::Fail { why } = &mut verdict {
        why.extracted = Some(letter.to_owned());
        why.step = Some(step);
    }
    verdict
}

#[cfg(test)]
mod tests {
    use crate::grade::testing::judge;
    use crate::grade::testing::objection;
    use crate::grade::testing::passes;
    use crate::grade::testing::problems;
    use serde_json::json;

    #[test]
    fn the_chain_says_which_step_matched() {
        let rows = [
            ("Let me think. The answer is (C).", "C", "phrase"),
            ("The answer is C. But the answer is D.", "C", "phrase"),
            ("Perhaps the answer is: B? No, the answer is (C).", "C", "phrase"),
            ("the correct Answer is **B**, as A is none", "B", "marked"),
            (r"The answer is $\boxed{\text{D}}$, not A", "D", "marked"),
            ("Answer: (E), not F", "E", "marked"),
            ("**Answer:** F, not G", "F", "marked"),
            ("The answer is **A**. No: the Answer: D", "D", "label"),
            ("A? no. B? no. So C", "C", "last"),
            ("It is B, I think", "I", "last"),
        ];
        for (text, letter, step) in rows {
            let verdict = judge(json!("choice"), json!(letter), text);
            assert_eq!((verdict.why().extracted.as_deref(), verdict.why().step), (Some(letter), Some(step)), "{text}");
            assert_eq!(verdict.bounds(), (1.0, 1.0), "{text}");
        }
        assert!(!passes(json!("choice"), json!("A"), "none of them"));
    }

    #[test]
    fn a_lone_letter_is_no_pronoun_and_no_article_while_another_stands() {
        for (text, letter) in [("It is B, I think", "B"), ("G. A good choice", "G"), ("C, I'd say", "C"), ("I", "I")] {
            assert!(passes(json!({"choice": {"chain": "lone"}}), json!(letter), text), "{text}");
        }
    }

    #[test]
    fn letters_and_chain_can_be_chosen() {
        assert!(passes(json!({"choice": {"letters": "1-4"}}), json!(3), "Answer: 3"));
        assert!(passes(json!({"choice": {"letters": ["X", "Y"], "chain": "last"}}), json!("y"), "X or Y"));
        assert!(!passes(json!({"choice": {"chain": ["only"]}}), json!("B"), "It is B"));
        assert!(passes(json!({"choice": {"chain": ["only"]}}), json!("B"), " (B). "));
        assert!(problems(json!({"choice": {"chain": "frase"}}))[0].contains("the steps are"));
        assert!(problems(json!({"choice": {"letters": "?"}}))[0].contains("write `A-J`"));
        assert!(objection(json!("choice"), json!("Paris")).unwrap().contains("`Paris`"));
    }
}
