//! Hostile text made harmless for terminals and logs.

/// Text for a terminal: control characters, escape sequences and direction overrides become visible escapes.
///
/// Line feeds and tabs stay. Nothing that a model writes can move the cursor, set a title or reach the clipboard.
pub fn for_terminal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// One line of at most `max` characters, safe for a terminal, with an ellipsis where it was cut.
pub fn one_line(text: &str, max: usize) -> String {
    let flat: String =
        text.chars().map(|c| if c == '\n' || c == '\t' || c == '\r' { ' ' } else { c }).take(max + 1).collect();
    let safe = for_terminal(&flat);
    if flat.chars().count() <= max { safe } else { safe.chars().take(max.saturating_sub(1)).chain(['…']).collect() }
}

/// Characters that change what a person sees beyond their own place.
pub fn is_harmful(c: char) -> bool {
    let control = c.is_control() && c != '\n' && c != '\t';
    let direction =
        matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    let invisible = matches!(
        c,
        '\u{200b}' | '\u{200c}' | '\u{2060}' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}'
    );
    control || direction || invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_lose_their_power() {
        assert_eq!(for_terminal("a\u{1b}]0;pwn\u{7}b"), "a\\u{1b}]0;pwn\\u{7}b");
        assert_eq!(for_terminal("x\u{202e}y\n\tz"), "x\\u{202e}y\n\tz");
        assert_eq!(one_line("a\nb\u{9b}c", 80), "a b\\u{9b}c");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
