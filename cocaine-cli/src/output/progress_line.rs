//! The terminal of standard error, as a line of progress is drawn on it.

use std::{
    io::{self, Write as _},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use indicatif::TermLike;

use super::width::terminal_width;

/// How many columns at the end of a line stay free. A line is drawn in its whole length, and what a terminal shows of keys, such as
/// `^C`, would begin another one, which would be erased in its place.
const MARGIN: u16 = 4;

/// The text that is to be written with the next flush.
#[derive(Debug, Default)]
pub(super) struct ProgressLine(Mutex<String>);

impl ProgressLine {
    fn buffer(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a control sequence that moves the cursor. A count of zero would move it by one.
    fn move_cursor(&self, count: usize, direction: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.write_str(&format!("\x1b[{count}{direction}")) }
    }
}

impl TermLike for ProgressLine {
    fn width(&self) -> u16 {
        terminal_width(&io::stderr()).unwrap_or(80).saturating_sub(MARGIN).max(1)
    }

    fn move_cursor_up(&self, count: usize) -> io::Result<()> {
        self.move_cursor(count, 'A')
    }

    fn move_cursor_down(&self, count: usize) -> io::Result<()> {
        self.move_cursor(count, 'B')
    }

    fn move_cursor_right(&self, count: usize) -> io::Result<()> {
        self.move_cursor(count, 'C')
    }

    fn move_cursor_left(&self, count: usize) -> io::Result<()> {
        self.move_cursor(count, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.write_str("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.buffer().push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let text = mem::take(&mut *self.buffer());
        let mut err = io::stderr().lock();
        err.write_all(text.as_bytes())?;
        err.flush()
    }
}
