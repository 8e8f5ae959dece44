//! Types as texts in messages.

use std::fmt::{self, Write as _};

use cocaine::schema::Type;

/// The most bytes of a type in a message.
const MAX_TYPE_TEXT: usize = 120;

/// Returns a type as text of bounded length.
pub(super) fn type_text(ty: &Type) -> String {
    let mut text = BoundedText(String::new());
    if write!(text, "{ty}").is_err() {
        text.0.push('…');
    }
    text.0
}

struct BoundedText(String);

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_TYPE_TEXT.saturating_sub(self.0.len());
        let end = text.floor_char_boundary(room);
        self.0.push_str(&text[..end]);
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}
