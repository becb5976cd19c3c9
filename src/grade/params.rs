//! Parameters of graders, said once: one `params!` block gives the struct, its reader, its help and its schema.
//!
//! Every grader takes the keys of [`Common`] beside its own. Unknown keys are errors, untagged or flattened enums
//! are not used, and text stays what the author wrote (`no`, `1e3`), so that YAML spans and values survive.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde::de::Error;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::json;

use super::extract::Extract;
use crate::domain::Tag;

/// What of a reply a grader looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The answer, without reasoning and without `<think>` blocks.
    #[default]
    Answer,
    /// The reasoning.
    Reasoning,
    /// The tool calls, as a JSON list of `{name, arguments}`.
    ToolCalls,
}

/// Tags that choose the cases a grader applies to: any of the plain ones, none of those with `!`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When(pub Vec<String>);

impl When {
    /// Whether a case with these tags is meant.
    pub fn matches(&self, tags: &[Tag]) -> bool {
        let has = |wanted: &str| tags.iter().any(|tag| tag.as_str() == wanted);
        let mut wanted = self.0.iter().filter(|tag| !tag.starts_with('!')).peekable();
        let none_forbidden = self.0.iter().filter_map(|tag| tag.strip_prefix('!')).all(|tag| !has(tag));
        none_forbidden && (wanted.peek().is_none() || wanted.any(|tag| has(tag)))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Texts::deserialize(deserializer).map(|texts| Self(texts.0))
    }
}

/// The keys that every grader takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// The name in reports; the grader's kind by default.
    pub id: Option<String>,
    /// How the judged text is cut out of the reply.
    pub extract: Extract,
    /// What of the reply is judged.
    pub of: Of,
    /// The cases judged.
    pub when: When,
    /// Share in a weighted mean; 0 records without counting.
    pub weight: f64,
}

impl Default for Common {
    fn default() -> Self {
        Self { id: None, extract: Extract::default(), of: Of::Answer, when: When::default(), weight: 1.0 }
    }
}

/// A grader's own parameters beside the common ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Full<T> {
    /// The keys that every grader takes.
    pub common: Common,
    /// The grader's own keys.
    pub params: T,
}

/// A value that was given or not. Unlike `Option`, a given `null` is an error of the inner type.
#[derive(Debug, Clone, PartialEq)]
pub struct Given<T>(pub Option<T>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Self(Some(value)))
    }
}

/// What a parameter block can say about itself and how it reads short forms such as `max_ttft: 500ms`.
pub trait Params: Sized {
    /// The block's own parameters.
    fn about() -> Vec<ParamInfo>;

    /// Reads a bare scalar.
    fn from_scalar(_text: &str) -> Result<Self, String> {
        Err("expected a mapping of parameters".into())
    }
}

/// One parameter, for help, schema and suggestions.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamInfo {
    /// The key.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// JSON Schema of the value.
    pub schema: Value,
}

/// A type that knows its JSON Schema.
pub trait Describe {
    /// JSON Schema of the values accepted.
    fn schema() -> Value;
}

macro_rules! describe {
    ($($type:ty => $schema:tt),* $(,)?) => {$(
        impl Describe for $type {
            fn schema() -> Value {
                json!($schema)
            }
        }
    )*};
}

describe! {
    String => {"type": "string"},
    Text => {"type": ["string", "number", "boolean"]},
    Texts => {"type": ["string", "number", "boolean", "array"], "items": {"type": ["string", "number", "boolean"]}},
    bool => {"type": "boolean"},
    f64 => {"type": "number"},
    u32 => {"type": "integer", "minimum": 0},
    u64 => {"type": "integer", "minimum": 0},
    Value => {},
    Of => {"enum": ["answer", "reasoning", "tool_calls"]},
    When => {"type": ["string", "array"], "items": {"type": "string"}},
}

impl<T: Describe> Describe for Option<T> {
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }
}

/// Text as the author wrote it: `no`, `1e3` and `0x1F` are not turned into booleans and numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(pub String);

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Text, E> {
        Ok(Text(value.to_string()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(TextVisitor)
    }
}

/// One text or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts(pub Vec<String>);

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a list of texts")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_string()]))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_string()]))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_string()]))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Texts, E> {
        Ok(Texts(vec![value.to_string()]))
    }
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(Text(text)) = seq.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

/// Reads a block of parameters: a mapping, nothing at all, or the block's own short form.
pub(crate) struct FullVisitor<T, Raw>(pub(crate) std::marker::PhantomData<(T, Raw)>);

impl<'de, T: Params, Raw: Deserialize<'de> + Into<Full<T>>> Visitor<'de> for FullVisitor<T, Raw> {
    type Value = Full<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of parameters")
    }
    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Full<T>, A::Error> {
        Raw::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Into::into)
    }
    fn visit_unit<E: Error>(self) -> Result<Full<T>, E> {
        let nothing = std::iter::empty::<((), ())>();
        Raw::deserialize(serde::de::value::MapDeserializer::<_, E>::new(nothing.map(|((), ())| ("", ""))))
            .map(Into::into)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Full<T>, E> {
        let params = T::from_scalar(text).map_err(E::custom)?;
        Ok(Full { common: Common::default(), params })
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Full<T>, E> {
        self.visit_str(&value.to_string())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Full<T>, E> {
        self.visit_str(&value.to_string())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Full<T>, E> {
        self.visit_str(&value.to_string())
    }
}

/// Marks a parameter's default: `()` where it must be given.
macro_rules! is_required {
    () => {
        true
    };
    ($default:expr) => {
        false
    };
}

/// The value of a parameter: as given, its default, or an error where it must be given.
macro_rules! settle {
    ($given:expr, $name:expr) => {
        $given
    };
    ($given:expr, $name:expr, $default:expr) => {
        $given.0.unwrap_or_else(|| $default)
    };
}

/// How a parameter stands in the raw block: plain where it must be given, [`Given`] where there is a default.
macro_rules! raw_type {
    ($type:ty) => { $type };
    ($type:ty, $default:expr) => { $crate::grade::params::Given<$type> };
}

/// Declares a block of parameters; the doc comments become help and schema.
macro_rules! params {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[doc = $doc:literal])+ $field:ident : $type:ty $(= $default:expr)?,)* }
        $(from $scalar:path)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[doc = $doc])+ pub $field: $type,)* }

        const _: () = {
            use $crate::grade::params;

            #[derive(serde::Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Raw {
                #[serde(default)]
                id: params::Given<params::Text>,
                #[serde(default)]
                extract: $crate::grade::extract::Extract,
                #[serde(default)]
                of: params::Of,
                #[serde(default)]
                when: params::When,
                #[serde(default)]
                weight: params::Given<f64>,
                $($(#[serde(default)] #[doc = stringify!($default)])? $field: params::raw_type!($type $(, $default)?),)*
            }

            impl From<Raw> for params::Full<$name> {
                fn from(raw: Raw) -> Self {
                    Self {
                        common: params::Common {
                            id: raw.id.0.map(|id| id.0),
                            extract: raw.extract,
                            of: raw.of,
                            when: raw.when,
                            weight: raw.weight.0.unwrap_or(1.0),
                        },
                        params: $name { $($field: params::settle!(raw.$field, $field $(, $default)?),)* },
                    }
                }
            }

            impl params::Params for $name {
                fn about() -> Vec<params::ParamInfo> {
                    vec![$(params::ParamInfo {
                        name: stringify!($field),
                        help: concat!($($doc),+),
                        required: params::is_required!($($default)?),
                        schema: <$type as params::Describe>::schema(),
                    },)*]
                }
                $(fn from_scalar(text: &str) -> Result<Self, String> { $scalar(text) })?
            }

            impl<'de> serde::Deserialize<'de> for params::Full<$name> {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_any(params::FullVisitor::<$name, Raw>(std::marker::PhantomData))
                }
            }
        };
    };
}

pub(crate) use is_required;
pub(crate) use params;
pub(crate) use raw_type;
pub(crate) use settle;

/// Reads parameters from JSON text, as tests and case data do.
///
/// # Errors
/// In serde's words.
pub fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
