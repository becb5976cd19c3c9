//! Where sentences end, after the Punkt algorithm (Kiss & Strunk 2006) with a list in place of a trained model.
//!
//! The original uses NLTK's English model. Here abbreviations and frequent sentence openers are short lists, so a
//! rare abbreviation can be taken for a sentence end.

use std::sync::LazyLock;

use regex::Regex;

const ABBREVIATIONS: &str = " mr mrs ms dr st prof jr sr inc corp co ltd vs e.g i.e u.s u.k u.n a.m p.m n.y d.c l.a jan feb mar apr aug sept sep oct nov dec gen sen rep gov sgt lt col maj capt adm ave wash calif mass fla ga ill ind minn conn ariz colo ore pa va vt okla tenn tex mich messrs bros cos dist ph.d b.a m.a j.p u.s.a no-one ft oz lb lbs ";
const OPENERS: &str = " the it this he she we they in but and if you there what that a an as at for when how i my our his her their these those so to is are do with on by from no yes ";

/// The end of a token, what closes after it, and the token that follows.
static END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(\S*[.?!])([)\]}"'”’*]*)(?:\s+(\S+)|$)|(\S*[.?!])["'”’)\]}*:;@({\[]"#)
        .expect("a pattern of our own compiles")
});

/// Sentences of a text.
pub fn count(text: &str) -> usize {
    let text = text.trim();
    let (mut count, mut at, mut open) = (0, 0, false);
    while let Some(found) = text.get(at..).and_then(|rest| END.captures(rest)) {
        let token = found.get(1).or_else(|| found.get(4)).map_or("", |token| token.as_str());
        let whole = found.get(0).map_or(0..0, |whole| whole.range());
        let next = found.get(3).map(|next| (next.start(), next.as_str()));
        open = true;
        if ends(token, next.map(|(_, next)| next)) {
            count += 1;
            open = false;
        }
        at += next.map_or(whole.end, |(start, _)| start).max(1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    count + usize::from(open || text.get(at..).is_some_and(|rest| rest.chars().any(|c| !is_closing(c))))
}

fn is_closing(c: char) -> bool {
    c.is_whitespace() || matches!(c, ')' | ']' | '}' | '"' | '\'' | '”' | '’' | '*')
}

/// Whether a token that ends in a mark ends its sentence, seen what follows.
fn ends(token: &str, next: Option<&str>) -> bool {
    let Some(next) = next else { return true };
    if token.ends_with(['?', '!']) {
        return true;
    }
    let opener = opens(next);
    if token.ends_with("..") {
        return token.ends_with("...") && opener == Some(true);
    }
    let word = token.trim_end_matches('.').trim_start_matches(['(', '[', '"', '\'', '“', '‘', '*']);
    let lower = word.to_lowercase();
    let mut letters = word.chars();
    let initial = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
    let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'));
    if initial {
        return opener == Some(true);
    }
    if number {
        return opener != Some(false);
    }
    let tail = lower.rsplit('-').next().unwrap_or_default();
    let listed = [lower.as_str(), tail].iter().any(|word| ABBREVIATIONS.contains(&format!(" {word} ")));
    !listed || opener == Some(true)
}

/// Whether a token opens a sentence: yes for a capitalized word that is common in lower case, no for lower case and
/// punctuation, unknown otherwise.
fn opens(next: &str) -> Option<bool> {
    let word = next.trim_matches(|c: char| !c.is_alphanumeric());
    let Some(first) = word.chars().next() else {
        return if next.starts_with([',', ';', ':', '.']) { Some(false) } else { None };
    };
    if first.is_lowercase() {
        return Some(false);
    }
    let common = first.is_uppercase() && OPENERS.contains(&format!(" {} ", word.to_lowercase()));
    common.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_counted() {
        let rows = [
            ("", 0),
            ("No end", 1),
            ("One. Two! Three?", 3),
            ("Dr. Smith met Mr. J. Jones at 5 p.m. on Monday.", 1),
            ("It costs 3.50 dollars. Yes.", 2),
            ("He said \"Hi.\" Then he left.", 2),
            ("Wait... what? It works... The end.", 3),
            ("1. First\n2. Second", 3),
            ("In the U.S. the sun rises. It sets.", 2),
            ("Wow!! Great", 2),
            ("One.) Two.", 2),
            ("A line\nand more", 1),
        ];
        for (text, expected) in rows {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn a_hostile_megabyte_is_counted() {
        for unit in [".", "a. ", "é.”", "!\" "] {
            assert!(count(&unit.repeat((1 << 17) / unit.len())) >= 1);
        }
    }
}
