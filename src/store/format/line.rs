//! The frame of a line: number, time and kind in front, checksum at the end.

use std::borrow::Cow;
use std::io::Write;

use serde::Deserialize;

/// What stands in front of every line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Head<'a> {
    /// Sequence number, from 0.
    pub n: u64,
    /// Nanoseconds since the run's monotonic zero.
    pub t: u64,
    /// The kind.
    #[serde(borrow)]
    pub k: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// The head of a line as [`open`] writes it; a line written otherwise is read as JSON.
    ///
    /// # Errors
    /// Says what the line lacks.
    pub fn of(line: &'a str) -> serde_json::Result<Self> {
        Self::in_front(line).map_or_else(|| serde_json::from_str(line), Ok)
    }

    /// Looks at the first bytes alone, where they are in the order in which they are written.
    fn in_front(line: &'a str) -> Option<Self> {
        let (n, rest) = line.strip_prefix("{\"n\":")?.split_once(",\"t\":")?;
        let (t, rest) = rest.split_once(",\"k\":\"")?;
        let (k, _) = rest.split_once('"')?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        (digits(n) && digits(t) && !k.contains('\\')).then_some(())?;
        Some(Self { n: n.parse().ok()?, t: t.parse().ok()?, k: k.into() })
    }
}

/// Length of `,"crc":"01234567"}`.
const TAIL: usize = 18;

/// Begins a line in `out`.
pub fn open(out: &mut Vec<u8>, n: u64, t: u64, kind: &str) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{{\"n\":{n},\"t\":{t},\"k\":\"{kind}\"");
}

/// Ends a line with its checksum. `line` is the whole line so far.
pub fn finish(line: &mut Vec<u8>) {
    let crc = crc32fast::hash(line);
    let _ = writeln!(line, ",\"crc\":\"{crc:08x}\"}}");
}

/// Checks a line, without its line feed, against its checksum.
///
/// # Errors
/// Says what does not hold.
pub fn verify(line: &[u8]) -> Result<(), String> {
    let at = line.len().checked_sub(TAIL).ok_or("too short to be a line of the log")?;
    let (body, tail) = line.split_at(at);
    let stated = tail
        .strip_prefix(b",\"crc\":\"")
        .and_then(|rest| rest.strip_suffix(b"\"}"))
        .and_then(|hex| std::str::from_utf8(hex).ok())
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        .ok_or("no checksum at the end of the line")?;
    let found = crc32fast::hash(body);
    if found == stated { Ok(()) } else { Err(format!("checksum {found:08x} where the line states {stated:08x}")) }
}

/// The trial that an observation or a verdict is about, from the front of its line alone; nothing for other lines.
pub fn trial_of(line: &[u8]) -> Option<u64> {
    let (_, rest) = digits(line.strip_prefix(b"{\"n\":")?)?;
    let (_, rest) = digits(rest.strip_prefix(b",\"t\":")?)?;
    let kinds: [&[u8]; 2] = [b",\"k\":\"observed\",\"trial\":", b",\"k\":\"graded\",\"trial\":"];
    let rest = kinds.iter().find_map(|kind| rest.strip_prefix(*kind))?;
    digits(rest).map(|(trial, _)| trial)
}

/// The number in front, and what follows it.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    Some((std::str::from_utf8(&text[..end]).ok()?.parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_read_the_same_in_front_and_as_json() {
        let mut line = Vec::new();
        open(&mut line, 3, u64::MAX, "ended");
        line.extend_from_slice(br#","k2":"x"}"#);
        let line = String::from_utf8(line).unwrap();
        assert_eq!(Head::in_front(&line), serde_json::from_str(&line).ok());
        for other in [r#"{"t":1,"n":2,"k":"a"}"#, r#"{"n":1,"t":2,"k":"a\nb"}"#, r#"{ "n":1,"t":2,"k":"a"}"#] {
            assert_eq!(Head::in_front(other), None, "{other}");
            assert_eq!(Head::of(other).unwrap(), serde_json::from_str::<Head<'_>>(other).unwrap());
        }
        assert!(Head::of(r#"{"n":+1,"t":2,"k":"a"}"#).is_err());
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut line = Vec::new();
        open(&mut line, 3, 9, "ended");
        line.extend_from_slice(br#","status":"complete""#);
        finish(&mut line);
        assert_eq!(line.pop(), Some(b'\n'));
        assert_eq!(verify(&line), Ok(()));
        for at in 0..line.len() {
            let mut bad = line.clone();
            bad[at] ^= 4;
            assert!(verify(&bad).is_err(), "byte {at}");
            assert!(verify(&line[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_trial_stands_in_front() {
        let of = |line: &str| trial_of(line.as_bytes());
        assert_eq!(of(r#"{"n":7,"t":12,"k":"observed","trial":42,"attempt":1"#), Some(42));
        assert_eq!(of(r#"{"n":7,"t":12,"k":"graded","trial":3,"grader":"x"}"#), Some(3));
        for other in [r#"{"n":7,"t":12,"k":"intent","first":0}"#, r#"{"n":7,"t":12,"k":"observed","trial":"#, "", "{"] {
            assert_eq!(of(other), None);
        }
    }

    /// CRC-32/ISO-HDLC of "123456789" is cbf43926 (the check value of the CRC catalogues).
    #[test]
    fn the_checksum_is_the_common_one() {
        let mut line = b"123456789".to_vec();
        finish(&mut line);
        assert_eq!(line, b"123456789,\"crc\":\"cbf43926\"}\n");
    }
}
