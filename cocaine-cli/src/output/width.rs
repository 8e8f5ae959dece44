//! How wide a terminal is.

use std::{io::IsTerminal, os::fd::AsFd};

use rustix::termios::tcgetwinsize;

/// Returns how many columns the terminal of a stream has; `None` if it is no terminal, or one that does not know.
pub(super) fn terminal_width(stream: &(impl IsTerminal + AsFd)) -> Option<u16> {
    let size = stream.is_terminal().then(|| tcgetwinsize(stream).ok()).flatten()?;
    (size.ws_col > 0).then_some(size.ws_col)
}
