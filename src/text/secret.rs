//! Secrets and the redactor that every writer passes its bytes through.

use std::fmt;
use std::sync::Arc;

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
/// By value, not by field name: field names keep failing in practice. Covers the value raw, JSON-escaped,
/// URL-encoded, in base64 and hexadecimal, and any prefix or suffix of at least eight characters that providers echo back.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    needles: Arc<Vec<Needle>>,
}

#[derive(Debug)]
struct Needle {
    whole: Vec<Secret>,
    parts: Vec<Secret>,
}

/// Echoed parts shorter than this are too likely to be ordinary text.
const SHORTEST_PART: usize = 8;

impl Redactor {
    /// A redactor that knows these secrets. Values under four characters are ignored: they would blank ordinary text.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let needles = secrets.into_iter().filter(|s| s.expose().len() >= 4).map(needle).collect();
        Self { needles: Arc::new(needles) }
    }

    /// `text` without any secret. Borrows nothing: writers call it once per line.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for needle in self.needles.iter() {
            for form in needle.whole.iter().chain(&needle.parts) {
                if clean.contains(form.expose()) {
                    clean = clean.replace(form.expose(), MASK);
                }
            }
        }
        clean
    }

    /// Whether any form of a secret occurs in `text`.
    pub fn finds(&self, text: &str) -> bool {
        self.needles.iter().any(|n| n.whole.iter().chain(&n.parts).any(|form| text.contains(form.expose())))
    }
}

fn needle(secret: &Secret) -> Needle {
    let value = secret.expose();
    let mut whole = vec![value.to_owned(), json_escaped(value), url_encoded(value), hex(value)];
    whole.extend(base64_forms(value));
    whole.sort_by_key(|form| std::cmp::Reverse(form.len()));
    whole.dedup();
    Needle { whole: whole.into_iter().map(Secret::new).collect(), parts: parts(value) }
}

/// Prefixes and suffixes, longest first, that identify the secret without being all of it.
fn parts(value: &str) -> Vec<Secret> {
    let n = value.chars().count();
    let longest_first = (SHORTEST_PART..n).rev();
    longest_first
        .flat_map(|len| [value.chars().take(len).collect::<String>(), value.chars().skip(n - len).collect()])
        .map(Secret::new)
        .collect()
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
            forms.extend(text.get(skip..keep).filter(|form| form.len() >= SHORTEST_PART).map(str::to_owned));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-test-0123/4567+89ab\"cdef";

    #[track_caller]
    fn check(hidden: &str) {
        let redactor = Redactor::new(&[Secret::new(KEY)]);
        let clean = redactor.clean(&format!("before {hidden} after"));
        assert!(!clean.contains(hidden), "{clean}");
        assert!(clean.starts_with("before ") && clean.ends_with(" after"), "{clean}");
    }

    #[test]
    fn every_encoding_is_found() {
        check(KEY);
        check(&json_escaped(KEY));
        check(&url_encoded(KEY));
        check(&hex(KEY));
        check(&STANDARD.encode(KEY));
        check(&STANDARD.encode(format!("x{KEY}"))[2..37]);
        check("sk-test-0123");
        check("+89ab\"cdef");
    }

    #[test]
    fn a_secret_never_prints() {
        assert_eq!(format!("{:?}", Secret::new(KEY)), "(redacted)");
    }
}
