//! The JSON document, whose values know their place in it.

use std::collections::{BTreeMap, BTreeSet};

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::Value,
    common::{Range, Ranged},
    errors::ParseError,
    parse_to_ast,
};

/// What the original's parser accepts: JSON with comments and trailing commas.
const PARSE_OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The least similarity of a known key that is suggested in place of an unknown one.
const SIMILAR: f64 = 0.75;

/// A value that a node cannot use, or a fault of the syntax.
#[derive(Debug)]
pub(super) struct DocumentError {
    /// The offset of its first byte in the text.
    pub(super) offset: usize,
    pub(super) reason: String,
}

pub(super) type Result<T> = std::result::Result<T, DocumentError>;

/// Parses a text. `None` if it has no value.
pub(super) fn parse(text: &str) -> Result<Option<Value<'_>>> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &PARSE_OPTIONS);
    parsed.map(|parsed| parsed.value).map_err(|error: ParseError| DocumentError {
        offset: error.range().start,
        reason: error.kind().to_string(),
    })
}

/// A value of the document.
#[derive(Clone, Debug)]
pub(super) struct Element<'d> {
    path: String,
    value: &'d Value<'d>,
}

impl<'d> Element<'d> {
    /// Returns the value of the whole document.
    pub(super) fn root(value: &'d Value<'d>) -> Self {
        Self { path: String::new(), value }
    }

    /// Returns where the value stands.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns an error that names the value.
    pub(super) fn error(&self, reason: &str) -> DocumentError {
        let Range { start, .. } = self.value.range();
        let separator = if self.path.is_empty() { "" } else { ": " };
        DocumentError { offset: start, reason: format!("{}{separator}{reason}", self.path) }
    }

    pub(super) fn text(&self) -> Result<&'d str> {
        let text = self.value.as_string_lit().ok_or_else(|| self.error("must be a string"))?;
        Ok(&text.value)
    }

    /// Returns a whole number that fits into `T`.
    pub(super) fn number<T: std::str::FromStr>(&self) -> Result<T> {
        let number = self.value.as_number_lit().ok_or_else(|| self.error("must be a number"))?;
        number
            .value
            .parse()
            .map_err(|_| self.error(&format!("{} is no number that can stand here", number.value)))
    }

    pub(super) fn elements(&self) -> Result<Vec<Self>> {
        let array = self.value.as_array().ok_or_else(|| self.error("must be an array"))?;
        let elements = array.elements.iter().enumerate();
        Ok(elements.map(|(at, value)| Self { path: format!("{}[{at}]", self.path), value }).collect())
    }

    pub(super) fn section(&self) -> Result<Section<'d>> {
        let object = self.value.as_object().ok_or_else(|| self.error("must be an object"))?;
        // Of keys that are repeated the last one counts, as in the original.
        let entries = object.properties.iter().map(|property| (property.name.as_str(), &property.value));
        Ok(Section { path: self.path.clone(), entries: entries.collect(), taken: BTreeSet::new() })
    }

    /// Returns whether the value is an object.
    pub(super) fn is_object(&self) -> bool {
        self.value.as_object().is_some()
    }

    /// Returns the value as TOML has it, or `None` for what TOML cannot express: `null`, and numbers of more than 63 bits.
    pub(super) fn to_toml(&self) -> Option<toml::Value> {
        to_toml(self.value)
    }
}

fn to_toml(value: &Value<'_>) -> Option<toml::Value> {
    Some(match value {
        Value::StringLit(text) => toml::Value::String(text.value.clone().into_owned()),
        Value::BooleanLit(boolean) => toml::Value::Boolean(boolean.value),
        Value::NumberLit(number) if number.value.contains(['.', 'e', 'E']) => {
            toml::Value::Float(number.value.parse().ok()?)
        }
        Value::NumberLit(number) => toml::Value::Integer(number.value.parse().ok()?),
        Value::Array(array) => {
            array.elements.iter().map(to_toml).collect::<Option<_>>().map(toml::Value::Array)?
        }
        Value::Object(object) => {
            let entries = object.properties.iter();
            let entries = entries.map(|entry| Some((entry.name.as_str().to_owned(), to_toml(&entry.value)?)));
            toml::Value::Table(entries.collect::<Option<_>>()?)
        }
        Value::NullKeyword(_) => return None,
    })
}

/// An object whose keys are taken one by one, so that those that are left are known to be unused.
#[derive(Debug, Default)]
pub(super) struct Section<'d> {
    path: String,
    entries: BTreeMap<&'d str, &'d Value<'d>>,
    /// The keys that were asked for, present or not.
    taken: BTreeSet<&'static str>,
}

impl<'d> Section<'d> {
    /// Returns where the object stands.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns where a value of this key stands.
    pub(super) fn path_of(&self, key: &str) -> String {
        child_path(&self.path, key)
    }

    /// Removes a key and returns its value.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Element<'d>> {
        self.taken.insert(key);
        let value = self.entries.remove(key)?;
        Some(Element { path: self.path_of(key), value })
    }

    /// Removes a key whose value is an object; an absent one is an empty object.
    pub(super) fn take_section(&mut self, key: &'static str) -> Result<Self> {
        match self.take(key) {
            Some(element) => element.section(),
            None => Ok(Self { path: self.path_of(key), ..Self::default() }),
        }
    }

    /// Removes a key whose value is a string.
    pub(super) fn take_text(&mut self, key: &'static str) -> Result<Option<&'d str>> {
        self.take(key).map(|element| element.text()).transpose()
    }

    /// Removes all keys that are left, and returns them in their order with their values.
    pub(super) fn take_rest(&mut self) -> Vec<(&'d str, Element<'d>)> {
        let rest = std::mem::take(&mut self.entries);
        let path = |key| child_path(&self.path, key);
        rest.into_iter().map(|(key, value)| (key, Element { path: path(key), value })).collect()
    }

    /// Returns the known key that is most like `key`, if one is.
    pub(super) fn nearest(&self, key: &str) -> Option<&'static str> {
        let likeness = self.taken.iter().map(|known| (strsim::jaro_winkler(known, key), *known));
        likeness
            .filter(|(likeness, _)| *likeness >= SIMILAR)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known)
    }
}

fn child_path(parent: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|char| char.is_alphanumeric() || "_-:".contains(char));
    match (parent.is_empty(), is_plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{parent}.{key}"),
        (_, false) => format!("{parent}[{key:?}]"),
    }
}
