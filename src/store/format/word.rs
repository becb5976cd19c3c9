//! Small values of the log: names, numbers that must survive exactly, words that the program knows.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use serde::de::Error;
use serde_json::value::RawValue;

use crate::domain::Channel;
use crate::domain::JsonText;

/// A floating-point number that reads back bit for bit; not a number is `null`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exact(pub(super) f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(from)?.get();
        if text == "null" {
            return Ok(Self(f64::NAN));
        }
        text.parse().map(Self).map_err(|_| D::Error::custom(format!("{text} is not a number")))
    }
}

/// A JSON document, embedded as it is.
#[derive(Debug, Clone)]
pub(super) struct Json(pub(super) JsonText);

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(self.0.as_str()).map_err(serde::ser::Error::custom)?;
        raw.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(JsonText::from(<&RawValue>::deserialize(from)?)))
    }
}

const CHANNELS: [(char, Channel); 10] = [
    ('r', Channel::Reasoning),
    ('t', Channel::Text),
    ('f', Channel::Refusal),
    ('c', Channel::Tool),
    ('o', Channel::Role),
    ('u', Channel::Usage),
    ('s', Channel::Stop),
    ('p', Channel::Ping),
    ('e', Channel::Error),
    ('d', Channel::Done),
];

/// The letter of a channel.
pub(super) fn letter(channel: Channel) -> char {
    CHANNELS.iter().find(|(_, known)| *known == channel).map_or('?', |(letter, _)| *letter)
}

/// The channel of a letter.
pub(super) fn channel(letter: char) -> Result<Channel, String> {
    let found = CHANNELS.iter().find(|(known, _)| *known == letter);
    found.map(|(_, channel)| *channel).ok_or_else(|| format!("`{letter}` is no channel"))
}

/// Words kept at most; a sound log has a dozen.
const MOST_WORDS: usize = 1000;

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// A word as the program's own constant. The program writes few different words, so keeping each for good is cheap;
/// a log that claims thousands is not ours, and its further words read as `other`.
pub(in crate::store) fn intern(word: &str) -> &'static str {
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(word) {
        return known;
    }
    if words.len() >= MOST_WORDS || word.len() > 200 {
        return "other";
    }
    let word: &'static str = Box::leak(word.into());
    words.insert(word);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_a_letter_of_its_own() {
        for (at, (own, of)) in CHANNELS.iter().enumerate() {
            assert_eq!(letter(*of), *own);
            assert_eq!(channel(*own), Ok(*of));
            assert!(CHANNELS[..at].iter().all(|(other, _)| other != own));
        }
        assert!(channel('?').is_err());
    }

    #[test]
    fn floats_survive_exactly() {
        for value in [0.1 + 0.2, f64::MIN_POSITIVE, 1e300, 5e-324, -0.0, 123_456_789.123_456_78] {
            let text = serde_json::to_string(&Exact(value)).unwrap();
            assert_eq!(serde_json::from_str::<Exact>(&text).unwrap().0.to_bits(), value.to_bits(), "{text}");
        }
    }

    #[test]
    fn words_are_bounded() {
        assert!(std::ptr::eq(intern("reasoning_content"), intern("reasoning_content")));
        assert_eq!(intern(&"x".repeat(201)), "other");
    }
}
