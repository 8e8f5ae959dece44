//! The filter of `fetch` (`services.md` 13): a map with one entry, from the name of a filter to its arguments.
//!
//! Filters are `and` and `or` of any number of filters, and `eq`, `ge` and `contains` of two extractors. Extractors are
//! `name`, `type`, `tag` of a text or of an extractor, and `const` of a value. As in the original, `ge` matches
//! everything, and a metric has only the tags `name` and `type`: any other is the empty text.

use cocaine::Value;

use super::reading::Reading;

/// The deepest nesting of filters and extractors.
const MAX_DEPTH: usize = 16;
/// The largest number of filters, extractors and values in a query.
const MAX_NODES: usize = 256;
/// The largest total size of a query's texts in bytes.
const MAX_TEXT_BYTES: usize = 2048;

/// A query is invalid. The text is the original's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct QueryError(String);

type Result<T> = std::result::Result<T, QueryError>;

/// A filter of metrics.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Query<'a> {
    And(Vec<Query<'a>>),
    Or(Vec<Query<'a>>),
    Eq(Extractor<'a>, Extractor<'a>),
    Contains(Extractor<'a>, Extractor<'a>),
    /// Matches everything, as `ge` does in the original.
    All,
}

/// Extracts a value from a metric, or is a constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Extractor<'a> {
    Name,
    Kind,
    Tag(Box<Extractor<'a>>),
    Const(&'a Value),
}

impl<'a> Query<'a> {
    pub(crate) fn parse(value: &'a Value) -> Result<Self> {
        QueryParser { depth: 0, nodes: 0, text: 0 }.filter(value)
    }

    pub(crate) fn matches(&self, reading: &Reading) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|filter| filter.matches(reading)),
            Self::Or(filters) => filters.iter().any(|filter| filter.matches(reading)),
            Self::Eq(left, right) => left.of(reading).is(&right.of(reading)),
            Self::Contains(whole, part) => match (whole.of(reading).text(), part.of(reading).text()) {
                (Some(whole), Some(part)) => contains(whole, part),
                _ => false,
            },
            Self::All => true,
        }
    }
}

/// The result of an extractor.
enum Extracted<'a> {
    Text(&'a [u8]),
    Value(&'a Value),
}

impl<'a> Extracted<'a> {
    fn text(&self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) => Some(text),
            Self::Value(value) => value.as_bytes().map(|bytes| &**bytes),
        }
    }

    fn is(&self, other: &Extracted<'_>) -> bool {
        match (self, other) {
            (Self::Value(left), Extracted::Value(right)) => left == right,
            _ => self.text().is_some_and(|text| other.text() == Some(text)),
        }
    }
}

impl Extractor<'_> {
    fn of<'r>(&'r self, reading: &'r Reading) -> Extracted<'r> {
        match self {
            Self::Name => Extracted::Text(reading.name.as_bytes()),
            Self::Kind => Extracted::Text(reading.kind().as_bytes()),
            Self::Tag(tag) => match tag.of(reading).text() {
                Some(b"name") => Self::Name.of(reading),
                Some(b"type") => Self::Kind.of(reading),
                _ => Extracted::Text(b""),
            },
            Self::Const(value) => Extracted::Value(value),
        }
    }
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// Parses a query and enforces the limits, since queries come from any client.
struct QueryParser {
    depth: usize,
    nodes: usize,
    text: usize,
}

impl QueryParser {
    fn filter<'a>(&mut self, value: &'a Value) -> Result<Query<'a>> {
        let (name, args) = self.node("filter", value)?;
        let filter = match name {
            "and" => Query::And(args.iter().map(|arg| self.filter(arg)).collect::<Result<_>>()?),
            "or" => Query::Or(args.iter().map(|arg| self.filter(arg)).collect::<Result<_>>()?),
            "eq" => self.pair(name, args).map(|(left, right)| Query::Eq(left, right))?,
            "contains" => self.pair(name, args).map(|(whole, part)| Query::Contains(whole, part))?,
            "ge" => self.pair(name, args).map(|_| Query::All)?,
            _ => return Err(QueryError(format!("unknown filter '{name}'"))),
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn pair<'a>(&mut self, name: &str, args: &'a [Value]) -> Result<(Extractor<'a>, Extractor<'a>)> {
        let [left, right] = arguments("filter", name, args)?;
        Ok((self.extractor(left)?, self.extractor(right)?))
    }

    fn extractor<'a>(&mut self, value: &'a Value) -> Result<Extractor<'a>> {
        let (name, args) = self.node("extractor", value)?;
        let extractor = match name {
            "name" => arguments("extractor", name, args).map(|[]| Extractor::Name)?,
            "type" => arguments("extractor", name, args).map(|[]| Extractor::Kind)?,
            "const" => {
                let [value] = arguments("extractor", name, args)?;
                self.count_value(value)?;
                Extractor::Const(value)
            }
            "tag" => {
                let [tag] = arguments("extractor", name, args)?;
                Extractor::Tag(Box::new(self.tag(tag)?))
            }
            _ => return Err(QueryError(format!("unknown extractor '{name}'"))),
        };
        self.depth -= 1;
        Ok(extractor)
    }

    fn tag<'a>(&mut self, value: &'a Value) -> Result<Extractor<'a>> {
        if value.as_bytes().is_none() {
            return self.extractor(value);
        }
        self.count_value(value)?;
        Ok(Extractor::Const(value))
    }

    /// Returns the name and the arguments of a node.
    fn node<'a>(&mut self, kind: &str, value: &'a Value) -> Result<(&'a str, &'a [Value])> {
        let Some(entries) = value.as_map() else {
            return Err(QueryError(format!("AST {kind} node must be an object")));
        };
        let [(name, args)] = entries else {
            return Err(QueryError(format!("AST {kind} node must have exactly one name")));
        };
        let name = name.as_str().ok_or_else(|| QueryError(format!("the name of a {kind} must be a text")))?;
        let args = args.as_array();
        let args = args.ok_or_else(|| QueryError(format!("arguments of {kind} '{name}' must be a list")))?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(QueryError(format!("a query may be {MAX_DEPTH} filters and extractors deep")));
        }
        self.count(name.len())?;
        Ok((name, args))
    }

    fn count_value(&mut self, value: &Value) -> Result<()> {
        self.count(value.as_bytes().map_or(0, |text| text.len()))?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.count_value(item)),
            Value::Map(entries) => entries.iter().try_for_each(|(key, value)| {
                self.count_value(key)?;
                self.count_value(value)
            }),
            _ => Ok(()),
        }
    }

    fn count(&mut self, text: usize) -> Result<()> {
        self.nodes += 1;
        self.text = self.text.saturating_add(text);
        if self.nodes > MAX_NODES || self.text > MAX_TEXT_BYTES {
            return Err(QueryError(format!(
                "a query may have {MAX_NODES} filters, extractors and values, and {MAX_TEXT_BYTES} bytes of texts"
            )));
        }
        Ok(())
    }
}

/// Returns the arguments if their number is right.
fn arguments<'a, const N: usize>(kind: &str, name: &str, args: &'a [Value]) -> Result<&'a [Value; N]> {
    args.try_into()
        .map_err(|_| QueryError(format!("expected {N} arguments for {kind} '{name}', found {}", args.len())))
}

#[cfg(test)]
mod tests;
