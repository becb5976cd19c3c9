//! What is sent to a model, before any protocol shapes it.

use std::sync::Arc;

use super::JsonText;

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions above the conversation.
    System,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// A piece of a message's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Plain text.
    Text(Arc<str>),
    /// An image of the suite, inlined on the wire.
    Image {
        /// Such as `image/png`, told from the file's first bytes.
        media_type: &'static str,
        /// The file's bytes.
        data: Arc<[u8]>,
    },
    /// An image that the provider fetches; never opened by us.
    ImageUrl(Arc<str>),
}

/// A call that a model makes, or made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolCall {
    /// The call's id as the provider gave it; empty where it gave none.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// The arguments as the model wrote them: usually JSON, not necessarily valid.
    pub arguments: String,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Vec<Part>,
    /// Calls made in this message (assistant only).
    pub tool_calls: Vec<ToolCall>,
    /// The call that this message answers (tool only).
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message of plain text.
    pub fn text(role: Role, text: impl Into<Arc<str>>) -> Self {
        Self { role, content: vec![Part::Text(text.into())], tool_calls: Vec::new(), tool_call_id: None }
    }
}

/// A function offered to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// The function's name.
    pub name: String,
    /// What it does, for the model to read.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: JsonText,
    /// Ask the provider to enforce the schema.
    pub strict: bool,
}

/// Whether and which tool the model must call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// Some call.
    Required,
    /// This function.
    Function(String),
}

/// The form asked of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Any JSON object.
    JsonObject,
    /// JSON that conforms to a schema.
    JsonSchema {
        /// A short name for the provider.
        name: String,
        /// The schema.
        schema: JsonText,
    },
}

/// Everything that one trial says to the model: a prompt rendered for a case.
///
/// `turns` holds one entry per request. All but the first are appended after the model's own answer to
/// the turn before, so a conversation that builds on the model's answers is several requests of one trial.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conversation {
    /// Messages added before each request; never empty.
    pub turns: Vec<Vec<Message>>,
    /// Functions offered.
    pub tools: Vec<Tool>,
    /// Whether one must be called; `None` sends nothing.
    pub tool_choice: Option<ToolChoice>,
    /// Form of the answer; `None` sends nothing.
    pub format: Option<Format>,
}

impl Conversation {
    /// Bytes of text and images in all turns, and of tool descriptions.
    pub fn size(&self) -> usize {
        let part = |part: &Part| match part {
            Part::Text(text) | Part::ImageUrl(text) => text.len(),
            Part::Image { data, .. } => data.len() * 4 / 3,
        };
        let messages: usize = self.turns.iter().flatten().flat_map(|m| &m.content).map(part).sum();
        let tools: usize = self.tools.iter().map(|t| t.description.len() + t.parameters.as_str().len()).sum();
        messages + tools
    }
}
