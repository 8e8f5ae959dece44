//! Parses a body of JSON into values, whose memory is bounded while they are made: a list of nulls takes eight times its
//! text.

use std::{fmt, thread::available_parallelism};

use bytes::Bytes;
use cocaine::Value;
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    error::HttpError,
    request_body::{BodyReservation, BufferedBody},
};

/// How many bytes of memory the values of one body may take.
const MAX_DECODED_BYTES: usize = 128 << 20;

/// The size of a body from which on it is parsed on a thread for blocking work.
const LARGE_BODY: usize = 64 << 10;

/// What an allocation takes beside its content.
const ALLOCATION: usize = 32;

/// The length from which on a text is a slice of the body.
const MIN_SLICE_LEN: usize = 4 << 10;

/// How many bytes are reserved in the buffer at once.
const RESERVED_AT_ONCE: usize = 64 << 10;

/// Parses bodies, a few large ones at a time so that the other threads have processors left.
#[derive(Debug)]
pub(crate) struct BodyParser(Semaphore);

/// The values of a body, and their share of the buffer.
#[derive(Debug)]
pub(crate) struct ParsedBody {
    pub(crate) value: Value,
    pub(crate) reservation: BodyReservation,
}

/// Why a body has no values.
#[derive(Debug)]
pub(crate) enum ParseError {
    /// It is not JSON.
    Malformed(String),
    /// Its values take too much memory.
    TooLarge(String),
    /// The bodies of all requests take too much memory.
    Full(HttpError),
}

impl BodyParser {
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Semaphore::new(processors.div_ceil(2)))
    }

    /// Parses a body. What its values take is added to its share of the buffer.
    pub(crate) async fn parse(&self, body: BufferedBody) -> Result<ParsedBody, ParseError> {
        if body.bytes.len() < LARGE_BODY {
            return parse(body);
        }
        // The semaphore is never closed, and a thread that panics has no values to return.
        let _permit = self.0.acquire().await;
        let parsed = spawn_blocking(|| parse(body)).await;
        parsed.unwrap_or_else(|error| Err(ParseError::Malformed(error.to_string())))
    }
}

fn parse(body: BufferedBody) -> Result<ParsedBody, ParseError> {
    let BufferedBody { bytes, reservation } = body;
    let mut budget =
        ValueBudget { source: &bytes, left: MAX_DECODED_BYTES, due: 0, reservation, refusal: None };
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let parsed = ValueSeed(&mut budget).deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    let ValueBudget { refusal, reservation, .. } = budget;
    match (parsed, refusal) {
        (Ok(value), _) => Ok(ParsedBody { value, reservation }),
        (Err(_), Some(refusal)) => Err(refusal),
        (Err(error), None) => Err(ParseError::Malformed(error.to_string())),
    }
}

/// The memory that the values of a body may still take.
struct ValueBudget<'b> {
    source: &'b Bytes,
    left: usize,
    /// Bytes that are charged and not yet reserved.
    due: usize,
    reservation: BodyReservation,
    refusal: Option<ParseError>,
}

impl ValueBudget<'_> {
    fn charge<E: de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => {
                return Err(self.refuse(ParseError::TooLarge(format!(
                    "the values of the request take more than {MAX_DECODED_BYTES} bytes of memory"
                ))));
            }
        }
        self.due += bytes;
        if self.due >= RESERVED_AT_ONCE {
            let due = std::mem::take(&mut self.due);
            self.reservation.grow(due).map_err(|error| self.refuse(ParseError::Full(error)))?;
        }
        Ok(())
    }

    fn refuse<E: de::Error>(&mut self, refusal: ParseError) -> E {
        self.refusal = Some(refusal);
        E::custom("too large")
    }

    fn copy_text<E: de::Error>(&mut self, text: &str) -> Result<Value, E> {
        self.charge(if text.is_empty() { 0 } else { ALLOCATION + text.len() })?;
        Ok(text.into())
    }
}

/// Makes a value, and charges it.
struct ValueSeed<'a, 'b>(&'a mut ValueBudget<'b>);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Value, E> {
        if text.len() < MIN_SLICE_LEN {
            return self.0.copy_text(text);
        }
        self.0.charge(ALLOCATION)?;
        Ok(cocaine::Bytes::from(self.0.source.slice_ref(text.as_bytes())).into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.copy_text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(ValueSeed(self.0))? {
            self.0.charge(element_cost::<Value>(array.is_empty()))?;
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key_seed(ValueSeed(self.0))? {
            self.0.charge(element_cost::<(Value, Value)>(map.is_empty()))?;
            map.push((key, entries.next_value_seed(ValueSeed(self.0))?));
        }
        Ok(Value::Map(map))
    }
}

/// Returns what an element of a list takes. The first has the room of four, which is the least that a list allocates.
const fn element_cost<T>(is_first: bool) -> usize {
    if is_first { ALLOCATION + 4 * size_of::<T>() } else { size_of::<T>() }
}

#[cfg(test)]
mod tests {
    use super::super::request_body::BodyBuffer;
    use super::*;

    fn buffer(limit: usize) -> BodyBuffer {
        BodyBuffer::new(limit, limit, std::time::Duration::from_secs(1))
    }

    fn parse_in(buffer: &BodyBuffer, text: &str) -> Result<ParsedBody, ParseError> {
        parse(buffer.buffered(Bytes::copy_from_slice(text.as_bytes())))
    }

    fn nulls(count: usize) -> String {
        format!("[{}null]", "null,".repeat(count - 1))
    }

    #[test]
    fn values_are_those_of_the_text() {
        let text = format!(
            r#"{{"a": [null, true, -1, 1, 1.5, "x\n", "{}"], "b": {{}}, "a": []}}"#,
            "y".repeat(5000)
        );
        let parsed = parse_in(&buffer(1 << 20), &text).unwrap();
        assert_eq!(parsed.value, serde_json::from_str::<Value>(&text).unwrap());
        for malformed in ["", "[1,]", "[1] 2", "{\"a\"}", "\u{1}"] {
            let error = parse_in(&buffer(1 << 20), malformed).unwrap_err();
            let expected = serde_json::from_str::<Value>(malformed).unwrap_err().to_string();
            assert!(matches!(error, ParseError::Malformed(text) if text == expected), "{malformed}");
        }
    }

    #[test]
    fn values_stay_counted_until_they_are_dropped() {
        let (buffer, text) = (buffer(1 << 20), nulls(10_000));
        let parsed = parse_in(&buffer, &text).unwrap();
        let used = buffer.used();
        let values = 10_000 * size_of::<Value>();
        assert!((values..values + text.len() + RESERVED_AT_ONCE).contains(&used), "{used}");
        drop(parsed);
        assert_eq!(buffer.used(), 0);
    }

    #[test]
    fn values_beyond_limit_are_refused() {
        let buffer = buffer(1 << 30);
        let error = parse_in(&buffer, &nulls(MAX_DECODED_BYTES / size_of::<Value>() + 1)).unwrap_err();
        assert!(matches!(error, ParseError::TooLarge(text) if text.contains("134217728 bytes")));
        assert_eq!(buffer.used(), 0);
    }

    #[test]
    fn full_buffer_refuses_values() {
        let buffer = buffer(200_000);
        let first = parse_in(&buffer, &nulls(2000)).unwrap();
        let error = parse_in(&buffer, &nulls(4000)).unwrap_err();
        assert!(matches!(error, ParseError::Full(_)), "{error:?}");
        drop(first);
        assert!(parse_in(&buffer, &nulls(4000)).is_ok());
    }

    #[test]
    fn large_text_is_slice_of_body() {
        let (buffer, text) = (buffer(1 << 20), format!("[\"{}\"]", "x".repeat(100_000)));
        let parsed = parse_in(&buffer, &text).unwrap();
        assert_eq!(buffer.used(), text.len());
        assert_eq!(parsed.value.as_array().unwrap()[0].as_bytes().unwrap().len(), 100_000);
    }
}
