//! The filter language: lists that begin with an operator (`services.md` 5).

use std::cmp::Ordering;

use cocaine::{Bytes, Scalar, Value};

/// The deepest nesting of filters.
const MAX_DEPTH: usize = 16;
/// The largest number of filters within one.
const MAX_NODES: usize = 256;
/// The largest total size in bytes of the texts of a filter.
const MAX_TEXT_BYTES: usize = 4096;

/// A value is not a usable filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    /// It does not have the form of a filter.
    #[error("{0}")]
    Malformed(String),
    /// It exceeds a limit.
    #[error("{0}")]
    TooLarge(String),
}

/// The properties of a message that filters check.
pub(crate) struct LogMessage<'a> {
    pub(crate) severity: i32,
    /// Whether the call has a trace that is not excluded from logging.
    pub(crate) traced: bool,
    /// Returns the first attribute of this name.
    pub(crate) attribute: &'a dyn Fn(&str) -> Option<AttributeValue<'a>>,
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AttributeValue<'a> {
    Text(&'a [u8]),
    Float(f64),
    Int(i128),
    Bool(bool),
}

impl<'a> From<&'a Scalar> for AttributeValue<'a> {
    fn from(value: &'a Scalar) -> Self {
        match value {
            Scalar::Raw(raw) => Self::Text(raw),
            Scalar::Float(number) => Self::Float(*number),
            Scalar::Int(number) => Self::Int((*number).into()),
            Scalar::UInt(number) => Self::Int((*number).into()),
            Scalar::Bool(truth) => Self::Bool(*truth),
        }
    }
}

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Matches everything.
    Empty,
    /// Matches messages with a trace.
    Traced,
    /// Matches messages of at least this severity.
    Severity(u64),
    /// Matches messages with this attribute.
    Exists(String),
    /// Matches messages without this attribute.
    Missing(String),
    /// Matches messages whose attribute compares so with the constant.
    Compare(Comparison, String, Constant),
    /// Matches if both filters do.
    And(Box<[Filter; 2]>),
    /// Matches if at least one filter does.
    Or(Box<[Filter; 2]>),
    /// Matches if exactly one filter does.
    Xor(Box<[Filter; 2]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

/// A constant that an attribute is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Text(Bytes),
    Float(f64),
    Int(i128),
    Bool(bool),
}

impl Filter {
    pub(crate) fn parse(value: &Value) -> Result<Self, FilterError> {
        FilterParser { depth: 0, nodes: 0, text: 0 }.filter(value)
    }

    pub(crate) fn matches(&self, message: &LogMessage<'_>) -> bool {
        match self {
            Self::Empty => true,
            Self::Traced => message.traced,
            Self::Severity(least) => u64::try_from(message.severity).is_ok_and(|severity| severity >= *least),
            Self::Exists(name) => (message.attribute)(name).is_some(),
            Self::Missing(name) => (message.attribute)(name).is_none(),
            Self::Compare(comparison, name, constant) => (message.attribute)(name)
                .is_some_and(|value| comparison.is_satisfied_by(constant.compare(value))),
            Self::And(both) => both.iter().all(|filter| filter.matches(message)),
            Self::Or(both) => both.iter().any(|filter| filter.matches(message)),
            Self::Xor(both) => both[0].matches(message) != both[1].matches(message),
        }
    }
}

impl Comparison {
    const ALL: [Self; 6] =
        [Self::Equal, Self::Unequal, Self::Greater, Self::Less, Self::GreaterOrEqual, Self::LessOrEqual];

    fn operator(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::GreaterOrEqual => ">=",
            Self::LessOrEqual => "<=",
        }
    }

    /// Returns whether the comparison holds for values in this order. Values that cannot be compared are unequal.
    fn is_satisfied_by(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::Unequal => order != Some(Ordering::Equal),
            Self::Greater => order == Some(Ordering::Greater),
            Self::Less => order == Some(Ordering::Less),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
        }
    }
}

impl Constant {
    /// Compares a value with this constant. As in the original the value is converted to the constant's type first: a
    /// boolean to 0 or 1, a number other than 0 to true, and a float to an integer by truncation.
    fn compare(&self, value: AttributeValue<'_>) -> Option<Ordering> {
        match (self, value) {
            (Self::Text(text), AttributeValue::Text(value)) => Some(value.cmp(text.as_ref())),
            (Self::Text(_), _) | (_, AttributeValue::Text(_)) => None,
            (Self::Float(number), value) => value.float()?.partial_cmp(number),
            (Self::Int(number), value) => Some(value.integer()?.cmp(number)),
            (Self::Bool(truth), value) => Some((value.integer()? != 0).cmp(truth)),
        }
    }
}

impl AttributeValue<'_> {
    #[expect(clippy::cast_precision_loss, reason = "it is compared with a float")]
    fn float(self) -> Option<f64> {
        match self {
            Self::Text(_) => None,
            Self::Float(number) => Some(number),
            Self::Int(number) => Some(number as f64),
            Self::Bool(truth) => Some(truth.into()),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is behind the point is not compared")]
    fn integer(self) -> Option<i128> {
        match self {
            Self::Float(number) if !number.is_nan() => Some(number as i128),
            Self::Text(_) | Self::Float(_) => None,
            Self::Int(number) => Some(number),
            Self::Bool(truth) => Some(truth.into()),
        }
    }
}

/// Parses a filter and enforces the limits, since filters come from any client.
struct FilterParser {
    depth: usize,
    nodes: usize,
    text: usize,
}

impl FilterParser {
    fn filter(&mut self, value: &Value) -> Result<Filter, FilterError> {
        let parts = value.as_array().ok_or_else(|| malformed(format!("{value} is not a list")))?;
        let (operator, operands) =
            parts.split_first().ok_or_else(|| malformed("a filter has an operator"))?;
        let operator =
            operator.as_str().ok_or_else(|| malformed(format!("{operator} is not an operator")))?;
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(FilterError::TooLarge(format!("a filter may be made of {MAX_NODES}")));
        }
        match operands {
            [] => none(operator),
            [operand] => self.one(operator, operand),
            [left, right] => self.two(operator, left, right),
            _ => Err(malformed(format!("`{operator}` has {} operands", operands.len()))),
        }
    }

    fn one(&mut self, operator: &str, operand: &Value) -> Result<Filter, FilterError> {
        match (operator, operand) {
            ("severity", Value::UInt(least)) => Ok(Filter::Severity(*least)),
            ("e", name) => Ok(Filter::Exists(self.name(operator, name)?)),
            ("!e", name) => Ok(Filter::Missing(self.name(operator, name)?)),
            _ => Err(malformed(format!("`{operator}` is not a filter of {operand}"))),
        }
    }

    fn two(&mut self, operator: &str, left: &Value, right: &Value) -> Result<Filter, FilterError> {
        let comparison = Comparison::ALL.into_iter().find(|comparison| comparison.operator() == operator);
        if let Some(comparison) = comparison {
            let name = self.name(operator, left)?;
            return Ok(Filter::Compare(comparison, name, self.constant(operator, right)?));
        }
        let join = match operator {
            "&&" => Filter::And,
            "||" => Filter::Or,
            "xor" => Filter::Xor,
            _ => return Err(malformed(format!("`{operator}` is not a filter of two operands"))),
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FilterError::TooLarge(format!("filters may lie {MAX_DEPTH} deep in each other")));
        }
        let both = Box::new([self.filter(left)?, self.filter(right)?]);
        self.depth -= 1;
        Ok(join(both))
    }

    fn name(&mut self, operator: &str, value: &Value) -> Result<String, FilterError> {
        let name =
            value.as_str().ok_or_else(|| malformed(format!("`{operator}`: {value} names no attribute")))?;
        self.count(name.len())?;
        Ok(name.to_owned())
    }

    fn constant(&mut self, operator: &str, value: &Value) -> Result<Constant, FilterError> {
        match value {
            Value::Bool(truth) => Ok(Constant::Bool(*truth)),
            Value::Int(number) => Ok(Constant::Int((*number).into())),
            Value::UInt(number) => Ok(Constant::Int((*number).into())),
            Value::Float(number) => Ok(Constant::Float(*number)),
            Value::Raw(raw) => {
                self.count(raw.len())?;
                // A copy, because a slice would keep the whole frame in memory.
                Ok(Constant::Text(Bytes::from(raw.to_vec())))
            }
            Value::Nil | Value::Array(_) | Value::Map(_) => {
                Err(malformed(format!("`{operator}`: nothing can be compared with {value}")))
            }
        }
    }

    fn count(&mut self, text: usize) -> Result<(), FilterError> {
        self.text = self.text.saturating_add(text);
        if self.text > MAX_TEXT_BYTES {
            return Err(FilterError::TooLarge(format!(
                "the texts of a filter may have {MAX_TEXT_BYTES} bytes"
            )));
        }
        Ok(())
    }
}

fn none(operator: &str) -> Result<Filter, FilterError> {
    match operator {
        "empty" => Ok(Filter::Empty),
        "traced" => Ok(Filter::Traced),
        _ => Err(malformed(format!("`{operator}` is not a filter without operands"))),
    }
}

fn malformed(text: impl Into<String>) -> FilterError {
    FilterError::Malformed(text.into())
}

impl From<&Filter> for Value {
    fn from(filter: &Filter) -> Self {
        let both =
            |operator: &str, both: &[Filter; 2]| vec![operator.into(), (&both[0]).into(), (&both[1]).into()];
        Self::Array(match filter {
            Filter::Empty => vec!["empty".into()],
            Filter::Traced => vec!["traced".into()],
            Filter::Severity(least) => vec!["severity".into(), (*least).into()],
            Filter::Exists(name) => vec!["e".into(), name.as_str().into()],
            Filter::Missing(name) => vec!["!e".into(), name.as_str().into()],
            Filter::Compare(comparison, name, constant) => {
                vec![comparison.operator().into(), name.as_str().into(), constant.into()]
            }
            Filter::And(filters) => both("&&", filters),
            Filter::Or(filters) => both("||", filters),
            Filter::Xor(filters) => both("xor", filters),
        })
    }
}

impl From<&Constant> for Value {
    fn from(constant: &Constant) -> Self {
        match constant {
            Constant::Text(text) => text.clone().into(),
            Constant::Float(number) => (*number).into(),
            Constant::Bool(truth) => (*truth).into(),
            // It was parsed from a `u64` or an `i64`.
            Constant::Int(number) => u64::try_from(*number)
                .map_or_else(|_| i64::try_from(*number).unwrap_or(i64::MIN).into(), Self::UInt),
        }
    }
}

#[cfg(test)]
mod tests;
