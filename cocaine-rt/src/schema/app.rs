//! What an app offers, as data: its events, the types that they use, and the errors that they declare.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    hash::{self, StructuralHasher},
    model::{Definition, Type},
};
use crate::{
    protocol::{
        error::{Error, Result},
        msgpack,
    },
    wire::bytes::Bytes,
};

/// The version of the form that this crate writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of an app's manifest that holds its schema. A runtime that does not know it keeps it (`node.md` 2).
pub const MANIFEST_KEY: &str = "schema";

/// The header of `enqueue` that carries the [hash](AppSchema::event_hash) of the event that the caller was made for, as
/// [`hash_text`] writes it. A runtime that does not know it passes it on to the worker (`protocol.md` 5.3).
pub const HASH_HEADER: &str = "cocaine-schema";

/// What an app offers.
///
/// In JSON, and as a map in the manifest of the app:
///
/// ```
/// use cocaine::schema::{AppSchema, Type};
///
/// let json = r#"{"schema": 1, "events": {"shorten": {
///     "doc": "Makes a short link.",
///     "arguments": [{"name": "url", "type": "text"}, {"name": "ttl", "type": {"option": "u32"}}],
///     "output": {"reply": "text"}
/// }}}"#;
/// let schema: AppSchema = serde_json::from_str(json).unwrap();
/// assert_eq!(schema.events["shorten"].arguments[1].ty, Type::Option(Box::new(Type::U32)));
/// ```
///
/// What is written has a `hash` beside each event and one of the whole, as [`hash_text`] writes them; when a schema is read,
/// these are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AppSchema {
    /// The version of the form: [`SCHEMA_VERSION`].
    #[serde(rename = "schema")]
    pub version: u32,
    /// The events, by name.
    #[serde(default)]
    pub events: BTreeMap<String, EventSchema>,
    /// How events of any other name are handled; `None` if they are errors.
    #[serde(default)]
    pub fallback: Option<EventKind>,
    /// The errors that events refer to, by name.
    #[serde(default)]
    pub errors: BTreeMap<String, ErrorDefinition>,
    /// The definitions of types that events refer to, by name.
    #[serde(default)]
    pub types: BTreeMap<String, Definition>,
}

impl Default for AppSchema {
    fn default() -> Self {
        Self {
            version: SCHEMA_VERSION,
            events: BTreeMap::new(),
            fallback: None,
            errors: BTreeMap::new(),
            types: BTreeMap::new(),
        }
    }
}

/// What an event takes and answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSchema {
    /// The doc comment of the handler.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// What kind of event it is. One that is an HTTP request has none of what follows.
    #[serde(default, skip_serializing_if = "EventKind::is_call")]
    pub kind: EventKind,
    /// The arguments, which are the first chunk from the caller: none if there are none; the value of a single one, and an
    /// array of the values of several, of which `Option`s at the end may be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<ArgumentSchema>,
    /// The type of each further chunk from the caller, if the event reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Type>,
    /// What the caller receives.
    #[serde(default, skip_serializing_if = "EventOutput::is_nothing")]
    pub output: EventOutput,
    /// The name of the errors that it declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A call with arguments and chunks.
    #[default]
    Call,
    /// An HTTP request (`worker.md` 6).
    Http,
}

impl EventKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_call(&self) -> bool {
        *self == Self::Call
    }
}

/// An argument of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgumentSchema {
    /// Its name, which does not travel.
    pub name: String,
    /// Its type. [`Type::Bytes`] of a single argument is the chunk itself.
    #[serde(rename = "type")]
    pub ty: Type,
}

/// What the caller of an event receives. A chunk of the type [`Type::Bytes`] is these bytes, and of any other type an encoded
/// value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOutput {
    /// One chunk, or none if the type is [`Type::Unit`].
    Reply(Type),
    /// A chunk for each item.
    Stream(Type),
}

impl Default for EventOutput {
    fn default() -> Self {
        Self::Reply(Type::Unit)
    }
}

impl EventOutput {
    /// Returns the type of a chunk.
    pub fn ty(&self) -> &Type {
        match self {
            Self::Reply(ty) | Self::Stream(ty) => ty,
        }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Errors that an event declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDefinition {
    /// The doc comment of the enum.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// The errors, in their order.
    pub variants: Vec<ErrorVariant>,
}

/// A declared error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorVariant {
    /// Its name, which does not travel.
    pub name: String,
    /// Its doc comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// The category of its code: 43 unless it says otherwise, which is that of an app's own errors (`worker.md` 3.6).
    #[serde(default = "app_category", skip_serializing_if = "is_app_category")]
    pub category: i64,
    /// Its code.
    pub code: i64,
}

const APP_CATEGORY: i64 = 43;

fn app_category() -> i64 {
    APP_CATEGORY
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_app_category(category: &i64) -> bool {
    *category == APP_CATEGORY
}

impl AppSchema {
    /// Returns the schema in a manifest, as the collection `manifests` of `storage` holds it; `None` if it has none.
    ///
    /// # Errors
    ///
    /// The blob is no manifest, or its schema cannot be read.
    pub fn from_manifest(manifest: &Bytes) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Manifest {
            #[serde(default)]
            schema: Option<AppSchema>,
        }
        let Manifest { schema } = msgpack::from_bytes(manifest)?;
        match schema {
            Some(schema) if schema.version != SCHEMA_VERSION => Err(Error::config(format!(
                "the manifest has a schema of version {}, and this program reads version {SCHEMA_VERSION}",
                schema.version
            ))),
            schema => Ok(schema),
        }
    }

    /// Returns the structural hash of an event, if the app has it: of the names and types of its arguments, and the types of
    /// its chunks. It does not change with docs, with declared errors or with the names of types.
    pub fn event_hash(&self, event: &str) -> Option<u64> {
        self.events.get(event).map(|event| self.hash_event(event))
    }

    /// Returns the structural hash of the app: of the names and hashes of its events, and of the errors that they declare.
    pub fn hash(&self) -> u64 {
        let hashes = self.events.iter().map(|(name, event)| (name.as_str(), self.hash_event(event)));
        self.hash_app(&hashes.collect())
    }

    fn hash_event(&self, event: &EventSchema) -> u64 {
        let types = event.arguments.iter().map(|argument| &argument.ty);
        let roots: Vec<_> = types.chain(&event.input).chain([event.output.ty()]).collect();
        let hashes = hash::hash_types(&self.types, &roots);
        let (arguments, chunks) = hashes.split_at(event.arguments.len());
        let mut hash = StructuralHasher::new("event");
        hash.text(match event.kind {
            EventKind::Call => "call",
            EventKind::Http => "http",
        });
        for (argument, ty) in event.arguments.iter().zip(arguments) {
            hash.text(&argument.name).number(*ty);
        }
        hash.text(match (&event.input, &event.output) {
            (None, EventOutput::Reply(_)) => "reply",
            (None, EventOutput::Stream(_)) => "stream",
            (Some(_), EventOutput::Reply(_)) => "input, reply",
            (Some(_), EventOutput::Stream(_)) => "input, stream",
        });
        hash.numbers(chunks).finish()
    }

    fn hash_app(&self, events: &BTreeMap<&str, u64>) -> u64 {
        let mut hash = StructuralHasher::new("app");
        for (name, event) in events {
            hash.text(name).number(*event);
            let error = self.events[*name].error.as_ref().and_then(|name| self.errors.get(name));
            let mut variants: Vec<_> = error.iter().flat_map(|error| &error.variants).collect();
            variants.sort_by_key(|variant| (variant.category, variant.code, &variant.name));
            for variant in variants {
                hash.text(&variant.name).number(variant.category.cast_unsigned());
                hash.number(variant.code.cast_unsigned());
            }
        }
        hash.text(match self.fallback {
            None => "",
            Some(EventKind::Call) => "call",
            Some(EventKind::Http) => "http",
        });
        hash.finish()
    }
}

/// Returns a hash as 16 hexadecimal digits.
pub fn hash_text(hash: u64) -> String {
    format!("{hash:016x}")
}

/// Returns the hash that [`hash_text`] has written; `None` if it is not 16 hexadecimal digits.
pub fn parse_hash(text: &str) -> Option<u64> {
    let is_hash = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { u64::from_str_radix(text, 16).ok() } else { None }
}

/// Writes the hashes beside what they are of.
impl Serialize for AppSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hashes: BTreeMap<_, _> =
            self.events.iter().map(|(name, event)| (name.as_str(), self.hash_event(event))).collect();
        let events = self.events.iter().map(|(name, event)| {
            (name.as_str(), HashedEvent { hash: hash_text(hashes[name.as_str()]), event })
        });
        HashedApp {
            version: self.version,
            hash: hash_text(self.hash_app(&hashes)),
            events: events.collect(),
            fallback: self.fallback,
            errors: &self.errors,
            types: &self.types,
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct HashedApp<'s> {
    #[serde(rename = "schema")]
    version: u32,
    hash: String,
    events: BTreeMap<&'s str, HashedEvent<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<EventKind>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: &'s BTreeMap<String, ErrorDefinition>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    types: &'s BTreeMap<String, Definition>,
}

/// An event and its hash. `flatten` would read the event as a value first.
#[derive(Serialize)]
struct HashedEvent<'s> {
    hash: String,
    #[serde(flatten)]
    event: &'s EventSchema,
}
