//! What the program says of itself, for each of its commands.

use std::{fs, process::Command};

use clap::CommandFactory as _;
use cocaine_cli::Cli;

/// Applies a function to each command that is no group, with its words.
fn for_each_command(command: &clap::Command, words: &str, check: &mut impl FnMut(&clap::Command, &str)) {
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        let words = format!("{words} {}", child.get_name());
        if child.has_subcommands() {
            for_each_command(child, &words, check);
        } else {
            check(child, &words);
        }
    }
}

/// Returns whether a sentence begins with a verb in the third person.
fn is_third_person(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|verb| verb.ends_with('s')) && !text.ends_with('.')
}

#[test]
fn each_help_begins_with_an_example() {
    let mut cli = Cli::command();
    cli.build();
    let mut checked = 0;
    for_each_command(&cli, "cocaine", &mut |command, words| {
        let about = command.get_about().unwrap_or_else(|| panic!("{words} has no help")).to_string();
        assert!(is_third_person(&about), "{words}: {about:?}");
        let long = command.get_long_about().unwrap_or_else(|| panic!("{words} has no examples")).to_string();
        let examples = long.strip_prefix(&about).and_then(|rest| rest.trim_start().strip_prefix("Examples:"));
        let examples = examples.unwrap_or_else(|| panic!("{words} does not begin with examples: {long}"));
        let first = examples.trim_start().lines().next().unwrap_or_default();
        assert!(first.contains(words), "{words}: the first example is {first:?}");
        checked += 1;
    });
    assert!(checked >= 9, "{checked} commands");
}

#[test]
fn each_argument_has_a_help_text() {
    let mut cli = Cli::command();
    cli.build();
    for_each_command(&cli, "cocaine", &mut |command, words| {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty() && !help.ends_with('.'), "{words}: {}: {help:?}", argument.get_id());
        }
    });
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_cocaine"));
    let output = program.args(["man", "--out-dir"]).arg(folder.path().join("man")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut cli = Cli::command();
    cli.build();
    for_each_command(&cli, "cocaine", &mut |command, words| {
        if command.is_hide_set() {
            return;
        }
        let page = folder.path().join("man").join(words.replace(' ', "-") + ".1");
        let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(page.contains(".SH NAME") && page.contains("Examples:"), "{words}");
    });
    let page = fs::read_to_string(folder.path().join("man/cocaine.1")).unwrap();
    for code in ["Ends with 0", "130 after"] {
        assert!(page.contains(code), "{page}");
    }
}

/// Runs the program without a cloud; returns its exit code and what it says on standard error.
fn said(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cocaine")).args(args).output().unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn no_arguments_print_the_short_help() {
    for args in [&[][..], &["app"], &["storage"]] {
        let (code, text) = said(args);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(text.contains("Usage: cocaine") && text.contains("Commands:"), "{text}");
        assert!(!text.contains("Examples:"), "{text}");
    }
}

#[test]
fn mistyped_words_have_suggestions() {
    for (args, suggestion) in [
        (&["strage"][..], "'storage'"),
        (&["app", "uplaod"], "'upload'"),
        (&["top", "--intervall", "1"], "'--interval'"),
        (&["doctor", "--output", "jsno"], "'json'"),
    ] {
        let (code, text) = said(args);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(text.contains("similar") && text.contains(suggestion), "{text}");
    }
}
