//! A decoder that keeps the server's own stamps.

use memchr::memmem;

use crate::domain::Channel;
use crate::domain::JsonText;
use crate::domain::Outcome;
use crate::domain::Reply;
use crate::provider::Decoded;
use crate::provider::Decoder;
use crate::provider::End;
use crate::provider::Head;

/// Decodes chat chunks that carry a `sim_ns` stamp.
#[derive(Default)]
pub(super) struct Stamped {
    stamps: Vec<u64>,
    done: bool,
}

/// The stamps of a reply's token-bearing events, in nanoseconds of `CLOCK_MONOTONIC`.
pub(super) fn stamps(reply: &Reply) -> Vec<u64> {
    let list = reply.timings.as_ref().map(JsonText::value);
    list.iter().filter_map(|value| value.as_array()).flatten().filter_map(serde_json::Value::as_u64).collect()
}

/// The stamp of a chunk that carries text. Our own simulator writes it last, so that nothing needs to be parsed whole:
/// what is measured is the client, not a reader of JSON.
fn stamp_of(data: &str) -> Option<u64> {
    let at = data.rfind("\"sim_ns\":")?;
    let has_text = memmem::find(data.as_bytes(), b"\"content\":\"")
        .is_some_and(|from| data.as_bytes().get(from + b"\"content\":\"".len()).is_some_and(|next| *next != b'"'));
    has_text.then(|| data[at..].trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()).flatten()
}

impl Decoder for Stamped {
    fn event(&mut self, _name: &str, data: &str, out: &mut Vec<(Channel, u32)>) {
        if data.starts_with("[DONE]") {
            self.done = true;
            return out.push((Channel::Done, 0));
        }
        match stamp_of(data) {
            Some(stamp) => {
                self.stamps.push(stamp);
                out.push((Channel::Text, 1));
            }
            None => out.push((Channel::Role, 0)),
        }
    }

    fn body(&mut self, _body: &[u8], _out: &mut Vec<(Channel, u32)>) {}

    fn has_token(&self) -> bool {
        !self.stamps.is_empty()
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn finish(self: Box<Self>, _head: &Head, _end: End) -> Decoded {
        let timings = Some(JsonText::new(&serde_json::Value::from(self.stamps)));
        let reply = Reply { timings, ..Reply::default() };
        let outcome = if self.done { Outcome::Ok } else { Outcome::Truncated };
        Decoded { reply, outcome, detail: String::new(), message: String::new(), retry_after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunks_with_text_carry_a_stamp() {
        let chunk = |delta: &str| format!(r#"{{"id":"sim12","choices":[{{"delta":{delta}}}],"sim_ns":987654321}}"#);
        assert_eq!(stamp_of(&chunk(r#"{"content":"tock"}"#)), Some(987_654_321));
        assert_eq!(stamp_of(&chunk(r#"{"role":"assistant","content":""}"#)), None);
        assert_eq!(stamp_of(&chunk("{}")), None);
        assert_eq!(stamp_of(r#"{"choices":[{"delta":{"content":"x"}}]}"#), None);
    }
}
