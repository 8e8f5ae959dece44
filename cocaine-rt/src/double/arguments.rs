//! The encoding in which a double compares arguments, and passes them to the closures of a test.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    protocol::{
        args::Args,
        error::{Error, Result},
    },
    wire::{
        decode,
        encode::{self, Encoded},
        value::Value,
    },
};

/// How the arguments of calls are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArgumentEncoding {
    /// As those of a service: structs are arrays.
    Service,
    /// As those of an app's event, in an array: structs are maps, and any type travels that serde knows.
    Event,
}

/// An array without elements.
const EMPTY_LIST: &[u8] = &[0x90];

impl ArgumentEncoding {
    /// Encodes arguments as a client does.
    pub(super) fn encode<T: Serialize>(self, args: &T) -> Result<bytes::Bytes> {
        let encoded = match self {
            Self::Service => {
                let mut encoded = Encoded::default();
                encode::args(args, &mut encoded).map(|()| encoded.flatten())
            }
            Self::Event => encode::to_vec(args),
        };
        let encoded = encoded.map_err(Error::from_encode)?;
        let is_unit = self == Self::Event && encoded == [0xc0];
        Ok(if is_unit { bytes::Bytes::from_static(EMPTY_LIST) } else { encoded.into() })
    }

    /// Decodes arguments for a closure of the test.
    pub(super) fn decode<T: DeserializeOwned>(self, args: &bytes::Bytes) -> T {
        let decoded = match self {
            Self::Service => decode::args(args),
            Self::Event => decode::value(args),
        };
        decoded.unwrap_or_else(|malformed| panic!("({}) cannot be decoded: {malformed}", self.format(args)))
    }

    /// Formats encoded arguments for a message.
    pub(super) fn format(self, args: &bytes::Bytes) -> String {
        let values = match self {
            Self::Service => decode::args(args).map(|Args(values)| values),
            Self::Event => decode::value::<Vec<Value>>(args),
        };
        let Ok(values) = values else { return "…".to_owned() };
        let cut = |text: String| match text.char_indices().nth(MAX_ARGUMENT_LEN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
        let values: Vec<_> = values.iter().map(|value| cut(value.to_string())).collect();
        values.join(", ")
    }
}

/// The maximum number of characters of an argument in a message.
const MAX_ARGUMENT_LEN: usize = 120;
