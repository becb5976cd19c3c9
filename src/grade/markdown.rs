//! Markdown as models write it: code blocks found, marks taken off.

/// The content of the last fenced block, even if its fence was never closed; `None` without a fence.
pub(super) fn last_code_block(text: &str) -> Option<&str> {
    code_blocks(text).pop().map(|(_, body)| body)
}

/// Fenced blocks in order: info string and content.
pub(super) fn code_blocks(text: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, &str, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let bare = line.trim();
        match open {
            None => open = fence(bare).map(|(marks, info)| (marks, info, end)),
            Some((marks, info, from)) if bare.starts_with(marks) && bare.trim_start_matches(&marks[..1]).is_empty() => {
                blocks.push((info, &text[from..at]));
                open = None;
            }
            Some(_) => {}
        }
        at = end;
    }
    if let Some((_, info, from)) = open {
        blocks.push((info, &text[from..]));
    }
    blocks
}

/// The marks and info string of an opening fence.
fn fence(line: &str) -> Option<(&str, &str)> {
    ['`', '~'].into_iter().find_map(|mark| {
        let rest = line.trim_start_matches(mark);
        let length = line.len() - rest.len();
        (length >= 3 && !rest.contains(mark)).then(|| (&line[..length], rest.trim()))
    })
}

/// The text without emphasis, headings, bullets, quotes, links and code marks; fences go, their content stays.
pub(super) fn strip(text: &str) -> String {
    let lines = text.lines().filter(|line| fence(line.trim()).is_none());
    lines.map(|line| inline(prefix(line))).collect::<Vec<_>>().join("\n")
}

fn prefix(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some(inner) = rest.strip_prefix("> ") {
        rest = inner.trim_start();
    }
    let heading = rest.trim_start_matches('#');
    if heading.len() < rest.len() && rest.len() - heading.len() <= 6 && heading.starts_with(' ') {
        return heading.trim();
    }
    ["- ", "* ", "+ "].iter().find_map(|bullet| rest.strip_prefix(bullet)).map_or(line, str::trim_start)
}

fn inline(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some((label, after)) = link(rest) {
            out.push_str(&inline_marks(label));
            rest = after;
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    inline_marks(&out)
}

fn inline_marks(text: &str) -> String {
    let text = text.replace("**", "").replace("__", "").replace("~~", "").replace('`', "");
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let inside_word = before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        let spaced = before == ' ' && chars.peek().is_none_or(|next| *next == ' ');
        if !(matches!(c, '*' | '_') && !inside_word && !spaced) {
            out.push(c);
        }
        before = c;
    }
    out
}

/// `[label](target)` or `![label](target)` at the start: the label and the rest. Looks no further than 500 bytes.
fn link(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix("![").or_else(|| text.strip_prefix('['))?;
    let window = body.char_indices().map(|(at, _)| at).take_while(|at| *at <= 500).last()?;
    let close = body[..window].find("](")?;
    let end = body[close..].char_indices().take(500).find(|(_, c)| *c == ')')?.0;
    Some((&body[..close], &body[close + end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_closed_or_not() {
        assert_eq!(code_blocks("a\n```py\nx\n```\nb\n~~~\ny\n~~~"), [("py", "x\n"), ("", "y\n")]);
        assert_eq!(last_code_block("```json\n{\"a\": \"```\"}\n"), Some("{\"a\": \"```\"}\n"));
        assert_eq!(last_code_block("````\n```\n````"), Some("```\n"));
        assert_eq!(last_code_block("use ```x``` here"), None);
    }

    #[test]
    fn marks_go_and_words_stay() {
        let rows = [
            ("# Title", "Title"),
            ("- **bold** and *it* and `code`", "bold and it and code"),
            ("> quoted [link](http://x) ![p](i.png)", "> quoted link p"),
            ("snake_case 2 * 3 a*b", "snake_case 2 * 3 a*b"),
            ("```py\nx = 1\n```", "x = 1"),
        ];
        for (text, expected) in rows {
            let expected = expected.trim_start_matches("> ");
            assert_eq!(strip(text).trim_start_matches("> "), expected, "{text}");
        }
    }
}
