//! Values without parts, and keys of maps.

use std::collections::BTreeMap;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    schema::{Definition, Shape, Type},
    wire::value::Value,
};

use super::{ConversionDirection, Misfit};
use crate::json::forms::write_forms;

/// Reads base64 with and without padding, and writes it with padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The largest integer that JavaScript's numbers hold exactly, as all below it.
const MAX_SAFE_INTEGER: i128 = (1 << 53) - 1;

/// How many newtypes may lie within one another in the type of a key.
const MAX_NEWTYPES: usize = 32;

/// Converts a value of a type without parts.
pub(super) fn convert(ty: &Type, value: &Value, direction: ConversionDirection) -> Result<Value, Misfit> {
    let converted = match ty {
        Type::NonZero(of) => match convert(of, value, direction)? {
            Value::UInt(0) => None,
            nonzero => Some(nonzero),
        },
        Type::Unit => value.is_nil().then_some(Value::Nil),
        Type::Bool => value.as_bool().map(Value::Bool),
        Type::F32 | Type::F64 => convert_float(ty, value, direction),
        Type::Char => value.as_str().filter(|text| text.chars().count() == 1).map(|_| value.clone()),
        Type::Text => value.as_str().map(|_| value.clone()),
        Type::Bytes => convert_bytes(value, direction),
        _ => integer_range(ty).and_then(|range| convert_integer(range, value, direction)),
    };
    converted.ok_or_else(|| Misfit::expected(ty, value))
}

/// Returns the smallest and the largest integer of a type.
fn integer_range(ty: &Type) -> Option<(i128, i128)> {
    Some(match ty {
        Type::U8 => (0, u8::MAX.into()),
        Type::U16 => (0, u16::MAX.into()),
        Type::U32 => (0, u32::MAX.into()),
        Type::U64 => (0, u64::MAX.into()),
        Type::I8 => (i8::MIN.into(), i8::MAX.into()),
        Type::I16 => (i16::MIN.into(), i16::MAX.into()),
        Type::I32 => (i32::MIN.into(), i32::MAX.into()),
        Type::I64 => (i64::MIN.into(), i64::MAX.into()),
        _ => return None,
    })
}

fn convert_integer((min, max): (i128, i128), value: &Value, direction: ConversionDirection) -> Option<Value> {
    let is_wide = max > MAX_SAFE_INTEGER;
    let number = match value {
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Raw(_) if is_wide && direction == ConversionDirection::ToPayload => {
            parse_digits(value.as_str()?)?
        }
        _ => return None,
    };
    if !(min..=max).contains(&number) {
        return None;
    }
    let is_unsafe = number.abs() > MAX_SAFE_INTEGER;
    if is_wide && is_unsafe && direction == ConversionDirection::ToJson {
        return Some(number.to_string().into());
    }
    u64::try_from(number).map(Value::UInt).or_else(|_| i64::try_from(number).map(Value::Int)).ok()
}

/// Parses decimal digits, which may follow a minus.
fn parse_digits(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number =
        !digits.is_empty() && digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn convert_float(ty: &Type, value: &Value, direction: ConversionDirection) -> Option<Value> {
    #[expect(clippy::cast_precision_loss, reason = "a float is the nearest one, as payloads are read")]
    let number = match value {
        Value::Float(number) => *number,
        Value::UInt(number) => *number as f64,
        Value::Int(number) => *number as f64,
        Value::Map(_) if direction == ConversionDirection::ToPayload => {
            return super::resolve_forms(value.clone()).ok().filter(|form| form.as_f64().is_some());
        }
        _ => return None,
    };
    if direction == ConversionDirection::ToPayload {
        return Some(Value::Float(number));
    }
    // The shortest text of this float, not of the double that holds it.
    #[expect(clippy::cast_possible_truncation, reason = "it is a float that was written as such")]
    let shortest =
        if *ty == Type::F32 { (number as f32).to_string().parse().unwrap_or(number) } else { number };
    Some(write_forms(&Value::Float(shortest)))
}

/// In JSON bytes are base64. Payloads may have an array for them.
fn convert_bytes(value: &Value, direction: ConversionDirection) -> Option<Value> {
    match (direction, value) {
        (ConversionDirection::ToPayload, Value::Raw(_)) => {
            BASE64.decode(value.as_str()?).ok().map(|bytes| bytes[..].into())
        }
        (ConversionDirection::ToJson, Value::Raw(bytes)) => Some(BASE64.encode(bytes).into()),
        (ConversionDirection::ToJson, Value::Array(items)) => {
            let byte = |item: &Value| item.as_u64().and_then(|byte| u8::try_from(byte).ok());
            let bytes: Vec<u8> = items.iter().map(byte).collect::<Option<_>>()?;
            Some(BASE64.encode(bytes).into())
        }
        _ => None,
    }
}

/// What the keys of an object stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Text,
    Integer,
    Bool,
}

impl KeyKind {
    /// Returns the kind of keys of a type, if they can be keys of an object.
    pub(super) fn of<'s>(mut ty: &'s Type, types: &'s BTreeMap<String, Definition>) -> Option<Self> {
        for _ in 0..MAX_NEWTYPES {
            let Type::Named(name) = ty else { break };
            let Shape::Newtype(of) = &types.get(name)?.shape else { return None };
            ty = of;
        }
        match ty {
            Type::Text | Type::Char => Some(Self::Text),
            Type::Bool => Some(Self::Bool),
            Type::NonZero(of) => integer_range(of).map(|_| Self::Integer),
            ty => integer_range(ty).map(|_| Self::Integer),
        }
    }

    /// Returns the key that a text stands for, unless it is that text.
    pub(super) fn parse(self, text: &Value) -> Option<Value> {
        let text = text.as_str()?;
        match self {
            Self::Text => None,
            Self::Bool => text.parse().ok().map(Value::Bool),
            Self::Integer => {
                let number = parse_digits(text)?;
                u64::try_from(number).map(Value::UInt).or_else(|_| i64::try_from(number).map(Value::Int)).ok()
            }
        }
    }
}

/// Returns the text that a key is in JSON.
pub(super) fn key_text(key: Value) -> Value {
    match key {
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) => key.to_string().into(),
        text => text,
    }
}
