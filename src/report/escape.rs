//! One escaping function per place that hostile text can reach.
//!
//! Model output, error bodies, model ids and case ids are bytes of a stranger. Every renderer passes them through the
//! function of its sink; nothing is ever interpreted as markup, formula, template or command.

use crate::text::plain::is_harmful;

/// Text for element content and quoted attributes of HTML.
pub(crate) fn html(text: &str) -> String {
    markup(text, |c| is_harmful(c) && c != '\u{200d}')
}

/// Text for element content and quoted attributes of XML 1.0; characters that XML forbids are left out.
pub(crate) fn xml(text: &str) -> String {
    markup(text, |_| false)
}

fn markup(text: &str, visible: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if visible(c) => safe.extend(c.escape_unicode()),
            c if is_xml(c) => safe.push(c),
            _ => {}
        }
    }
    safe
}

/// Whether XML 1.0 allows the character (production 2 of the recommendation).
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// JSON text for a `script` element: nothing in it can end the element, open a comment or break a line.
pub(crate) fn script_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + json.len() / 16);
    for c in json.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    safe
}

/// A text column of a spreadsheet: what would begin a formula is prefixed with an apostrophe (OWASP ASVS 1.2.10).
///
/// Quoting of commas, quotes and line feeds is the CSV writer's work. Never used on numeric columns: minus is theirs.
pub(crate) fn csv(text: &str) -> std::borrow::Cow<'_, str> {
    let risky = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];
    let text = if text.contains('\0') { text.replace('\0', "").into() } else { std::borrow::Cow::Borrowed(text) };
    if text.starts_with(risky) { format!("'{text}").into() } else { text }
}

/// Text inside a Markdown paragraph or table cell: one line, no markup, no link, no mention, no command of a CI log.
pub(crate) fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("&#64;"),
            // Links and commands of a CI log need their colon; ordinary prose keeps its own.
            ':' if matches!(chars.peek(), Some(':' | '/')) || safe.ends_with("&#58;") => safe.push_str("&#58;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '#' | '\\' | '~' | '{' | '}' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            c if is_harmful(c) => safe.extend(c.escape_unicode().map(|c| if c == '{' || c == '}' { '-' } else { c })),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::hostile::CORPUS;

    #[test]
    fn markup_never_opens() {
        for nasty in CORPUS {
            for safe in [html(nasty), xml(nasty)] {
                assert!(!safe.contains(['<', '>', '"', '\'', '\u{1b}', '\0']), "{safe:?}");
            }
        }
        assert_eq!(html("a\u{202e}b\u{200d}c"), "a\\u{202e}b\u{200d}c");
    }

    #[test]
    fn scripts_cannot_be_left() {
        for nasty in CORPUS {
            let json = serde_json::to_string(nasty).unwrap();
            let safe = script_json(&json);
            assert!(!safe.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{safe:?}");
            assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), *nasty);
        }
    }

    #[test]
    fn spreadsheets_see_no_formula() {
        for nasty in CORPUS {
            let first = csv(nasty).chars().next().unwrap_or('x');
            assert!(!"=+-@\t\r\n\0＝＋－＠".contains(first), "{nasty:?}");
        }
        assert_eq!(csv("plain"), "plain");
        assert_eq!(csv("=1+1"), "'=1+1");
        assert_eq!(csv("\0=1+1"), "'=1+1");
    }

    #[test]
    fn markdown_is_inert() {
        for nasty in CORPUS {
            let safe = markdown(nasty);
            assert!(!safe.contains(['<', '\n', '\r', '@', '\u{1b}']), "{safe:?}");
            assert!(!safe.contains("::") && !safe.contains("!["), "{safe:?}");
            assert!(!safe.contains("://"), "{safe:?}");
        }
        assert_eq!(markdown("a|b"), "a\\|b");
    }
}
