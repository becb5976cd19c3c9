//! Secrets and the redactor that every writer passes its bytes through.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A secret that never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }

    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// What stands where a secret stood.
pub const MASK: &str = "(redacted)";

/// Replaces secret values in text, whatever field they stand in.
///
/// By value, not by field name: field names keep failing in practice. Finds the value raw, backwards, JSON-escaped,
/// URL-encoded, in base64, in hexadecimal and with each character escaped, in upper and lower case; any twelve characters
/// of any of these; and the shorter beginnings and ends that providers echo back. One pass over the text, whatever the
/// number of secrets.
#[derive(Clone, Default)]
pub struct Redactor {
    finder: Option<Arc<AhoCorasick>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.finder.is_some() { "Redactor(armed)" } else { "Redactor(idle)" })
    }
}

/// Values shorter than this are not looked for: `ollama` and `EMPTY` are no secrets, and blanking them would blank
/// ordinary text.
const SHORTEST_SECRET: usize = 8;

/// Any run of this many characters of a secret gives it away.
const WINDOW: usize = 12;

/// Shortest beginning and end of a long secret that are masked.
const SHORTEST_HEAD: usize = 6;
const SHORTEST_TAIL: usize = 8;

/// From this length on a secret is long: six characters of it are no ordinary word.
const LONG: usize = 20;

impl Redactor {
    /// A redactor that knows these secrets; those under eight characters are ignored.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let known = secrets.into_iter().map(Secret::expose).filter(|value| value.len() >= SHORTEST_SECRET);
        let needles: Vec<Vec<u8>> = known.flat_map(needles).collect();
        if needles.is_empty() {
            return Self::default();
        }
        // Construction fails only past four billion states; no environment holds that many secrets.
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(&needles).ok();
        Self { finder: finder.map(Arc::new) }
    }

    /// `text` without any secret.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut from = 0;
        for hidden in self.places(text) {
            clean.push_str(&text[from..hidden.start]);
            clean.push_str(MASK);
            from = hidden.end;
        }
        clean.push_str(&text[from..]);
        clean
    }

    /// Overwrites every secret in `bytes` with asterisks, so that nothing else moves; says whether there was one.
    pub fn blot(&self, bytes: &mut [u8]) -> bool {
        let Some(finder) = &self.finder else { return false };
        let found: Vec<Range<usize>> = finder.find_overlapping_iter(&*bytes).map(|m| m.range()).collect();
        for place in &found {
            bytes[place.clone()].fill(b'*');
        }
        !found.is_empty()
    }

    /// Whether any form of a secret occurs in `text`.
    pub fn finds(&self, text: &str) -> bool {
        self.finder.as_ref().is_some_and(|finder| finder.is_match(text))
    }

    /// Where secrets stand, ascending and disjoint, at character borders.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let Some(finder) = self.finder.as_ref().filter(|finder| finder.is_match(text)) else { return Vec::new() };
        let mut found: Vec<Range<usize>> = finder.find_overlapping_iter(text).map(|m| m.range()).collect();
        found.sort_by_key(|place| place.start);
        let mut places: Vec<Range<usize>> = Vec::new();
        for place in found {
            let (start, end) = widened(text, &place);
            match places.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => places.push(start..end),
            }
        }
        places
    }
}

/// `place` widened to whole characters.
fn widened(text: &str, place: &Range<usize>) -> (usize, usize) {
    let (mut start, mut end) = (place.start, place.end);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    (start, end)
}

/// Everything that gives a secret away.
fn needles(value: &str) -> Vec<Vec<u8>> {
    let mut needles: Vec<Vec<u8>> = forms(value).iter().flat_map(|form| windows(form.as_bytes())).collect();
    needles.extend(dressed(value).iter().flat_map(|units| wide_windows(units)));
    needles.extend(ends(value).map(|end| end.as_bytes().to_vec()));
    needles.sort();
    needles.dedup();
    needles
}

/// The value in every encoding that it may leave in.
fn forms(value: &str) -> Vec<String> {
    let escaped = json_escaped(value);
    let (url, hex) = (url_encoded(value), hex(value));
    let mut forms = vec![value.to_owned(), json_escaped(&escaped), escaped, value.chars().rev().collect()];
    forms.extend([url, hex]);
    forms.extend(base64_forms(value));
    forms
}

/// The value with each byte escaped, as web pages, logs and debuggers print what they do not trust.
fn dressed(value: &str) -> Vec<Vec<String>> {
    let dress: [fn(u8) -> String; 9] = [
        |b| format!("%{b:02x}"),
        |b| format!("\\u{b:04x}"),
        |b| format!("\\\\u{b:04x}"),
        |b| format!("\\x{b:02x}"),
        |b| format!("\\\\x{b:02x}"),
        |b| format!("&#{b};"),
        |b| format!("&#x{b:x};"),
        |b| format!("{b:02x}:"),
        |b| format!("{b:02x} "),
    ];
    dress.iter().map(|dress| value.bytes().map(dress).collect()).collect()
}

/// Runs of as many escaped characters as a window holds plain ones.
fn wide_windows(units: &[String]) -> Vec<Vec<u8>> {
    let size = units.len().clamp(1, WINDOW);
    units.windows(size).map(|run| run.concat().trim_end_matches([':', ' ']).as_bytes().to_vec()).collect()
}

fn windows(form: &[u8]) -> Vec<Vec<u8>> {
    if form.len() <= WINDOW { vec![form.to_vec()] } else { form.windows(WINDOW).map(<[u8]>::to_vec).collect() }
}

/// Beginnings and ends shorter than a window that are no ordinary words: they hold something other than a letter.
fn ends(value: &str) -> impl Iterator<Item = &str> {
    let head = if value.len() >= LONG { SHORTEST_HEAD } else { SHORTEST_TAIL };
    let heads = (head..WINDOW).filter_map(|n| value.get(..n));
    let tails = (SHORTEST_TAIL..WINDOW).filter_map(|n| value.get(value.len().checked_sub(n)?..));
    heads.chain(tails).filter(|end| end.len() < value.len() && end.chars().any(|c| !c.is_alphabetic()))
}

fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn url_encoded(value: &str) -> String {
    value
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                (b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn hex(value: &str) -> String {
    value.bytes().flat_map(|b| [b >> 4, b & 15]).filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

/// The base64 text of the value at each of the three alignments inside longer data, less the characters that
/// depend on its neighbours.
fn base64_forms(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for shift in 0..3usize {
        let padded = [vec![0u8; shift], value.as_bytes().to_vec()].concat();
        let skip = (shift * 8).div_ceil(6);
        let keep = padded.len() * 8 / 6;
        for text in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.extend(text.get(skip..keep).filter(|form| form.len() >= SHORTEST_SECRET).map(str::to_owned));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-test-0123/4567+89ab\"cdef";

    #[track_caller]
    fn check(hidden: &str) {
        let redactor = Redactor::new(&[Secret::new(KEY)]);
        let clean = redactor.clean(&format!("before {hidden} after"));
        assert!(!clean.contains(hidden), "{clean}");
        assert!(clean.starts_with("before ") && clean.ends_with(" after"), "{clean}");
        assert!(redactor.finds(hidden) && !redactor.finds(&clean));
    }

    #[test]
    fn every_encoding_is_found() {
        check(KEY);
        check(&json_escaped(KEY));
        check(&json_escaped(&json_escaped(KEY)));
        check(&url_encoded(KEY));
        check(&url_encoded(KEY).to_lowercase());
        check(&hex(KEY));
        check(&hex(KEY).to_uppercase());
        check(&STANDARD.encode(KEY));
        check(&STANDARD.encode(format!("x{KEY}"))[2..37]);
        check(&STANDARD.encode(format!("xy{KEY}"))[3..38]);
        check(&KEY.chars().rev().collect::<String>());
        check(&KEY.to_uppercase());
        for units in dressed(KEY) {
            check(units.concat().trim_end_matches([':', ' ']));
        }
        check(&dressed(KEY)[6].concat().to_uppercase());
    }

    #[test]
    fn what_providers_echo_is_found() {
        check("sk-tes");
        check("sk-test-0123");
        check("+89ab\"cdef");
        check("0123/4567+89");
        let echo = Redactor::new(&[Secret::new(KEY)]).clean("Incorrect API key provided: sk-test-01***");
        assert_eq!(echo, "Incorrect API key provided: (redacted)***");
    }

    #[test]
    fn ordinary_words_stay() {
        let keys = ["ollama", "EMPTY", "simulated-key-0000000000"].map(Secret::new);
        let redactor = Redactor::new(&keys);
        for text in ["ollama run", "EMPTY", "the simulated answer", "key-0000", ""] {
            assert_eq!(redactor.clean(text), text);
        }
    }

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new(KEY);
        assert_eq!(format!("{secret:?}"), "(redacted)");
        assert!(!format!("{:?}", Redactor::new(&[secret])).contains("sk-test"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_twelve_characters_survive(
            key in "[A-Za-z0-9_+/=-]{16,60}", before in ".{0,20}", after in ".{0,20}", cut in any::<prop::sample::Index>(),
        ) {
            let redactor = Redactor::new(&[Secret::new(key.as_str())]);
            let at = cut.index(key.len() - 11);
            let clean = redactor.clean(&format!("{before}{}{after}", &key[at..at + 12]));
            prop_assert!(!redactor.finds(&clean));
            for window in key.as_bytes().windows(12) {
                prop_assert!(!clean.as_bytes().windows(12).any(|w| w == window));
            }
        }

        #[test]
        fn text_without_secrets_is_untouched(text in ".{0,200}") {
            let redactor = Redactor::new(&[Secret::new("k9-VeryUnlikelyToOccur-7731")]);
            prop_assert_eq!(redactor.clean(&text), text);
        }
    }
}
