//! What takes a while is shown on a terminal, and only there.

use std::net::TcpListener;

use crate::{
    command::{ended, run_at},
    terminal::Terminal,
};

/// Returns a locator that never answers, and its address. It takes connections until it is dropped.
fn silent_locator() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn slow_call_is_shown_until_it_ends() {
    let (listener, locator) = silent_locator();
    let mut terminal = Terminal::run((10, 60), &locator, &["storage", "get", "notes", "today"]);
    let (connection, _) = listener.accept().unwrap();
    let screen = terminal.wait_for_text("connecting to `storage`");
    assert_eq!(screen.trim_end().lines().count(), 1, "{screen}");
    drop((listener, connection));
    let screen = terminal.wait_for_text("hint: ");
    assert!(screen.starts_with("error: the service `storage` cannot be reached"), "{screen}");
    assert!(!screen.contains("connecting"), "{screen}");
    assert_eq!(terminal.exit_code(), Some(5));
}

#[test]
fn interrupted_command_leaves_nothing_on_screen() {
    let (_listener, locator) = silent_locator();
    let mut terminal = Terminal::run((10, 60), &locator, &["storage", "get", "notes", "today"]);
    terminal.wait_for_text("connecting to `storage`");
    terminal.send("\u{3}");
    assert_eq!(terminal.exit_code(), Some(130));
    terminal.wait_for("the line is gone", |screen| !screen.contains("connecting"));
}

#[test]
fn nothing_is_shown_without_a_terminal() {
    let (_listener, locator) = silent_locator();
    let output = run_at(&locator, &["storage", "get", "notes", "today", "--timeout", "1"]);
    let (text, said) = ended(&output, 6);
    assert_eq!((text, said.lines().count()), ("", 2), "{said}");
    assert!(said.starts_with("error: ") && !said.contains(['\r', '\u{1b}']), "{said:?}");
}
