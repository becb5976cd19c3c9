//! Finds numbers in prose: signs, thousands, decimals, exponents, fractions, percent, currency.
//!
//! Digits that continue a word (`H2O`, `x2`) are no numbers. A hyphen is a minus only where nothing precedes it, so
//! `10-20` holds 10 and 20. Time is linear in the text.

/// A number found in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its value, infinite beyond the range of `f64`; the percent sign is not applied.
    pub value: f64,
    /// A percent sign follows.
    pub percent: bool,
    /// Canonical digits where the number is a plain decimal: integers beyond 2^53 are compared by these.
    pub exact: Option<String>,
    /// Byte range in the text.
    pub range: std::ops::Range<usize>,
}

/// Every number of a text, in order.
pub fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_start(text, at) {
        let Some(number) = read(text, start) else {
            at = start + text[start..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        at = number.range.end;
        found.push(number);
    }
    found
}

/// The number that a text consists of, up to units, currency and punctuation around it; `None` when there is not exactly one.
pub fn only(text: &str) -> Option<Found> {
    let mut all = find(text);
    if all.len() == 1 { all.pop() } else { None }
}

/// A number as plain decimal text, without an exponent.
pub fn plain(value: f64) -> String {
    format!("{value}")
}

fn next_start(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|&at| match bytes[at] {
        b'0'..=b'9' => !continues_a_word(text, at),
        b'.' => bytes.get(at + 1).is_some_and(u8::is_ascii_digit) && !preceded_by_word(text, at),
        0xc2 | 0xe2 => vulgar(text, at).is_some(),
        _ => false,
    })
}

fn preceded_by_word(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// A letter right before the digits makes them part of a name, unless the letters are a currency.
fn continues_a_word(text: &str, at: usize) -> bool {
    const CURRENCIES: [&str; 8] = ["USD", "EUR", "GBP", "INR", "Rs", "CHF", "JPY", "CNY"];
    let before = &text[..at];
    let Some(last) = before.chars().next_back() else { return false };
    if last == '_' {
        return true;
    }
    if !last.is_alphabetic() || !last.is_ascii() {
        return false;
    }
    let word_start = before.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |i| i + 1);
    let word = before.get(word_start..).unwrap_or(before);
    !CURRENCIES.contains(&word)
}

fn read(text: &str, start: usize) -> Option<Found> {
    let (mut value, mut end, mut exact) = match vulgar(text, start) {
        Some((value, length)) => (value, start + length, None),
        None => decimal(text, start)?,
    };
    let after = &text[end..];
    let dated = text[..start].ends_with('/');
    if let Some((fraction, length)) = fraction_after(after, value).filter(|_| !dated) {
        (value, end, exact) = (fraction, end + length, None);
    } else if let Some((scaled, length)) = power_of_ten(after, value) {
        (value, end, exact) = (scaled, end + length, None);
    }
    let (negative, begin) = sign(text, start);
    if negative {
        value = -value;
        exact = exact.map(|digits| if digits == "0" { digits } else { format!("-{digits}") });
    }
    let rest = text[end..].trim_start_matches([' ', '\\', '\u{a0}', '\u{202f}']);
    let percent = rest.starts_with('%') || rest.starts_with('％') || starts_with_word(rest, "percent");
    Some(Found { value, percent, exact, range: begin..end })
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Whether a minus stands before the number (currency signs may stand between), and where it all begins.
fn sign(text: &str, start: usize) -> (bool, usize) {
    let before = text[..start].trim_end_matches(['$', '€', '£', '¥', '₹', '\\']);
    let Some(mark) = before.chars().next_back().filter(|c| matches!(c, '-' | '\u{2212}' | '\u{2010}' | '\u{2011}'))
    else {
        return (false, start);
    };
    let begin = before.len() - mark.len_utf8();
    let joined =
        before[..begin].chars().next_back().is_some_and(|c| c.is_alphanumeric() || matches!(c, ')' | '-' | '.' | '%'));
    if joined { (false, start) } else { (true, begin) }
}

/// Digits with thousands separators, decimals and an exponent, from `start`.
fn decimal(text: &str, start: usize) -> Option<(f64, usize, Option<String>)> {
    let (whole, mut end, european) = whole_part(text, start);
    let bytes = text.as_bytes();
    let mark = if european { b',' } else { b'.' };
    let mut digits = whole;
    let mut places = String::new();
    if bytes.get(end) == Some(&mark) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        let stop = digits_end(bytes, end + 1);
        places.push_str(&text[end + 1..stop]);
        end = stop;
    }
    if digits.is_empty() && places.is_empty() {
        return None;
    }
    let exponent = exponent_end(bytes, end);
    digits.push('.');
    digits.push_str(&places);
    let mut written = if digits.starts_with('.') { format!("0{digits}") } else { digits };
    let exact = exponent.is_none().then(|| canonical(&written));
    if let Some(stop) = exponent {
        written.push_str(&text[end..stop]);
        end = stop;
    }
    if written.ends_with('.') {
        written.push('0');
    }
    let value: f64 = written.replace(".e", ".0e").replace(".E", ".0E").parse().ok()?;
    Some((value, end, exact))
}

/// Digits before the decimal mark, where they end, and whether points group the thousands (`1.234.567,8`).
fn whole_part(text: &str, start: usize) -> (String, usize, bool) {
    let bytes = text.as_bytes();
    let mut end = digits_end(bytes, start);
    let mut digits = text[start..end].to_owned();
    if digits.is_empty() || digits.len() > 3 {
        return (digits, end, false);
    }
    let Some((mark, width)) = separator(text, end) else { return (digits, end, false) };
    let (before, groups_from) = (end, digits.len());
    while separator(text, end) == Some((mark, width)) && three_digits(bytes, end + width) {
        digits.push_str(&text[end + width..end + width + 3]);
        end += width + 3;
    }
    let european = mark == '.' && bytes.get(end) == Some(&b',') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    let several = digits.len() > groups_from + 3;
    if mark == '.' && !european && !several {
        digits.truncate(groups_from);
        return (digits, before, false);
    }
    (digits, end, european)
}

/// A thousands separator at `at` and its length in bytes.
fn separator(text: &str, at: usize) -> Option<(char, usize)> {
    let c = text.get(at..)?.chars().next()?;
    matches!(c, ',' | '.' | '\'' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '_').then(|| (c, c.len_utf8()))
}

fn three_digits(bytes: &[u8], at: usize) -> bool {
    digits_end(bytes, at).saturating_sub(at) == 3
}

fn digits_end(bytes: &[u8], from: usize) -> usize {
    bytes.get(from..).map_or(from, |rest| from + rest.iter().take_while(|b| b.is_ascii_digit()).count())
}

fn exponent_end(bytes: &[u8], at: usize) -> Option<usize> {
    if !matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let digits = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
    let end = digits_end(bytes, digits);
    (end > digits && !bytes.get(end).is_some_and(u8::is_ascii_alphabetic)).then_some(end)
}

/// Digits without leading and trailing zeros.
fn canonical(written: &str) -> String {
    let (whole, places) = written.split_once('.').unwrap_or((written, ""));
    let (whole, places) = (whole.trim_start_matches('0'), places.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if places.is_empty() { whole.to_owned() } else { format!("{whole}.{places}") }
}

/// `/4` after 3, ` 1/2` or `½` after a whole number: the value and how many bytes it takes.
fn fraction_after(rest: &str, value: f64) -> Option<(f64, usize)> {
    if let Some((part, length)) = vulgar(rest, 0) {
        return Some((value + part, length));
    }
    if let Some(below) = rest.strip_prefix('/') {
        let (denominator, length) = small_integer(below)?;
        let dated = below[length..].starts_with('/');
        return (denominator != 0.0 && !dated).then_some((value / denominator, length + 1));
    }
    let mixed = rest.strip_prefix(' ')?;
    let (numerator, top) = small_integer(mixed)?;
    let below = mixed[top..].strip_prefix('/')?;
    let (denominator, bottom) = small_integer(below)?;
    let proper = value.fract() == 0.0 && numerator < denominator && !below[bottom..].starts_with('/');
    proper.then_some((value + numerator / denominator, top + bottom + 2))
}

fn small_integer(text: &str) -> Option<(f64, usize)> {
    let end = digits_end(text.as_bytes(), 0);
    let grouped = text[end..].starts_with(',') && three_digits(text.as_bytes(), end + 1);
    if end == 0 || end > 15 || grouped { None } else { Some((text[..end].parse().ok()?, end)) }
}

/// ` × 10^3`, ` x 10^-3`, `\times 10^{3}` after a mantissa.
fn power_of_ten(rest: &str, value: f64) -> Option<(f64, usize)> {
    let body = rest.trim_start_matches(' ');
    let body = ["×", "\\times", "\\cdot", "x", "*", "·"].iter().find_map(|times| body.strip_prefix(times))?;
    let body = body.trim_start_matches(' ').strip_prefix("10^")?;
    let body = body.strip_prefix('{').unwrap_or(body);
    let (negative, body) = body.strip_prefix(['-', '\u{2212}']).map_or((false, body), |body| (true, body));
    let (power, length) = small_integer(body)?;
    let body = &body[length..];
    let body = body.strip_prefix('}').unwrap_or(body);
    let scaled = value * 10f64.powf(if negative { -power } else { power });
    Some((scaled, rest.len() - body.len()))
}

fn vulgar(text: &str, at: usize) -> Option<(f64, usize)> {
    let c = text.get(at..)?.chars().next()?;
    let value = match c {
        '½' => 1.0 / 2.0,
        '¼' => 1.0 / 4.0,
        '¾' => 3.0 / 4.0,
        '⅓' => 1.0 / 3.0,
        '⅔' => 2.0 / 3.0,
        '⅕' => 1.0 / 5.0,
        '⅖' => 2.0 / 5.0,
        '⅗' => 3.0 / 5.0,
        '⅘' => 4.0 / 5.0,
        '⅙' => 1.0 / 6.0,
        '⅚' => 5.0 / 6.0,
        '⅛' => 1.0 / 8.0,
        '⅜' => 3.0 / 8.0,
        '⅝' => 5.0 / 8.0,
        '⅞' => 7.0 / 8.0,
        _ => return None,
    };
    Some((value, c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[f64]) {
        let values: Vec<f64> = find(text).iter().map(|found| found.value).collect();
        assert_eq!(values, expected, "{text}");
    }

    #[test]
    fn numbers_are_found_in_prose() {
        check("She has $1,234,567.50 left.", &[1_234_567.5]);
        check("-5 and −7, 10-20, a-3", &[-5.0, -7.0, 10.0, 20.0, 3.0]);
        check("-$18.00 or \\$18", &[-18.0, 18.0]);
        check("3/4, 1 1/2, 2½, ¾ and 2024/01/02", &[0.75, 1.5, 2.5, 0.75, 2024.0, 1.0, 2.0]);
        check("1.5e-3, 2E6, 3.2 × 10^4, 5 \\times 10^{-2}", &[1.5e-3, 2e6, 3.2e4, 0.05]);
        check("H2O, x2, _3, GPT4, USD5", &[5.0]);
        check("1,2,3 and 12,34", &[1.0, 2.0, 3.0, 12.0, 34.0]);
        check("1.234.567,89 and 1.234,5 and 1.234", &[1_234_567.89, 1234.5, 1.234]);
        check("1 234", &[1.0, 234.0]);
        check("1\u{202f}234", &[1234.0]);
        check(".5 v1.2.3", &[0.5, 2.3]);
        check("", &[]);
    }

    #[test]
    fn percent_and_exact_digits_are_kept() {
        let all = find("12.50 % of 007 is 98765432109876543210");
        assert!(all[0].percent && !all[1].percent);
        let exact: Vec<_> = all.iter().map(|f| f.exact.clone().unwrap()).collect();
        assert_eq!(exact, ["12.5", "7", "98765432109876543210"]);
    }

    #[test]
    fn a_hostile_megabyte_is_read_in_linear_time() {
        for unit in ["9", "1,", "1/", ".1", "-", "1 1/", "a1", "é9½"] {
            let text = unit.repeat((1 << 20) / unit.len());
            assert!(find(&text).len() <= 1 << 20);
        }
    }
}
