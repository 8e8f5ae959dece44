//! Colours, which are for people at terminals.

use std::process::{Command, Output};

use crate::{command::ended, terminal::Terminal};

/// Runs `cocaine` without a terminal, and with nothing that decides about colours but these variables.
fn run_with(variables: &[(&str, &str)], args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    for variable in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COCAINE_LOCATOR", "COCAINE_CONTEXT"] {
        command.env_remove(variable);
    }
    command.env("XDG_CONFIG_HOME", folder.path()).envs(variables.iter().copied()).args(args).output().unwrap()
}

const DOCTOR: &[&str] = &["doctor", "--locator", "127.0.0.1:1"];
const FORCED: (&str, &str) = ("CLICOLOR_FORCE", "1");

#[test]
fn files_and_pipes_have_no_colors() {
    for variables in [&[][..], &[("NO_COLOR", "1"), FORCED], &[("CLICOLOR_FORCE", "")]] {
        for (args, code) in [(DOCTOR, 1), (&["--help"], 0), (&["app", "list", "--locator", "127.0.0.1:1"], 5)]
        {
            let output = run_with(variables, args);
            let (text, said) = ended(&output, code);
            assert!(!text.contains('\u{1b}') && !said.contains('\u{1b}'), "{variables:?}: {output:?}");
        }
    }
}

#[test]
fn colors_can_be_forced_but_for_programs() {
    let output = run_with(&[FORCED], DOCTOR);
    let text = ended(&output, 1).0;
    assert!(text.contains("\u{1b}[38;5;1m") && text.contains("FAILED"), "{text:?}");
    let output = run_with(&[FORCED], &["app", "list", "--locator", "127.0.0.1:1"]);
    let said = ended(&output, 5).1;
    assert!(said.starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m "), "{said:?}");
    assert!(ended(&run_with(&[FORCED], &["--help"]), 0).0.contains("\u{1b}["));
    for format in ["json", "jsonl", "plain"] {
        let output = run_with(&[FORCED], &[DOCTOR, &["--output", format]].concat());
        assert!(!ended(&output, 1).0.contains('\u{1b}'), "{format}: {output:?}");
    }
}

#[test]
fn terminals_have_colors_unless_refused() {
    let words = [&[env!("CARGO_BIN_EXE_cocaine")], DOCTOR].concat();
    for (variable, is_colored) in [
        (("TERM", "xterm"), true),
        (("TERM", "dumb"), false),
        (("NO_COLOR", "1"), false),
        (("CLICOLOR", "0"), false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config = ("XDG_CONFIG_HOME", folder.path().to_str().unwrap());
        let mut terminal = Terminal::spawn((20, 80), &[config, variable], &words);
        assert_eq!(terminal.exit_code(), Some(1));
        terminal.wait_for_text("FAILED");
        let text = terminal.formatted();
        assert_eq!(text.contains("\u{1b}[31"), is_colored, "{variable:?}: {text:?}");
    }
}

#[test]
fn tables_fit_into_their_terminals() {
    let tables = [(40, "verdict  FAILED "), (79, "VERDICT  CHECK    SUBJECT      FOUND"), (400, "VERDICT ")];
    for (columns, start) in tables {
        let mut terminal =
            Terminal::run((60, columns), "127.0.0.1:1", &["doctor", "--locator", "127.0.0.1:1"]);
        assert_eq!(terminal.exit_code(), Some(1));
        let screen = terminal.wait_for_text("another");
        assert!(screen.starts_with(start), "{columns}: {screen}");
    }
}
