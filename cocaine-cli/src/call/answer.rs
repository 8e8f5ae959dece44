//! Answers as they are printed.

use std::fmt::Write as _;

use clap::ValueEnum;
use cocaine::json::{AsJson, PlainJson};
use cocaine::{Bytes, Value};

use crate::{
    error::{Error, Result},
    output::{Format, Output, printable_json},
};

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerForm {
    /// Texts as they are, bytes in hexadecimal digits, and everything else as JSON.
    #[default]
    Auto,
    /// JSON.
    Json,
    /// Text, whatever the bytes are.
    Text,
    /// Hexadecimal digits.
    Hex,
    /// The bytes that have arrived, and nothing between them.
    Raw,
}

/// An answer, or an item of a stream of them.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The value; bytes that are no value are a raw.
    value: Value,
    /// Whether the value is in the JSON of a type already.
    is_plain: bool,
    /// The bytes that have arrived, if it is one chunk.
    chunk: Option<Bytes>,
}

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerPrinter {
    pub(crate) output: Output,
    pub(crate) form: AnswerForm,
    /// The answers are items of a stream, a line each.
    pub(crate) is_stream: bool,
}

impl Answer {
    /// A value of a message.
    pub(crate) fn new(value: Value) -> Self {
        Self { value, is_plain: false, chunk: None }
    }

    /// A value of a chunk of which no schema is known.
    pub(crate) fn untyped(value: Value, chunk: Bytes) -> Self {
        Self { value, is_plain: false, chunk: Some(chunk) }
    }

    /// A value in the JSON of its type.
    pub(crate) fn typed(value: Value, chunk: Bytes) -> Self {
        Self { value, is_plain: true, chunk: Some(chunk) }
    }

    /// Returns the bytes: of the chunk, or of a value that is text or bytes.
    fn bytes(&self) -> Option<&Bytes> {
        self.chunk.as_ref().or_else(|| self.value.as_bytes())
    }

    fn raw(&self) -> Result<&Bytes> {
        let text = "`--as raw` and `--as hex` are for answers that are text or bytes; this one is not";
        self.bytes().ok_or_else(|| Error::Usage(text.to_owned()))
    }

    fn json(&self, is_indented: bool) -> Result<String> {
        let text = match (self.is_plain, is_indented) {
            (true, true) => serde_json::to_string_pretty(&PlainJson(&self.value)),
            (true, false) => serde_json::to_string(&PlainJson(&self.value)),
            (false, true) => serde_json::to_string_pretty(&AsJson(&self.value)),
            (false, false) => serde_json::to_string(&AsJson(&self.value)),
        };
        let text = text.map_err(|error| Error::Failed(format!("the answer is no JSON: {error}")))?;
        Ok(printable_json(&text))
    }
}

impl AnswerPrinter {
    /// Prints an answer.
    pub(crate) fn print(self, answer: &Answer) -> Result<()> {
        let is_indented = !self.is_stream && self.output.format() != Format::Jsonl;
        match self.form {
            AnswerForm::Auto if self.output.format().is_json() => {
                self.output.line(&answer.json(is_indented)?)
            }
            AnswerForm::Auto => match answer.value.as_bytes() {
                Some(raw) => match raw.as_str() {
                    Some(text) => self.output.text(text),
                    None => self.output.line(&hex(raw)),
                },
                None => self.output.line(&answer.json(is_indented)?),
            },
            AnswerForm::Json => self.output.line(&answer.json(is_indented)?),
            AnswerForm::Text => match answer.value.as_bytes().or(answer.bytes()) {
                Some(bytes) => self.output.text(&String::from_utf8_lossy(bytes)),
                None => self.output.line(&answer.json(is_indented)?),
            },
            AnswerForm::Hex => self.output.line(&hex(answer.raw()?)),
            AnswerForm::Raw => self.output.bytes(answer.raw()?),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_answers_escapes_control_characters() {
        let answer = Answer::new(Value::Array(vec!["\u{9b}2J".into()]));
        assert_eq!(answer.json(false).unwrap(), r#"["\u009b2J"]"#);
    }
}
