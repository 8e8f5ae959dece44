//! Why a value does not fit a type.

use std::fmt::{self, Display, Write};

use crate::wire::value::Value;

/// How many bytes of a value, of a type or of a name an error shows.
const MAX_SHOWN: usize = 120;

/// How long the reason may be.
const MAX_TEXT: usize = 500;

/// The place of a value that does not fit its type, and the reason.
#[derive(Debug)]
pub struct Misfit {
    /// From the innermost place to the outermost: `.name` and `[index]`.
    path: Vec<String>,
    text: String,
    /// Whether the conversion has taken too many steps, so that nothing else is tried.
    is_endless: bool,
}

impl Misfit {
    pub(super) fn new(mut text: String) -> Self {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        Self { path: Vec::new(), text, is_endless: false }
    }

    /// A value is of another type.
    pub(super) fn expected(expected: &dyn Display, found: &Value) -> Self {
        Self::new(format!("expected {}, found {}", excerpt(expected), excerpt(found)))
    }

    /// A list has another length.
    pub(super) fn length(expected: usize, found: usize) -> Self {
        Self::new(format!("expected {expected} elements, found {found}"))
    }

    /// The conversion takes too long.
    pub(super) fn endless() -> Self {
        let text =
            "the value takes too many steps: its type has untagged enums, or structs of very many fields";
        Self { is_endless: true, ..Self::new(text.to_owned()) }
    }

    /// Returns whether nothing else is to be tried.
    pub(super) fn is_endless(&self) -> bool {
        self.is_endless
    }

    /// Adds the field or key in which the place lies.
    #[must_use]
    pub fn at_name(mut self, name: &str) -> Self {
        self.path.push(format!(".{}", excerpt(&name)));
        self
    }

    /// Adds the element in which the place lies.
    #[must_use]
    pub fn at_index(mut self, index: usize) -> Self {
        self.path.push(format!("[{index}]"));
        self
    }
}

/// Formats the path and the reason: `` `link.ttl`: expected u32, found "x" ``.
impl Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        match path.strip_prefix('.').unwrap_or(&path) {
            "" => f.write_str(&self.text),
            path => write!(f, "`{}`: {}", excerpt(&path), self.text),
        }
    }
}

/// Returns the beginning of what is displayed, of which no more than that is formatted.
fn excerpt(shown: &dyn Display) -> String {
    let mut excerpt = Excerpt(String::new());
    // It fails when it is full.
    if write!(excerpt, "{shown}").is_err() {
        excerpt.0.push('…');
    }
    excerpt.0
}

struct Excerpt(String);

impl Write for Excerpt {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_SHOWN - self.0.len();
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}
