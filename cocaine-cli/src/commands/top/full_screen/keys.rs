//! The keys that are pressed at the terminal.
//!
//! They are read as bytes, and not through the events of crossterm: those drop the notice of bytes that arrive together with a
//! change of the terminal's size, so that a key would wait for the next one.

mod decoder;

use std::{collections::VecDeque, io, io::Read as _, thread};

use tokio::sync::mpsc;

pub(super) use self::decoder::Key;
use self::decoder::KeyDecoder;

/// How many pieces of input may wait to be decoded.
const MAX_PIECES: usize = 16;

/// The keys of the terminal that is the standard input.
#[derive(Debug)]
pub(super) struct Keys {
    pieces: mpsc::Receiver<Vec<u8>>,
    decoder: KeyDecoder,
    pressed: VecDeque<Key>,
}

impl Keys {
    /// Begins to read standard input, up to the end of the process, in a thread that nothing waits for.
    pub(super) fn read() -> Self {
        let (sender, pieces) = mpsc::channel(MAX_PIECES);
        thread::spawn(move || {
            let mut bytes = [0; 256];
            loop {
                match io::stdin().lock().read(&mut bytes) {
                    Ok(len @ 1..) if sender.blocking_send(bytes[..len].to_vec()).is_ok() => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // The terminal is gone, or nobody wants its keys any more.
                    _ => return,
                }
            }
        });
        Self { pieces, decoder: KeyDecoder::default(), pressed: VecDeque::new() }
    }

    /// Waits for the next key; returns `None` once there is no terminal any more. Nothing is lost if this is dropped while it
    /// waits.
    pub(super) async fn next(&mut self) -> Option<Key> {
        while self.pressed.is_empty() {
            let piece = self.pieces.recv().await?;
            self.decoder.decode(&piece, &mut self.pressed);
        }
        self.pressed.pop_front()
    }
}
