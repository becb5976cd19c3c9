//! Serde over trees with places: typed files without losing a position, and without stopping at the first mistake.
//!
//! A struct's unknown keys are reported with the nearest known one and skipped; keys starting with `x-` are the
//! author's own. [`At`] catches an error inside its value, reports it where it happened, and lets its neighbors go
//! on. So one pass finds everything.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de;
use serde::de::DeserializeSeed;
use serde::de::IntoDeserializer;
use serde::de::Visitor;

use super::node::Entry;
use super::node::Kind;
use super::node::Node;
use super::node::number;
use super::problem::Sink;
use super::problem::Span;
use crate::text::nearest;

/// A value with its place. The value is absent where it could not be read; the problem was then reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// Where it stands.
    pub span: Span,
    value: Option<T>,
}

impl<T> At<T> {
    /// A value at a place.
    pub fn new(span: Span, value: T) -> Self {
        Self { span, value: Some(value) }
    }

    /// The value, unless reading it was a problem that the sink knows of.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value by itself.
    pub fn take(self) -> Option<T> {
        self.value
    }
}

impl<T: Copy> At<T> {
    /// The value copied.
    pub fn copied(&self) -> Option<T> {
        self.value
    }
}

/// Data of the author's own: `expect` and `vars`. See [`Node::verbatim`].
#[derive(Debug, Clone, PartialEq)]
pub struct Verbatim(pub serde_json::Value);

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Many<T>(pub Vec<T>);

/// Members of a mapping whose keys are the author's names, in the order written.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs<T>(pub Vec<(String, T)>);

/// What the visitor of [`serde_json::Value`] says it expects.
const ANY_JSON: &str = "any valid JSON value";

const AT: &str = "$llmark::At";
const VERBATIM: &str = "$llmark::Verbatim";
const MANY: &str = "$llmark::Many";
/// A struct renamed to `$short:KEY` may be written as the bare value of KEY.
const SHORT: &str = "$short:";
/// An enum renamed to `$bare:VARIANT` reads any bare scalar as the content of VARIANT.
const BARE: &str = "$bare:";

/// Reads a `T` from `node`. Everything that is wrong goes to the sink.
pub fn read<T: de::DeserializeOwned>(sink: &Sink, node: &Node) -> At<T> {
    let value = T::deserialize(Reader { node, sink }).map_err(|error| error.report(sink, node.span)).ok();
    At { span: node.span, value }
}

/// An error on its way to the nearest [`At`].
#[derive(Debug)]
pub struct Error {
    span: Option<Span>,
    message: String,
    help: Option<String>,
}

impl Error {
    fn at(self, span: Span) -> Self {
        Self { span: self.span.or(Some(span)), ..self }
    }

    fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span: Some(span), message: message.into(), help: Some(help.into()) }
    }

    fn report(self, sink: &Sink, span: Span) {
        sink.report(self.span.unwrap_or(span), self.message, self.help);
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let (message, help) = match text.split_once("; ") {
            Some((message, help)) => (message.to_owned(), Some(help.to_owned())),
            None => (text, None),
        };
        Self { span: None, message, help }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let (message, help) = unknown_key(field, expected);
        Self { span: None, message, help: Some(help) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self { span: None, ..unknown_name(variant, Span::default(), expected) }
    }

    fn missing_field(field: &'static str) -> Self {
        let message = format!("`{field}` is missing");
        Self { span: None, message, help: Some(format!("add `{field}:`")) }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match unexpected {
            de::Unexpected::Str(text) => format!("`{}`", super::node::shortened(text)),
            de::Unexpected::Map => "a mapping".into(),
            de::Unexpected::Seq => "a list".into(),
            de::Unexpected::Unit => "nothing".into(),
            other => other.to_string(),
        };
        Self { span: None, message: format!("expected {expected}, found {found}"), help: None }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    sink: &'a Sink,
}

impl<'a> Reader<'a> {
    fn wrong(self, wanted: &str, help: &str) -> Error {
        Error::new(self.node.span, format!("expected {wanted}, found {}", self.node.noun()), help)
    }

    fn number(self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Plain(text) => Some(text.as_str()),
            _ => None,
        }
    }

    fn integer<T: std::str::FromStr>(self, wanted: &str) -> Result<T, Error> {
        let text = self.number().map(|text| text.replace('_', ""));
        let help = match self.node.kind {
            Kind::Text(_) => "write a number without quotes",
            _ => "write digits alone, such as `16`",
        };
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.wrong(wanted, help))
    }

    fn is_null(self) -> bool {
        match &self.node.kind {
            Kind::Null => true,
            Kind::Plain(text) => matches!(text.as_str(), "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }

    fn entries(self) -> Result<&'a [Entry], Error> {
        match &self.node.kind {
            Kind::Map(entries) => Ok(entries),
            _ => Err(self.wrong("a mapping of keys to values", "write `key: value`, one a line")),
        }
    }

    /// The variant of an enum with its place and content.
    fn tag(self, bare: Option<&'a str>, variants: &[&str]) -> Result<(&'a str, Span, Option<&'a Node>), Error> {
        let choice = || format!("write one of {}", variants.join(", "));
        match &self.node.kind {
            Kind::Map(entries) => {
                let own: Vec<&Entry> = entries.iter().filter(|entry| !entry.key.starts_with("x-")).collect();
                match own[..] {
                    [entry] => Ok((&entry.key, entry.key_span, Some(&entry.value))),
                    _ => Err(Error::new(self.node.span, format!("expected one key, found {}", own.len()), choice())),
                }
            }
            _ => match (self.node.scalar(), bare) {
                (Some(_), Some(variant)) => Ok((variant, self.node.span, Some(self.node))),
                (Some(name), None) => Ok((name, self.node.span, None)),
                (None, _) => Err(self.wrong("a name", &choice())),
            },
        }
    }

    /// A struct written as a bare value, where its type allows that.
    fn short_struct<'de, V: Visitor<'de>>(self, name: &str, visitor: V) -> Result<V::Value, Error> {
        let Some(key) = name.strip_prefix(SHORT) else {
            let wanted = (&visitor as &dyn de::Expected).to_string();
            return Err(match wanted.split_once("; ") {
                Some((wanted, help)) => self.wrong(wanted, help),
                None => self.wrong("a mapping of keys to values", "write `key: value`, one a line"),
            });
        };
        let entry = Entry { key: key.to_owned(), key_span: self.node.span, value: self.node.clone() };
        let members = Members { entries: vec![&entry], next: 0, sink: self.sink };
        visitor.visit_map(members).map_err(|e| e.at(self.node.span))
    }

    /// The entries that a struct knows; all others are reported.
    fn known(self, fields: &'static [&'static str]) -> Result<Vec<&'a Entry>, Error> {
        let entries = self.entries()?.iter().filter(|entry| !entry.key.starts_with("x-"));
        let (known, unknown): (Vec<_>, Vec<_>) = entries.partition(|entry| fields.contains(&entry.key.as_str()));
        for entry in unknown {
            report_unknown(self.sink, entry, fields);
        }
        Ok(known)
    }
}

/// Reports a key that means nothing here, with the nearest that does.
pub fn report_unknown(sink: &Sink, entry: &Entry, fields: &[&str]) {
    let (message, help) = unknown_key(&entry.key, fields);
    sink.advise(entry.key_span, message, help);
}

/// Keys that are read only to be refused.
const UNSPOKEN: [&str; 2] = ["key", "api_key"];

fn unknown_key(key: &str, fields: &[&str]) -> (String, String) {
    let known = || {
        let shown: Vec<&str> = fields.iter().copied().filter(|field| !UNSPOKEN.contains(field)).collect();
        format!("known here: {}; keys of your own start with `x-`", shown.join(", "))
    };
    let near = nearest(key, fields.iter().copied());
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if key == "baseline" => format!("`baseline:` is a key of the suite itself; {}", known()),
        None => known(),
    };
    (format!("unknown key `{}`", super::node::shortened(key)), help)
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty, $wanted:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit::<Error>(self.integer::<$type>($wanted)?).map_err(|e| e.at(self.node.span))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Error;

    /// Lists and mappings keep their places. A scalar is what JSON would write in the same characters, else text,
    /// so that `1e3` reaches a visitor of texts as it stands; a JSON value gets the number.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let json = (&visitor as &dyn de::Expected).to_string() == ANY_JSON;
        let value = match &self.node.kind {
            Kind::List(_) => return self.deserialize_seq(visitor),
            Kind::Map(entries) => {
                let kept = entries.iter().filter(|entry| json || !entry.key.starts_with("x-"));
                let members = Members { entries: kept.collect(), next: 0, sink: self.sink };
                return visitor.visit_map(members).map_err(|e| e.at(self.node.span.head_of(self.node)));
            }
            _ if self.is_null() || json => self.node.json(),
            _ => self.node.verbatim(),
        };
        // Texts without a detour, so that what is wrong with one is said in our own words.
        if let serde_json::Value::String(text) = value {
            return visitor.visit_string(text).map_err(|e: Error| e.at(self.node.span));
        }
        value.into_deserializer().deserialize_any(visitor).map_err(from_json).map_err(|e| e.at(self.node.span))
    }

    integers! {
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number from 0 on";
        deserialize_u64 visit_u64 u64, "a whole number from 0 on";
        deserialize_i8 visit_i8 i8, "a whole number";
        deserialize_i16 visit_i16 i16, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = self.number().and_then(number).and_then(|n| n.as_f64()).filter(|v| v.is_finite());
        let value = value.ok_or_else(|| self.wrong("a number", "write a plain number such as `0.7`"))?;
        visitor.visit_f64::<Error>(value).map_err(|e| e.at(self.node.span))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.number() {
            Some("true" | "True" | "TRUE") => visitor.visit_bool(true),
            Some("false" | "False" | "FALSE") => visitor.visit_bool(false),
            _ => Err(self.wrong("`true` or `false`", "write `true` or `false`")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text =
            self.node.scalar().ok_or_else(|| self.wrong("text", "write text, in quotes where it looks like YAML"))?;
        visitor.visit_str::<Error>(text).map_err(|e| e.at(self.node.span))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            Kind::Map(entries) if entries.is_empty() => visitor.visit_unit(),
            _ if self.is_null() => visitor.visit_unit(),
            _ => Err(self.wrong("nothing", "remove the value")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|e| e.at(self.node.span))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Kind::List(items) = &self.node.kind else {
            return Err(self.wrong("a list", "write `- value` lines or `[value, value]`"));
        };
        visitor.visit_seq(Items { items: items.iter(), sink: self.sink }).map_err(|e| e.at(self.node.span))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let members = Members { entries: self.entries()?.iter().collect(), next: 0, sink: self.sink };
        visitor.visit_map(members).map_err(|e| e.at(self.node.span))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match (name, &self.node.kind) {
            (AT | VERBATIM, _) => return visitor.visit_map(Inside { reader: self, name, step: 0 }),
            (MANY, Kind::List(items)) => return visitor.visit_seq(Items { items: items.iter(), sink: self.sink }),
            (MANY, _) => return visitor.visit_seq(Items { items: [self.node.clone()].iter(), sink: self.sink }),
            (_, Kind::Map(_)) => {}
            _ => return self.short_struct(name, visitor),
        }
        let members = Members { entries: self.known(fields)?, next: 0, sink: self.sink };
        visitor.visit_map(members).map_err(|e| e.at(self.node.span.head_of(self.node)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        enum_name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (name, span, content) = self.tag(enum_name.strip_prefix(BARE), variants)?;
        if !variants.contains(&name) {
            return Err(unknown_name(name, span, variants));
        }
        let reader = Reader { node: content.unwrap_or(self.node), sink: self.sink };
        visitor.visit_enum(Variant { name, reader, bare: content.is_none() }).map_err(|e| e.at(span))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

impl Span {
    /// The first line of a mapping, which is enough to point at it.
    fn head_of(self, node: &Node) -> Self {
        match &node.kind {
            Kind::Map(entries) => entries.first().map_or(self, |first| Self { end: first.key_span.end, ..self }),
            _ => self,
        }
    }
}

fn from_json(error: serde_json::Error) -> Error {
    de::Error::custom(error)
}

fn unknown_name(name: &str, span: Span, variants: &[&str]) -> Error {
    let help = match nearest(name, variants.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", variants.join(", ")),
    };
    Error::new(span, format!("`{}` is not known here", super::node::shortened(name)), help)
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    sink: &'a Sink,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.items.next().map(|node| seed.deserialize(Reader { node, sink: self.sink })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Members<'a> {
    entries: Vec<&'a Entry>,
    next: usize,
    sink: &'a Sink,
}

impl<'de> de::MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.entries.get(self.next) else { return Ok(None) };
        let key: de::value::StrDeserializer<'_, Error> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|error| error.at(entry.key_span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = self.entries[self.next];
        self.next += 1;
        seed.deserialize(Reader { node: &entry.value, sink: self.sink }).map_err(|error| error.at(entry.value.span))
    }
}

struct Variant<'a> {
    name: &'a str,
    reader: Reader<'a>,
    bare: bool,
}

impl<'de> de::EnumAccess<'de> for Variant<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(self.name.into_deserializer())?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.bare { Ok(()) } else { <()>::deserialize(self.reader) }
    }

    /// A bare name stands for the variant with an empty mapping.
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        if !self.bare {
            return seed.deserialize(self.reader);
        }
        let node = Node::empty(self.reader.node.span);
        seed.deserialize(Reader { node: &node, sink: self.reader.sink })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_seq(self.reader, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_struct(self.reader, "", fields, visitor)
    }
}

/// Speaks with the visitors of [`At`] and [`Verbatim`]: place first, then the value.
struct Inside<'a> {
    reader: Reader<'a>,
    name: &'static str,
    step: u8,
}

impl<'de> de::MapAccess<'de> for Inside<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Error> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Reader { node, sink } = self.reader;
        self.step += 1;
        let span = node.span;
        match (self.name, self.step) {
            (AT, 1) => seed.deserialize(span.source.into_deserializer()),
            (AT, 2) => seed.deserialize(span.start.into_deserializer()),
            (AT, 3) => seed.deserialize(span.end.into_deserializer()),
            (AT, _) => seed.deserialize(self.reader).inspect_err(|error| {
                sink.report(error.span.unwrap_or(span), error.message.clone(), error.help.clone());
            }),
            (VERBATIM, _) => seed.deserialize(node.verbatim().into_deserializer()).map_err(from_json),
            _ => Err(de::Error::custom("not a value")),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(AT, &[], AtVisitor(PhantomData))
    }
}

struct AtVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<At<T>, A::Error> {
        let span = Span { source: map.next_value()?, start: map.next_value()?, end: map.next_value()? };
        Ok(At { span, value: map.next_value().ok() })
    }
}

impl<'de> Deserialize<'de> for Verbatim {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner;
        impl<'de> Visitor<'de> for Inner {
            type Value = Verbatim;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Verbatim, A::Error> {
                map.next_value().map(Verbatim)
            }
        }
        deserializer.deserialize_struct(VERBATIM, &[], Inner)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Many(items))
            }
        }
        deserializer.deserialize_struct(MANY, &[], Inner(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Inner<T> {
            type Value = Pairs<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Inner(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: At<String>,
        count: Option<At<u32>>,
        list: Option<At<Vec<At<Tagged>>>>,
        many: Option<Many<String>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Tagged {
        Plain,
        Sized(Size),
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename = "$short:min", deny_unknown_fields)]
    struct Size {
        min: Option<u32>,
    }

    fn outer(text: &str) -> Result<Outer, String> {
        let sink = Sink::default();
        let source = sink.add_source("s.yaml", text);
        let value = yaml::parse(&sink, source, text).and_then(|node| read(&sink, &node).take());
        sink.finish(value).map_err(|problems| problems.to_string())
    }

    #[test]
    fn typed_values_arrive() {
        let outer =
            outer("name: no\ncount: 3\nlist: [plain, {sized: {min: 2}}, sized: 7, sized]\nmany: one\n").unwrap();
        assert_eq!(outer.name.get().unwrap(), "no");
        assert_eq!(outer.count.unwrap().copied(), Some(3));
        assert_eq!(outer.many.unwrap().0, ["one"]);
        let list: Vec<_> = outer.list.unwrap().take().unwrap().into_iter().filter_map(At::take).collect();
        let size = |min| Tagged::Sized(Size { min });
        assert_eq!(list, [Tagged::Plain, size(Some(2)), size(Some(7)), size(None)]);
    }

    #[test]
    fn every_mistake_is_found_where_it_is() {
        let text = "nmae: a\nname: [1]\nx-mine: 1\ncount: -1\nlist:\n  - plian\n  - sized: {mix: 1}\n  - {plain: 1, sized: 2}\n";
        let problems = outer(text).unwrap_err();
        for wanted in [
            "s.yaml:1:1: unknown key `nmae`",
            "did you mean `name`?",
            "s.yaml:2:7: expected text, found a list",
            "s.yaml:4:8: expected a whole number from 0 on, found `-1`",
            "s.yaml:6:5: `plian` is not known here",
            "did you mean `plain`?",
            "s.yaml:7:13: unknown key `mix`",
            "s.yaml:8:5: expected one key, found 2",
        ] {
            assert!(problems.contains(wanted), "{wanted} not in\n{problems}");
        }
        assert!(!problems.contains("x-mine"));
    }
}
