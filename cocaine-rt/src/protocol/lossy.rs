//! Text that need not be UTF-8.

use std::{borrow::Cow, ops::Deref};

use serde::{Deserialize, Deserializer};

/// Text that may contain invalid UTF-8, which is replaced by U+FFFD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossyStr<'a>(Cow<'a, str>);

impl LossyStr<'_> {
    /// Returns the text.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for LossyStr<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for LossyStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'de [u8]>::deserialize(deserializer).map(|raw| Self(String::from_utf8_lossy(raw)))
    }
}
