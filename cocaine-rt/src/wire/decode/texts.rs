//! Where decoded texts live that are not a part of their source.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

/// Strings that stand for texts which are not UTF-8. They live as long as the arguments that borrow them.
#[derive(Debug, Default)]
pub(crate) struct EscapedTexts(OnceLock<Box<Buckets>>);

/// The bucket `n` has 2^n slots, so that a string never moves. All buckets have more than a message has bytes.
#[derive(Debug, Default)]
struct Buckets {
    buckets: [OnceLock<Box<[OnceLock<String>]>>; 32],
    len: AtomicUsize,
}

impl EscapedTexts {
    /// Adds a text and returns it.
    pub(super) fn push(&self, text: String) -> &str {
        let Buckets { buckets, len } = self.0.get_or_init(Box::default).as_ref();
        let position = len.fetch_add(1, Ordering::Relaxed) + 1;
        let bucket = position.ilog2() as usize;
        let first = 1 << bucket;
        let slots = buckets[bucket].get_or_init(|| (0..first).map(|_| OnceLock::new()).collect());
        slots[position - first].get_or_init(|| text)
    }
}

/// What becomes of a text that is not UTF-8.
#[derive(Clone, Copy, Debug)]
pub(super) enum InvalidText<'de> {
    /// It is an error: the text is part of a payload.
    Refuse,
    /// It is escaped for types that copy their texts.
    Escape,
    /// It is escaped for all types.
    EscapeInto(&'de EscapedTexts),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_places() {
        let texts = EscapedTexts::default();
        let all: Vec<&str> = (0..1000).map(|number| texts.push(number.to_string())).collect();
        assert!(all.iter().enumerate().all(|(number, text)| *text == number.to_string()));
    }
}
