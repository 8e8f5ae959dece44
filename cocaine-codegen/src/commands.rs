//! What each command does.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use cocaine_codegen::{
    Catalogue, Drift, Layout, Metadata, Options, Output, Problem, Result, Warning, compare, compare_code,
    dump, generate, read_tables, write_file,
};

use crate::{
    cli::{Check, Cli, Command, Fetch, Generate},
    source,
};

/// Does what the command line says.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        None => generated(&cli.generate),
        Some(Command::Generate(args)) => generated(args),
        Some(Command::Fetch(args)) => fetched(args),
        Some(Command::Check(args)) => checked(args),
        Some(Command::Dump(source)) => print(&dump(&source::metadata(source, &Catalogue::builtin())?)),
    }
}

fn generated(args: &Generate) -> Result<ExitCode> {
    let catalogue = source::catalogue(&args.description)?;
    let metadata = source::metadata(&args.source, &catalogue)?;
    let layout = if args.out_dir.is_some() { Layout::Folder } else { Layout::File };
    let output = generate(&metadata, &catalogue, &Options { layout, strict: args.description.strict })?;
    warn(&output.warnings);
    match (&args.out_dir, &args.output) {
        (Some(folder), _) => output.write_folder(folder).map(|()| ExitCode::SUCCESS),
        (None, Some(path)) => write_file(path, only_text(&output)).map(|_| ExitCode::SUCCESS),
        (None, None) => print(only_text(&output)),
    }
}

fn fetched(args: &Fetch) -> Result<ExitCode> {
    let text = source::metadata(&args.source, &Catalogue::builtin())?.to_json();
    match &args.output {
        Some(path) => write_file(path, &text).map(|_| ExitCode::SUCCESS),
        None => print(&text),
    }
}

fn checked(args: &Check) -> Result<ExitCode> {
    let drifts = if args.file.is_dir() {
        check_folder(args)?
    } else {
        let have = source::read(&args.file)?;
        if have.trim_start().starts_with('{') {
            check_metadata(args, &have)?
        } else {
            check_code(args, &have)?
        }
    };
    for drift in &drifts {
        println!("{drift}");
    }
    let file = args.file.display();
    if drifts.is_empty() {
        eprintln!("{file} is up to date");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{file} is out of date: {} differences; generate or fetch it again", drifts.len());
    Ok(ExitCode::from(1))
}

fn check_metadata(args: &Check, have: &str) -> Result<Vec<Drift>> {
    let have = Metadata::from_json(have).map_err(|error| source::in_file(&args.file, &error))?;
    Ok(compare(&have, &now(args, &have, &source::catalogue(&args.description)?)?))
}

fn check_code(args: &Check, have: &str) -> Result<Vec<Drift>> {
    let known = read_tables(have).map_err(|error| source::in_file(&args.file, &error))?;
    let output = generate_now(args, &known, Layout::File)?;
    compare_code(have, only_text(&output))
}

/// Compares a folder, file by file; a file that is not there is as one without services.
fn check_folder(args: &Check) -> Result<Vec<Drift>> {
    let mut known = Metadata::default();
    for entry in args.file.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let tables =
                read_tables(&source::read(&path)?).map_err(|error| source::in_file(&path, &error))?;
            known.services.extend(tables.services);
        }
    }
    let mut drifts = Vec::new();
    let output = generate_now(args, &known, Layout::Folder)?;
    for file in &output.files {
        let path = args.file.join(&file.name);
        let have = if path.exists() { source::read(&path)? } else { String::new() };
        drifts.extend(compare_code(&have, &file.text)?);
    }
    let expected = |path: &Path| {
        path.file_name().is_some_and(|name| output.files.iter().any(|file| *file.name == *name))
    };
    for entry in args.file.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "rs") && !expected(&path) {
            drifts.extend(compare_code(&source::read(&path)?, "")?);
        }
    }
    Ok(drifts)
}

fn generate_now(args: &Check, known: &Metadata, layout: Layout) -> Result<Output> {
    let catalogue = source::catalogue(&args.description)?;
    let output = generate(
        &now(args, known, &catalogue)?,
        &catalogue,
        &Options { layout, strict: args.description.strict },
    )?;
    warn(&output.warnings);
    Ok(output)
}

/// Returns what the source says now. A locator is asked for what is `known` and what is named, since a cloud always
/// has services that nobody wants bindings for.
fn now(args: &Check, known: &Metadata, catalogue: &Catalogue) -> Result<Metadata> {
    source::metadata_of(&args.source, catalogue, known.services.keys())
}

fn only_text(output: &Output) -> &str {
    output.files.first().map_or("", |file| &file.text)
}

fn warn(warnings: &[Warning]) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

/// Writes to standard output; a reader that has had enough is no error.
fn print(text: &str) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::File { path: "standard output".into(), message: error.to_string() }.into())
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
