//! Arguments of a call as they are typed.
//!
//! | typed | value |
//! |---|---|
//! | `5`, `true`, `null`, `[1, 2]`, `{"a": 1}`, `"5"` | the JSON |
//! | anything else, such as `https://example.org` | the text |
//! | `text:5` | the text after the colon |
//! | `hex:ff00` | the bytes |
//! | `@PATH`, `@-` | the bytes of a file, of standard input |
//! | `--url TEXT`, `--url=TEXT`, `--draft` | the argument of an app's event with this name; `true` if no value follows |
//!
//! Where the schema says that an argument is a text or bytes, what is typed is that.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use cocaine::json::resolve_forms;
use cocaine::{
    Bytes, Value,
    schema::{Definition, EventSchema, Shape, Type},
};

use crate::error::{Error, Result};

/// How many newtypes and options are followed to the type within.
const MAX_NEWTYPES: usize = 32;

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    /// The name, if it was given by name, as it was typed.
    pub(crate) name: Option<String>,
    content: Content,
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// JSON, or a text.
    Typed(String),
    Text(String),
    Bytes(Bytes),
}

/// Reads the arguments.
///
/// # Errors
/// A file cannot be read, or the digits are not hexadecimal.
pub(crate) fn parse(words: &[String]) -> Result<Vec<Argument>> {
    let mut arguments = Vec::new();
    let mut words = words.iter().peekable();
    let mut are_names_over = false;
    while let Some(word) = words.next() {
        let option = word.strip_prefix("--").filter(|_| !are_names_over);
        let (name, text) = match option {
            None => (None, word.as_str()),
            Some("") => {
                are_names_over = true;
                continue;
            }
            Some(option) => {
                let (name, text) = option.split_once('=').unwrap_or_else(|| {
                    let value = words.next_if(|next| !next.starts_with("--"));
                    (option, value.map_or("true", String::as_str))
                });
                (Some(name), text)
            }
        };
        arguments.push(Argument { name: name.map(str::to_owned), content: content(text)? });
    }
    Ok(arguments)
}

fn content(text: &str) -> Result<Content> {
    if let Some(text) = text.strip_prefix("text:") {
        return Ok(Content::Text(text.to_owned()));
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        return decode_hex(digits).map(Content::Bytes);
    }
    match text.strip_prefix('@') {
        None => Ok(Content::Typed(text.to_owned())),
        Some("-") => {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(Error::in_file(Path::new("standard input")))?;
            Ok(Content::Bytes(bytes.into()))
        }
        Some(path) => {
            let bytes = fs::read(path).map_err(Error::in_file(Path::new(path)))?;
            Ok(Content::Bytes(bytes.into()))
        }
    }
}

fn decode_hex(digits: &str) -> Result<Bytes> {
    let failed = || Error::Usage(format!("hex:{digits}: an even number of hexadecimal digits is wanted"));
    if digits.len() % 2 == 1 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(failed());
    }
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| failed());
    (0..digits.len()).step_by(2).map(byte).collect::<Result<Vec<u8>>>().map(Bytes::from)
}

impl Argument {
    /// Returns the bytes of a file or of hexadecimal digits.
    pub(crate) fn bytes(&self) -> Option<&Bytes> {
        if let Content::Bytes(bytes) = &self.content { Some(bytes) } else { None }
    }

    /// Returns the value for a method or event of which nothing is known.
    pub(crate) fn value(&self) -> Result<Value> {
        match &self.content {
            Content::Typed(text) => match json(text) {
                Some(json) => resolve_forms(json)
                    .map_err(|reason| Error::Usage(format!("the argument {text}: {reason}"))),
                None => Ok(text.as_str().into()),
            },
            Content::Text(text) => Ok(text.as_str().into()),
            Content::Bytes(bytes) => Ok(Value::Raw(bytes.clone())),
        }
    }

    /// Returns the value for an argument of a type, in the JSON of the type (`docs/apps.md` 6).
    fn value_of_type(&self, ty: &Type, types: &BTreeMap<String, Definition>) -> Value {
        let inner = inner_type(ty, types);
        match (&self.content, inner) {
            (Content::Bytes(bytes), Type::Text | Type::Char) => Value::Raw(bytes.clone()),
            (Content::Bytes(bytes), Type::Any | Type::Opaque) => match bytes.as_str() {
                Some(text) => text.into(),
                None => Value::Map(vec![("$bytes".into(), BASE64_STANDARD.encode(bytes).into())]),
            },
            (Content::Bytes(bytes), _) => BASE64_STANDARD.encode(bytes).into(),
            (Content::Typed(text) | Content::Text(text), Type::Bytes) => BASE64_STANDARD.encode(text).into(),
            (Content::Typed(text), Type::Text | Type::Char) => match json(text) {
                Some(json) if text.starts_with('"') || (is_option(ty) && json.is_nil()) => json,
                _ => text.as_str().into(),
            },
            (Content::Typed(text), _) => json(text).unwrap_or_else(|| text.as_str().into()),
            (Content::Text(text), _) => text.as_str().into(),
        }
    }
}

/// Returns the parameters of an event, by name or by position, in the JSON of their types.
///
/// # Errors
/// Some arguments have names and others have none.
pub(crate) fn event_params(
    arguments: &[Argument],
    event: &EventSchema,
    types: &BTreeMap<String, Definition>,
) -> Result<Value> {
    let named = arguments.iter().filter(|argument| argument.name.is_some()).count();
    if named > 0 && named < arguments.len() {
        return Err(Error::Usage(
            "either all arguments have names, `--NAME VALUE`, or none; after `--` all are values".to_owned(),
        ));
    }
    if named == 0 {
        let types_of =
            event.arguments.iter().map(|argument| &argument.ty).chain(std::iter::repeat(&Type::Opaque));
        let values = arguments.iter().zip(types_of).map(|(argument, ty)| argument.value_of_type(ty, types));
        return Ok(Value::Array(values.collect()));
    }
    let entry = |argument: &Argument| {
        let option = argument.name.as_deref().unwrap_or_default();
        let known = event.arguments.iter().find(|known| is_option_of(option, &known.name));
        let name = known.map_or(option, |known| &known.name);
        (name.into(), argument.value_of_type(known.map_or(&Type::Opaque, |known| &known.ty), types))
    };
    Ok(Value::Map(arguments.iter().map(entry).collect()))
}

/// Returns whether an option stands for the argument of a name: as it is, or with hyphens.
fn is_option_of(option: &str, name: &str) -> bool {
    option == name || option.replace('-', "_") == name
}

/// Returns the value of a JSON text.
pub(crate) fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}

/// Returns the type within options and newtypes.
fn inner_type<'t>(mut ty: &'t Type, types: &'t BTreeMap<String, Definition>) -> &'t Type {
    for _ in 0..MAX_NEWTYPES {
        ty = match ty {
            Type::Option(of) => of,
            Type::Named(name) => match types.get(name).map(|definition| &definition.shape) {
                Some(Shape::Newtype(of)) => of,
                _ => return ty,
            },
            _ => return ty,
        };
    }
    ty
}

#[cfg(test)]
mod tests {
    use cocaine::schema::AppSchema;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn values(line: &str) -> Vec<Value> {
        parse(&words(line)).unwrap().iter().map(|argument| argument.value().unwrap()).collect()
    }

    #[test]
    fn untyped_words_are_json_or_text() {
        let text = |text: &str| Value::from(text);
        assert_eq!(
            values("5 -5 true abc \"5\" text:5"),
            [Value::UInt(5), Value::Int(-5), Value::Bool(true), text("abc"), text("5"), text("5"),]
        );
        assert_eq!(
            values(r#"[1,{"$bytes":"/w=="}] hex:ff00"#),
            [
                Value::Array(vec![Value::UInt(1), Value::Raw(vec![0xff].into())]),
                Value::Raw(vec![0xff, 0].into()),
            ]
        );
    }

    #[test]
    fn names_take_the_next_word() {
        let arguments = parse(&words("--url x --draft --ttl=5 --last")).unwrap();
        let typed: Vec<_> = arguments
            .iter()
            .map(|argument| (argument.name.as_deref().unwrap(), argument.value().unwrap().to_string()))
            .collect();
        assert_eq!(
            typed,
            [("url", "\"x\""), ("draft", "true"), ("ttl", "5"), ("last", "true")]
                .map(|(name, value)| (name, value.to_owned()))
        );
        let plain = parse(&words("-- --url")).unwrap();
        assert_eq!((plain[0].name.as_deref(), plain[0].value().unwrap()), (None, "--url".into()));
    }

    #[test]
    fn wrong_digits_and_missing_files_are_named() {
        for (word, expected) in
            [("hex:f", "hex:f: an even number"), ("hex:zz", "hexadecimal"), ("@/no/file", "/no/file: ")]
        {
            assert!(parse(&words(word)).unwrap_err().to_string().contains(expected), "{word}");
        }
    }

    fn schema() -> AppSchema {
        let json = r#"{"schema": 1, "events": {"shorten": {"arguments": [
            {"name": "target_url", "type": "text"}, {"name": "ttl", "type": {"option": "u32"}}, {"name": "icon", "type": "bytes"}
        ]}}}"#;
        serde_json::from_str(json).unwrap()
    }

    fn params(line: &str) -> Result<Value> {
        let schema = schema();
        event_params(&parse(&words(line)).unwrap(), &schema.events["shorten"], &schema.types)
    }

    #[test]
    fn types_decide_what_is_text() {
        assert_eq!(params("5 5 ab").unwrap(), Value::Array(vec!["5".into(), Value::UInt(5), "YWI=".into()]));
        let named = params("--target-url 5 --ttl null --icon hex:ff").unwrap();
        let entry = |name: &str, value: Value| (Value::from(name), value);
        assert_eq!(
            named,
            Value::Map(vec![
                entry("target_url", "5".into()),
                entry("ttl", Value::Nil),
                entry("icon", "/w==".into())
            ])
        );
    }

    #[test]
    fn names_and_positions_do_not_mix() {
        assert!(params("5 --ttl 5").unwrap_err().to_string().contains("either all arguments have names"));
    }
}
