//! The language of filters: lists that begin with an operator (`services.md` 5).

use std::cmp::Ordering;

use cocaine::{Bytes, Scalar, Value};

/// How deep filters may lie in each other.
const DEPTH: usize = 16;
/// How many filters there may be in one.
const NODES: usize = 256;
/// Bytes of all texts of a filter.
const TEXT: usize = 4096;

/// Why something is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    /// It is not what a filter looks like.
    #[error("{0}")]
    Malformed(String),
    /// It is more than is kept.
    #[error("{0}")]
    TooLarge(String),
}

/// What is held against a filter.
pub(crate) struct LogMessage<'a> {
    pub(crate) severity: i32,
    /// Whether the call has a trace that is to be logged.
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
    /// Lets everything pass.
    Empty,
    /// Lets pass what has a trace.
    Traced,
    /// Lets pass what is at least so severe.
    Severity(u64),
    /// Lets pass what has the attribute.
    Exists(String),
    /// Lets pass what does not have it.
    Missing(String),
    /// Lets pass what has it with such a value.
    Compare(Comparison, String, Constant),
    /// Lets pass what both do.
    And(Box<[Filter; 2]>),
    /// Lets pass what one does.
    Or(Box<[Filter; 2]>),
    /// Lets pass what one does and the other does not.
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

/// What attributes are compared with.
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

    pub(crate) fn passes(&self, message: &LogMessage<'_>) -> bool {
        match self {
            Self::Empty => true,
            Self::Traced => message.traced,
            Self::Severity(least) => u64::try_from(message.severity).is_ok_and(|severity| severity >= *least),
            Self::Exists(name) => (message.attribute)(name).is_some(),
            Self::Missing(name) => (message.attribute)(name).is_none(),
            Self::Compare(comparison, name, constant) => {
                (message.attribute)(name).is_some_and(|value| comparison.holds(constant.compare(value)))
            }
            Self::And(both) => both.iter().all(|filter| filter.passes(message)),
            Self::Or(both) => both.iter().any(|filter| filter.passes(message)),
            Self::Xor(both) => both[0].passes(message) != both[1].passes(message),
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

    /// Returns whether it holds for values in this order; those that cannot be compared are unequal.
    fn holds(self, order: Option<Ordering>) -> bool {
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
    /// Compares a value with this, after it has become one of this type, as the original does it: a truth value is 0 or
    /// 1, a number that is not 0 is true, and a float loses what is behind its point.
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

/// FilterCounters what it reads: a filter is a stranger's.
struct FilterParser {
    depth: usize,
    nodes: usize,
    text: usize,
}

impl FilterParser {
    fn filter(&mut self, value: &Value) -> Result<Filter, FilterError> {
        let parts = value.as_array().ok_or_else(|| shape(format!("{value} is no list")))?;
        let (operator, operands) = parts.split_first().ok_or_else(|| shape("a filter has an operator"))?;
        let operator = operator.as_str().ok_or_else(|| shape(format!("{operator} is no operator")))?;
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(FilterError::TooLarge(format!("a filter may be made of {NODES}")));
        }
        match operands {
            [] => none(operator),
            [operand] => self.one(operator, operand),
            [left, right] => self.two(operator, left, right),
            _ => Err(shape(format!("`{operator}` has {} operands", operands.len()))),
        }
    }

    fn one(&mut self, operator: &str, operand: &Value) -> Result<Filter, FilterError> {
        match (operator, operand) {
            ("severity", Value::UInt(least)) => Ok(Filter::Severity(*least)),
            ("e", name) => Ok(Filter::Exists(self.name(operator, name)?)),
            ("!e", name) => Ok(Filter::Missing(self.name(operator, name)?)),
            _ => Err(shape(format!("`{operator}` is no filter of {operand}"))),
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
            _ => return Err(shape(format!("`{operator}` is no filter of two operands"))),
        };
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(FilterError::TooLarge(format!("filters may lie {DEPTH} deep in each other")));
        }
        let both = Box::new([self.filter(left)?, self.filter(right)?]);
        self.depth -= 1;
        Ok(join(both))
    }

    fn name(&mut self, operator: &str, value: &Value) -> Result<String, FilterError> {
        let name =
            value.as_str().ok_or_else(|| shape(format!("`{operator}`: {value} names no attribute")))?;
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
                // A copy, so that it does not keep the whole frame.
                Ok(Constant::Text(Bytes::from(raw.to_vec())))
            }
            Value::Nil | Value::Array(_) | Value::Map(_) => {
                Err(shape(format!("`{operator}`: nothing can be compared with {value}")))
            }
        }
    }

    fn count(&mut self, text: usize) -> Result<(), FilterError> {
        self.text = self.text.saturating_add(text);
        if self.text > TEXT {
            return Err(FilterError::TooLarge(format!("the texts of a filter may have {TEXT} bytes")));
        }
        Ok(())
    }
}

fn none(operator: &str) -> Result<Filter, FilterError> {
    match operator {
        "empty" => Ok(Filter::Empty),
        "traced" => Ok(Filter::Traced),
        _ => Err(shape(format!("`{operator}` is no filter without operands"))),
    }
}

fn shape(text: impl Into<String>) -> FilterError {
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
            // It came as one of the two.
            Constant::Int(number) => u64::try_from(*number)
                .map_or_else(|_| i64::try_from(*number).unwrap_or(i64::MIN).into(), Self::UInt),
        }
    }
}

#[cfg(test)]
mod tests;
