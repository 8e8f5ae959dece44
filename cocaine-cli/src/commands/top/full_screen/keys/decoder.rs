//! What the bytes of a terminal say about keys.

use std::{collections::VecDeque, str};

use crate::monitor::ScreenKey;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Key {
    Screen(ScreenKey),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Stop,
}

/// Decodes the bytes of a terminal in raw mode.
#[derive(Debug, Default)]
pub(super) struct KeyDecoder {
    /// The beginning of a key whose end has not arrived.
    begun: Vec<u8>,
}

/// The longest sequence of a key. What is longer is none.
const MAX_SEQUENCE: usize = 32;

const ESCAPE: u8 = 0x1b;

impl KeyDecoder {
    /// Appends the keys that the next bytes say. Other keys are left out. An escape at the end is the key, since terminals write a
    /// sequence at once.
    pub(super) fn decode(&mut self, bytes: &[u8], keys: &mut VecDeque<Key>) {
        self.begun.extend_from_slice(bytes);
        let mut rest = self.begun.as_slice();
        while let Some(&first) = rest.first() {
            let Some((key, len)) = read_key(first, rest) else { break };
            keys.extend(key);
            rest = &rest[len..];
        }
        self.begun = rest.to_vec();
    }
}

/// Returns the first key, if it is one that counts, and how many bytes it takes; `None` if its end is missing.
fn read_key(first: u8, bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let key = match first {
        ESCAPE if matches!(bytes.get(1), Some(b'[' | b'O')) => return read_sequence(bytes),
        ESCAPE => Some(Key::Screen(ScreenKey::Escape)),
        0x03 => Some(Key::Interrupt),
        0x1a => Some(Key::Stop),
        b'\r' | b'\n' => Some(Key::Screen(ScreenKey::Enter)),
        0x08 | 0x7f => Some(Key::Screen(ScreenKey::Backspace)),
        0..0x20 => None,
        _ => return read_char(bytes),
    };
    Some((key, 1))
}

fn read_char(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => {
            str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(error) => return error.error_len().map(|len| (None, len)),
    };
    let character = text.chars().next()?;
    Some((Some(Key::Screen(ScreenKey::Char(character))), character.len_utf8()))
}

/// Reads `ESC [ … FINAL` or `ESC O FINAL`. Numbers before the final byte name some keys, and others say what is held besides.
fn read_sequence(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let parameters = bytes[2..].iter().take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
    if parameters > MAX_SEQUENCE {
        return Some((None, parameters));
    }
    let last = *bytes.get(2 + parameters)?;
    let number = bytes[2..2 + parameters].split(|byte| *byte == b';').next().unwrap_or_default();
    let key = match (last, number) {
        (b'A', _) => Some(ScreenKey::Up),
        (b'B', _) => Some(ScreenKey::Down),
        (b'H', _) | (b'~', b"1" | b"7") => Some(ScreenKey::Home),
        (b'F', _) | (b'~', b"4" | b"8") => Some(ScreenKey::End),
        (b'~', b"5") => Some(ScreenKey::PageUp),
        (b'~', b"6") => Some(ScreenKey::PageDown),
        (b'M', b"") if bytes[1] == b'O' => Some(ScreenKey::Enter),
        _ => None,
    };
    Some((key.map(Key::Screen), 3 + parameters))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<Key> {
        let (mut decoder, mut keys) = (KeyDecoder::default(), VecDeque::new());
        for piece in pieces {
            decoder.decode(piece, &mut keys);
        }
        keys.into()
    }

    fn screen<const N: usize>(keys: [ScreenKey; N]) -> Vec<Key> {
        keys.map(Key::Screen).to_vec()
    }

    #[test]
    fn keys_are_those_of_usual_terminals() {
        use ScreenKey::{Backspace, Char, Down, End, Enter, Escape, Home, PageDown, PageUp, Up};
        assert_eq!(decode(&[b"q/", "ä✓".as_bytes()]), screen([Char('q'), Char('/'), Char('ä'), Char('✓')]));
        assert_eq!(decode(&[b"\r\x7f\x08\x1b"]), screen([Enter, Backspace, Backspace, Escape]));
        assert_eq!(decode(&[b"\x1b[A\x1bOB\x1b[1;5A"]), screen([Up, Down, Up]));
        assert_eq!(decode(&[b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1bOH"]), screen([Home, End, Home, End, Home]));
        assert_eq!(decode(&[b"\x1b[5~\x1b[6~"]), screen([PageUp, PageDown]));
        assert_eq!(decode(&[b"\x03\x1a"]), [Key::Interrupt, Key::Stop]);
    }

    #[test]
    fn pieces_of_a_key_are_joined() {
        assert_eq!(decode(&[b"\x1b[", b"5", b"~"]), screen([ScreenKey::PageUp]));
        assert_eq!(decode(&[&[0xc3], &[0xa4]]), screen([ScreenKey::Char('ä')]));
    }

    #[test]
    fn other_keys_and_garbage_are_left_out() {
        assert_eq!(decode(&[b"\x1b[2~\x1b[15~\x01\x1bOP\xffq"]), screen([ScreenKey::Char('q')]));
        let endless = [b"\x1b[".as_slice(), &[b'1'; 100], b"q"].concat();
        assert!(decode(&[&endless]).ends_with(&screen([ScreenKey::Char('q')])));
    }

    proptest! {
        #[test]
        fn any_bytes_leave_little_behind(pieces in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
            let (mut decoder, mut keys) = (KeyDecoder::default(), VecDeque::new());
            for piece in &pieces {
                decoder.decode(piece, &mut keys);
                prop_assert!(decoder.begun.len() <= MAX_SEQUENCE + 2);
            }
        }
    }
}
