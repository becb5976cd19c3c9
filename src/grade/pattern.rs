//! Regular expressions of suite authors: linear time, compiled once, one group taken.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde::de::value::MapAccessDeserializer;
use serde_json::Value;
use serde_json::json;

use super::params::Describe;

/// Memory that one compiled pattern may take; `a{1000}{1000}` is refused, not compiled.
const SIZE_LIMIT: usize = 4 << 20;

/// Which of several matches counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
}

impl Describe for Take {
    fn schema() -> Value {
        json!({"enum": ["first", "last"]})
    }
}

/// A pattern as written: the expression alone, or with group and match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The expression.
    pub pattern: String,
    /// The group taken; the first one by default, or all of the match where there is none.
    pub group: Option<u32>,
    /// The match taken.
    pub take: Option<Take>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    pattern: String,
    #[serde(default)]
    group: Option<u32>,
    #[serde(default)]
    take: Option<Take>,
}

struct PatternVisitor;

impl<'de> Visitor<'de> for PatternVisitor {
    type Value = Pattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a regular expression")
    }
    fn visit_str<E: Error>(self, pattern: &str) -> Result<Pattern, E> {
        Ok(Pattern { pattern: pattern.to_owned(), group: None, take: None })
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Pattern, A::Error> {
        let Raw { pattern, group, take } = Raw::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Pattern { pattern, group, take })
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

impl Pattern {
    /// Compiles it.
    ///
    /// # Errors
    /// An invalid or oversized expression, or a group that it does not have.
    pub fn compile(&self, take: Take) -> Result<Matcher, String> {
        Matcher::new(&self.pattern, self.group, self.take.unwrap_or(take))
    }
}

/// A compiled pattern with the group and match to take.
#[derive(Debug, Clone)]
pub struct Matcher {
    regex: regex::Regex,
    group: usize,
    take: Take,
}

impl Matcher {
    /// Compiles `pattern`; `group` defaults to the first group, or to the whole match where there is none.
    ///
    /// # Errors
    /// An invalid or oversized expression, or a group that it does not have.
    pub fn new(pattern: &str, group: Option<u32>, take: Take) -> Result<Self, String> {
        let regex = compile(pattern)?;
        let last = regex.captures_len() - 1;
        let group = group.map_or(last.min(1), |group| group as usize);
        if group > last {
            return Err(format!("`{pattern}` has no group {group}; its last one is {last}"));
        }
        Ok(Self { regex, group, take })
    }

    /// The expression.
    pub fn pattern(&self) -> &str {
        self.regex.as_str()
    }

    /// The expression has groups of its own.
    pub fn has_groups(&self) -> bool {
        self.regex.captures_len() > 1
    }

    /// The text of the group in the match taken; `None` without a match or where the group took no part in it.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.group == 0 {
            return match self.take {
                Take::First => self.regex.find(text),
                Take::Last => self.regex.find_iter(text).last(),
            }
            .map(|found| found.as_str());
        }
        let captures = match self.take {
            Take::First => self.regex.captures(text),
            Take::Last => {
                let last = self.regex.find_iter(text).last()?;
                self.regex.captures_at(text, last.start())
            }
        };
        captures?.get(self.group).map(|found| found.as_str())
    }
}

/// Compiles an expression within the size limit.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn compile(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("`{pattern}` is too large once compiled"),
        regex::Error::Syntax(text) => {
            let line = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("invalid syntax");
            format!("`{pattern}` is no regular expression: {line}{}", advice(pattern))
        }
        other => format!("`{pattern}` is no regular expression: {other}"),
    })
}

/// What to write instead of constructs that a linear-time engine has not.
fn advice(pattern: &str) -> &'static str {
    if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| pattern.contains(look)) {
        " (use a group instead: `Answer: (\\w+)`)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_taken_defaults_to_the_first() {
        let find = |pattern: &str, group, take, text| {
            Matcher::new(pattern, group, take).map(|m| m.find(text).map(str::to_owned)).unwrap()
        };
        assert_eq!(find("a(.)(.)", None, Take::First, "abc"), Some("b".into()));
        assert_eq!(find("a(.)(.)", Some(0), Take::First, "abc"), Some("abc".into()));
        assert_eq!(find("a.", None, Take::First, "ab"), Some("ab".into()));
        assert_eq!(find(r"(?m)^(\d)$", None, Take::Last, "1\n2\nx"), Some("2".into()));
        assert_eq!(find("x", None, Take::First, "ab"), None);
    }

    #[test]
    fn bad_patterns_say_why() {
        for (pattern, word) in
            [("(", "unclosed group"), ("(?=x)", "use a group"), ("(a{1000}){1000}", "too large"), ("[z-a]", "range")]
        {
            let message = compile(pattern).unwrap_err();
            assert!(message.contains(word), "{pattern}: {message}");
        }
        assert!(Matcher::new("a", Some(1), Take::First).unwrap_err().contains("no group 1"));
    }

    #[test]
    fn a_hostile_megabyte_takes_linear_time() {
        let text = "a".repeat(1 << 20);
        let matcher = Matcher::new("(a+)+b", None, Take::Last).unwrap();
        assert_eq!(matcher.find(&text), None);
    }
}
