//! The fast path: in a stream most chunks differ from the one before in nothing but their text.
//!
//! Once a chunk has been parsed and found to carry one piece of plain text and nothing else, all that stands before
//! and behind that text is remembered. A later chunk with the same surroundings, and text in between that cannot end
//! a JSON string, must parse to the same structure, so it need not be parsed.

use std::borrow::Cow;

use super::chunk::Chunk;
use super::chunk::Delta;
use crate::domain::Channel;

/// The surroundings of the text in a chunk.
#[derive(Debug)]
pub(super) struct Template {
    before: String,
    after: String,
    channel: Channel,
}

impl Template {
    /// The template that `chunk`, parsed from `data`, makes for its successors; `None` where it carries more than a
    /// piece of text.
    pub(super) fn of(chunk: &Chunk<'_>, data: &str) -> Option<Self> {
        let [choice] = chunk.choices.0.as_slice() else { return None };
        let plain = chunk.usage.is_none()
            && chunk.error.is_none()
            && chunk.code.is_none()
            && chunk.timings.is_none()
            && choice.finish_reason.text.is_empty()
            && choice.text.text.is_empty()
            && choice.message.is_none();
        let (channel, text) = only_text(choice.delta.as_ref()?)?;
        let at = (text.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
        let (before, after) = (data.get(..at)?, data.get(at + text.len()..)?);
        (plain && before.ends_with('"') && after.starts_with('"')).then(|| Self {
            before: before.to_owned(),
            after: after.to_owned(),
            channel,
        })
    }

    /// The text of `data`, if nothing but the text differs.
    pub(super) fn text_of<'d>(&self, data: &'d str) -> Option<(Channel, &'d str)> {
        let text = data.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let plain = text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        plain.then_some((self.channel, text))
    }
}

/// The one piece of text that a delta consists of, where it stands in the event without escapes.
fn only_text<'d>(delta: &'d Delta<'_>) -> Option<(Channel, &'d str)> {
    let quiet = delta.refusal.text.is_empty()
        && delta.tool_calls.0.is_empty()
        && delta.function_call.is_none()
        && delta.reasoning_details.0.is_empty();
    let texts = [
        (Channel::Text, &delta.content),
        (Channel::Reasoning, &delta.reasoning_content),
        (Channel::Reasoning, &delta.reasoning),
    ];
    let mut filled = texts.into_iter().filter(|(_, text)| !text.text.is_empty());
    let (channel, text) = filled.next()?;
    let borrowed = matches!(text.text, Cow::Borrowed(_)) && !text.is_odd;
    (quiet && borrowed && filled.next().is_none()).then_some((channel, text.text.as_ref()))
}
