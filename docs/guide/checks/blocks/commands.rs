//! Command lines: what a shell makes of them, and whether the programs take them.

use std::process::Command;

use crate::programs::Programs;

/// Programs of others, and of the shell, that commands may name. What they do is not checked.
const FOREIGN: &[&str] = &[
    "apt-get",
    "cat",
    "cd",
    "cp",
    "curl",
    "docker",
    "dpkg",
    "install",
    "journalctl",
    "kill",
    "mdbook",
    "mv",
    "podman",
    "sha256sum",
    "systemctl",
    "tar",
];

/// Returns the commands of a block without prompts: a line each, but for those that end with a backslash.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Returns the error of the program that a line names, if it does not take this command line.
pub(crate) fn check(line: &str, programs: &Programs) -> Result<(), String> {
    for command in line.split(" | ").flat_map(|part| part.split(" && ")) {
        let words = words(command);
        let words: Vec<_> = words.iter().map(String::as_str).skip_while(|word| is_assignment(word)).collect();
        let words = if words.first() == Some(&"sudo") { &words[1..] } else { &words[..] };
        let (Some(program), args) = (words.first(), words.get(1..).unwrap_or_default()) else { continue };
        match *program {
            program if programs.has(program) => check_help(programs.command(program), args)?,
            "cargo" => check_cargo(args, programs)?,
            program
                if program.starts_with("packaging/")
                    && crate::book::folder().join("../..").join(program).exists() => {}
            program if FOREIGN.contains(&program) => {}
            other => return Err(format!("`{other}` is no program that this test knows")),
        }
    }
    Ok(())
}

/// Asks a program for its help with these arguments in front, which are parsed first.
fn check_help(mut command: Command, args: &[&str]) -> Result<(), String> {
    let output = command.args(args).arg("--help").output().map_err(|error| error.to_string())?;
    if output.status.success() && !output.stdout.is_empty() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Checks what cargo is to install, build or run, and whether `cocaine` takes the arguments behind `--`.
fn check_cargo(args: &[&str], programs: &Programs) -> Result<(), String> {
    let repository = crate::book::folder().join("../..");
    let named = |option: &str| {
        args.windows(2).filter(move |pair| pair[0] == option).map(|pair| pair[1]).collect::<Vec<_>>()
    };
    for example in named("--example") {
        if !repository.join(format!("examples/examples/{example}.rs")).exists() {
            return Err(format!("there is no example {example}"));
        }
    }
    let after = args.split(|arg| *arg == "--").nth(1).unwrap_or_default();
    for program in named("--bin") {
        if programs.has(program) {
            check_help(programs.command(program), after)?;
        } else if ![format!("{program}/src/main.rs"), format!("examples/src/bin/{program}.rs")]
            .iter()
            .any(|path| repository.join(path).exists())
        {
            return Err(format!("there is no program {program}"));
        }
    }
    let paths = args.windows(2).filter(|pair| pair[0] == "--path").map(|pair| repository.join(pair[1]));
    for path in paths {
        if !path.join("src/main.rs").exists() {
            return Err(format!("{} has no program", path.display()));
        }
    }
    Ok(())
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.chars().all(|char| char.is_ascii_uppercase() || char == '_'))
}

/// Returns the words of a command, without quotation marks and without redirections.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for char in command.chars() {
        match (char, quote) {
            ('\'' | '"', None) => quote = Some(char),
            (_, Some(open)) if open == char => quote = None,
            (' ', None) => words.push(String::new()),
            _ => words.last_mut().expect("there is one").push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    let end = words.iter().position(|word| word.starts_with('>')).unwrap_or(words.len());
    words.truncate(end);
    words
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(words("a 'b c' \"d\" > file"), ["a", "b c", "d"]);
    assert_eq!(lines("# no\na \\\n  b # why\n\nc\n"), ["a    b", "c"]);
}
