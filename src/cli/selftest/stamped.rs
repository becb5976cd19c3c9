//! A decoder that keeps the server's own stamps.

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

impl Decoder for Stamped {
    fn event(&mut self, _name: &str, data: &str, out: &mut Vec<(Channel, u32)>) {
        if data.starts_with("[DONE]") {
            self.done = true;
            return out.push((Channel::Done, 0));
        }
        let Ok(chunk) = serde_json::from_str::<serde_json::Value>(data) else { return };
        let content = chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
        match chunk["sim_ns"].as_u64() {
            Some(stamp) if !content.is_empty() => {
                self.stamps.push(stamp);
                out.push((Channel::Text, content.len() as u32));
            }
            _ => out.push((Channel::Role, 0)),
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
