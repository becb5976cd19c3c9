//! Prompts: from what the file says to conversations rendered for each case.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use super::cases::Placed;
use super::cases::text;
use super::de::At;
use super::file::CallFile;
use super::file::FormatFile;
use super::file::MessageFile;
use super::file::PartFile;
use super::file::PromptFile;
use super::file::SpeakerFile;
use super::file::ToolChoiceFile;
use super::file::ToolFile;
use super::problem::Sink;
use super::problem::Span;
use super::read::Files;
use super::template::Template;
use super::template::Templates;
use super::template::Vars;
use crate::domain::Case;
use crate::domain::Conversation;
use crate::domain::Format;
use crate::domain::JsonText;
use crate::domain::Message;
use crate::domain::Part;
use crate::domain::PromptId;
use crate::domain::Role;
use crate::domain::Tool;
use crate::domain::ToolCall;
use crate::domain::ToolChoice;

/// Bytes of an image at most.
const IMAGE_CAP: u64 = 20 << 20;

/// A prompt with its templates compiled.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Its name.
    pub id: PromptId,
    /// Where it is written.
    pub span: Span,
    /// Messages added before each request.
    pub turns: Vec<Vec<MessageTemplate>>,
    /// Functions offered.
    pub tools: Vec<Tool>,
    /// Whether one must be called.
    pub tool_choice: Option<ToolChoice>,
    /// Form of the answer.
    pub format: Option<Format>,
}

/// A message whose text is still a template.
#[derive(Debug, Clone)]
pub struct MessageTemplate {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Vec<PartTemplate>,
    /// Calls made in this message.
    pub tool_calls: Vec<ToolCall>,
    /// The call that this message answers.
    pub tool_call_id: Option<String>,
}

/// A piece of content that is still a template.
#[derive(Debug, Clone, Copy)]
pub enum PartTemplate {
    /// Text.
    Text(Template),
    /// Path of an image.
    Image(Template, Span),
    /// Address of an image.
    ImageUrl(Template, Span),
}

impl Prompt {
    /// The prompt sends images.
    pub fn has_images(&self) -> bool {
        let mut parts = self.turns.iter().flatten().flat_map(|message| &message.content);
        parts.any(|part| !matches!(part, PartTemplate::Text(_)))
    }

    /// Rendering it gives the same conversation for every case.
    fn is_plain(&self, templates: &Templates) -> bool {
        let mut parts = self.turns.iter().flatten().flat_map(|message| &message.content);
        parts.all(|part| match part {
            PartTemplate::Text(t) | PartTemplate::Image(t, _) | PartTemplate::ImageUrl(t, _) => templates.is_plain(*t),
        })
    }
}

/// What is needed to read prompts.
pub struct Reader<'a> {
    /// Takes the problems.
    pub sink: &'a Sink,
    /// The suite's files.
    pub files: &'a dyn Files,
    /// Takes the templates.
    pub templates: &'a mut Templates,
}

/// Reads all prompts.
pub fn load(reader: &mut Reader<'_>, entries: &[At<PromptFile>]) -> Vec<Prompt> {
    let mut prompts = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, entry) in entries.iter().enumerate() {
        let Some(file) = entry.get() else { continue };
        let id = file.id.as_ref().and_then(At::get).cloned().unwrap_or_else(|| format!("prompt-{}", at + 1));
        if !seen.insert(id.clone()) {
            let place = file.id.as_ref().map_or(entry.span, |id| id.span);
            reader.sink.advise(place, format!("the prompt id `{id}` is used twice"), "ids are unique within a suite");
        }
        prompts.push(read_prompt(reader, entry.span, file, id.into()));
    }
    prompts
}

fn read_prompt(reader: &mut Reader<'_>, span: Span, file: &PromptFile, id: PromptId) -> Prompt {
    let turns = read_turns(reader, span, file);
    let tools = file.tools.as_ref().and_then(At::get).map(|tools| read_tools(reader.sink, tools)).unwrap_or_default();
    let choice = file.tool_choice.as_ref().and_then(|at| Some((at.span, at.get()?)));
    let tool_choice = choice.map(|(span, choice)| read_choice(reader.sink, span, choice, &tools));
    let format = file.response_format.as_ref().and_then(At::get).and_then(|format| read_format(reader, format));
    Prompt { id, span, turns, tools, tool_choice, format }
}

fn read_turns(reader: &mut Reader<'_>, span: Span, file: &PromptFile) -> Vec<Vec<MessageTemplate>> {
    if let Some(messages) = &file.messages {
        if let Some(user) = &file.user {
            reader.sink.advise(user.span, "`user` and `messages` exclude each other", "add a message of role user");
        }
        let system = file.system.as_ref().and_then(|text| Some(plain(reader, Role::System, text.span, text.get()?)));
        let messages = messages.get().map_or(&[][..], Vec::as_slice);
        return split_turns(reader, span, system, messages);
    }
    let mut turn = Vec::new();
    for (role, text) in [(Role::System, &file.system), (Role::User, &file.user)] {
        if let Some(at) = text
            && let Some(text) = at.get()
        {
            turn.push(plain(reader, role, at.span, text));
        }
    }
    if file.user.is_none() {
        reader.sink.advise(span.head(), "the prompt asks nothing", "add `user:` or `messages:`");
    }
    vec![turn]
}

fn plain(reader: &mut Reader<'_>, role: Role, span: Span, text: &str) -> MessageTemplate {
    let template = reader.templates.add(reader.sink, span, text);
    MessageTemplate { role, content: vec![PartTemplate::Text(template)], tool_calls: Vec::new(), tool_call_id: None }
}

/// Cuts messages where the model answers by itself.
fn split_turns(
    reader: &mut Reader<'_>,
    span: Span,
    system: Option<MessageTemplate>,
    messages: &[At<MessageFile>],
) -> Vec<Vec<MessageTemplate>> {
    let mut turns = vec![Vec::from_iter(system)];
    let mut generated = None;
    for at in messages {
        let Some(message) = at.get() else { continue };
        if message.generate.as_ref().and_then(At::copied) == Some(true) {
            check_generated(reader.sink, at.span, message, turns.last().is_none_or(Vec::is_empty));
            generated = Some(at.span);
            turns.push(Vec::new());
        } else {
            let message = read_message(reader, at.span, message);
            if let (Some(turn), Some(message)) = (turns.last_mut(), message) {
                turn.push(message);
            }
        }
    }
    if turns.len() > 1 && turns.last().is_some_and(Vec::is_empty) {
        let help = "remove it: the model answers the last turn anyway";
        reader.sink.advise(generated.unwrap_or(span), "nothing follows the generated message", help);
        turns.pop();
    }
    if messages.is_empty() {
        reader.sink.advise(span.head(), "`messages` is empty", "add a message of role user");
    }
    turns
}

fn check_generated(sink: &Sink, span: Span, message: &MessageFile, first: bool) {
    if message.role.copied() != Some(SpeakerFile::Assistant) || message.content.is_some() {
        sink.advise(
            span,
            "only an assistant message without content is generated",
            "write `{role: assistant, generate: true}`",
        );
    }
    if first {
        sink.advise(span, "nothing comes before the generated message", "put a user message before it");
    }
}

fn read_message(reader: &mut Reader<'_>, span: Span, message: &MessageFile) -> Option<MessageTemplate> {
    let role = match message.role.copied()? {
        SpeakerFile::System => Role::System,
        SpeakerFile::User => Role::User,
        SpeakerFile::Assistant => Role::Assistant,
        SpeakerFile::Tool => Role::Tool,
    };
    let parts = message.content.as_ref().and_then(At::get).map_or(&[][..], |many| &many.0);
    let content = parts.iter().filter_map(|part| read_part(reader, part.get()?)).collect();
    let calls = message.tool_calls.as_ref().and_then(At::get).map_or(&[][..], Vec::as_slice);
    let tool_calls: Vec<ToolCall> = calls.iter().filter_map(At::get).map(read_call).collect();
    if parts.is_empty() && tool_calls.is_empty() {
        reader.sink.advise(span, "the message says nothing", "add `content:`");
    }
    if role == Role::Tool && message.tool_call_id.is_none() {
        reader.sink.advise(span, "a tool's message answers a call", "add `tool_call_id:` with the id of the call");
    }
    let tool_call_id = message.tool_call_id.as_ref().and_then(At::get).cloned();
    Some(MessageTemplate { role, content, tool_calls, tool_call_id })
}

fn read_part(reader: &mut Reader<'_>, part: &PartFile) -> Option<PartTemplate> {
    let (PartFile::Text(at) | PartFile::Image(at) | PartFile::ImageUrl(at)) = part;
    let template = reader.templates.add(reader.sink, at.span, at.get()?);
    Some(match part {
        PartFile::Text(_) => PartTemplate::Text(template),
        PartFile::Image(_) => PartTemplate::Image(template, at.span),
        PartFile::ImageUrl(_) => PartTemplate::ImageUrl(template, at.span),
    })
}

fn read_call(call: &CallFile) -> ToolCall {
    let arguments = match &call.arguments {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "{}".into(),
    };
    ToolCall { id: call.id.clone().unwrap_or_default(), name: call.name.clone(), arguments }
}

fn read_tools(sink: &Sink, tools: &[At<ToolFile>]) -> Vec<Tool> {
    let mut seen = BTreeSet::new();
    tools.iter().filter_map(|tool| read_tool(sink, tool.get()?, &mut seen)).collect()
}

fn read_tool(sink: &Sink, tool: &ToolFile, seen: &mut BTreeSet<String>) -> Option<Tool> {
    let name = tool.name.get()?.clone();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(legal) {
        sink.advise(
            tool.name.span,
            format!("`{name}` is no function name"),
            "use letters, digits, `_` and `-`, 64 at most",
        );
    }
    if !seen.insert(name.clone()) {
        sink.advise(tool.name.span, format!("the tool `{name}` is offered twice"), "remove one of the two");
    }
    let empty = json!({"type": "object", "properties": {}});
    let parameters = tool.parameters.as_ref().map_or(Some(&empty), At::get)?;
    if let Some(at) = &tool.parameters
        && !parameters.is_object()
    {
        sink.advise(at.span, "parameters are a JSON Schema", "write `{type: object, properties: {..}}`");
    }
    Some(Tool {
        name,
        description: tool.description.clone().unwrap_or_default(),
        parameters: JsonText::new(parameters),
        strict: tool.strict.unwrap_or(false),
    })
}

fn read_choice(sink: &Sink, span: Span, choice: &ToolChoiceFile, tools: &[Tool]) -> ToolChoice {
    if tools.is_empty() && *choice != ToolChoiceFile::None {
        sink.advise(span, "the prompt offers no tools to choose from", "add `tools:`, or remove `tool_choice`");
    }
    match choice {
        ToolChoiceFile::Auto => ToolChoice::Auto,
        ToolChoiceFile::None => ToolChoice::None,
        ToolChoiceFile::Required => ToolChoice::Required,
        ToolChoiceFile::Function(name) => {
            if !tools.is_empty() && !tools.iter().any(|tool| tool.name == *name) {
                let known = tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(", ");
                sink.advise(span, format!("`{name}` is no tool of this prompt"), format!("the tools are {known}"));
            }
            ToolChoice::Function(name.clone())
        }
    }
}

fn read_format(reader: &Reader<'_>, format: &FormatFile) -> Option<Format> {
    let FormatFile::JsonSchema(at) = format else { return Some(Format::JsonObject) };
    let (name, schema) = match at.get()? {
        Value::String(path) => {
            let text = text(reader.sink, reader.files, at.span, path)?;
            let stem = path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or("answer");
            let schema = serde_json::from_str(&text).map_err(|error| {
                reader.sink.advise(at.span, format!("`{path}` is not JSON"), error.to_string());
            });
            (stem.to_owned(), schema.ok()?)
        }
        inline => unwrap_schema(inline),
    };
    if !schema.is_object() {
        reader.sink.advise(at.span, "a JSON Schema is a mapping", "write `{type: object, properties: {..}}`");
    }
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    Some(Format::JsonSchema { name: name.chars().map(legal).take(64).collect(), schema: JsonText::new(&schema) })
}

/// The form in which vendors write it: a name beside the schema.
fn unwrap_schema(inline: &Value) -> (String, Value) {
    let name = inline.get("name").and_then(Value::as_str).unwrap_or("answer").to_owned();
    match inline.get("schema") {
        Some(schema) if schema.is_object() && inline.get("type").is_none() => (name, schema.clone()),
        _ => ("answer".into(), inline.clone()),
    }
}

/// Renders a prompt for every case. Cases that cannot be rendered leave a problem.
pub fn render(
    sink: &Sink,
    files: &dyn Files,
    templates: &Templates,
    prompt: &Prompt,
    cases: &[Placed],
) -> Vec<Arc<Conversation>> {
    let images = Images { sink, files, known: RefCell::default() };
    let one = |placed: &Placed| Arc::new(render_one(&images, templates, prompt, &placed.case).unwrap_or_default());
    if prompt.is_plain(templates)
        && let Some(first) = cases.first()
    {
        return vec![one(first); cases.len()];
    }
    cases.iter().map(one).collect()
}

fn render_one(images: &Images<'_>, templates: &Templates, prompt: &Prompt, case: &Case) -> Option<Conversation> {
    let vars = Vars::of(case);
    let fill = |template| templates.render(images.sink, template, &vars, case);
    let part = |part: &PartTemplate| match *part {
        PartTemplate::Text(template) => Some(Part::Text(fill(template)?.into())),
        PartTemplate::Image(template, span) => images.load(span, &fill(template)?),
        PartTemplate::ImageUrl(template, span) => images.address(span, fill(template)?),
    };
    let message = |message: &MessageTemplate| {
        Some(Message {
            role: message.role,
            content: message.content.iter().map(part).collect::<Option<_>>()?,
            tool_calls: message.tool_calls.clone(),
            tool_call_id: message.tool_call_id.clone(),
        })
    };
    let turn = |turn: &Vec<MessageTemplate>| turn.iter().map(message).collect::<Option<Vec<_>>>();
    Some(Conversation {
        turns: prompt.turns.iter().map(turn).collect::<Option<_>>()?,
        tools: prompt.tools.clone(),
        tool_choice: prompt.tool_choice.clone(),
        format: prompt.format.clone(),
    })
}

/// Images by path, each read once.
struct Images<'a> {
    sink: &'a Sink,
    files: &'a dyn Files,
    known: RefCell<BTreeMap<String, Option<Part>>>,
}

impl Images<'_> {
    fn load(&self, span: Span, path: &str) -> Option<Part> {
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        let part = match self.files.bytes(path, IMAGE_CAP) {
            Ok(data) => self.image(span, path, data),
            Err(why) => {
                self.sink.advise(
                    span,
                    format!("the image cannot be read: {why}"),
                    "name a file below the suite's folder",
                );
                None
            }
        };
        self.known.borrow_mut().insert(path.to_owned(), part.clone());
        part
    }

    fn image(&self, span: Span, path: &str, data: Arc<[u8]>) -> Option<Part> {
        let Some(media_type) = media_type(&data) else {
            let help = "use PNG, JPEG, GIF or WebP; the file's first bytes decide, not its name";
            self.sink.advise(span, format!("`{path}` is no image that models take"), help);
            return None;
        };
        Some(Part::Image { media_type, data })
    }

    /// An address is handed to the provider and never opened here.
    fn address(&self, span: Span, address: String) -> Option<Part> {
        if address.starts_with("https://") || address.starts_with("data:image/") {
            return Some(Part::ImageUrl(address.into()));
        }
        let help = "use `https://..`, or `image:` with a file below the suite's folder";
        self.sink.advise(span, format!("`{}` is no address of an image", super::node::shortened(&address)), help);
        None
    }
}

fn media_type(data: &[u8]) -> Option<&'static str> {
    match data {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}
