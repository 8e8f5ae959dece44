//! The program `cocaine-codegen`, which `cocaine codegen` is, too: what each command does.

mod check;
pub(crate) mod command_line;
mod source;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use crate::{
    catalogue::Catalogue,
    dump::{dot, dump},
    error::{Problem, Result, Warning},
    generate::{Options, Output, OutputLayout, generate, write::write_file},
    json_schema::json_schema,
    open_rpc::open_rpc,
    typescript::typescript,
};

use crate::program::command_line::{Cli, Command, Dump, DumpFormat, Fetch, Generate, Language};

/// Runs the program with these arguments, which are those after `name`. Its help names what has been typed.
pub fn run(name: &'static str, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_command(&Cli::from_args(name, args)).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

fn run_command(cli: &Cli) -> Result<ExitCode> {
    match &cli.command {
        None => generated(&cli.generate),
        Some(Command::Generate(args)) => generated(args),
        Some(Command::Fetch(args)) => fetched(args),
        Some(Command::Check(args)) => check::check(args),
        Some(Command::Dump(args)) => dumped(args),
    }
}

fn generated(args: &Generate) -> Result<ExitCode> {
    let catalogue = source::catalogue(&args.description)?;
    let output = match args.lang {
        Language::Rust => rust(args, &catalogue)?,
        Language::Typescript => {
            refuse_rust_options(args)?;
            let metadata = source::metadata(&args.source, &catalogue)?;
            typescript(&metadata, &catalogue, args.description.strict)?
        }
    };
    warn(&output.warnings);
    match (&args.out_dir, &args.output) {
        (Some(folder), _) => output.write_folder(folder).map(|()| ExitCode::SUCCESS),
        (None, Some(path)) => write_file(path, only_text(&output)).map(|_| ExitCode::SUCCESS),
        (None, None) => print(only_text(&output)),
    }
}

fn rust(args: &Generate, catalogue: &Catalogue) -> Result<Output> {
    let metadata = source::metadata(&args.source, catalogue)?;
    let layout = if args.out_dir.is_some() { OutputLayout::FilePerService } else { OutputLayout::SingleFile };
    let (strict, doubles_of) = (args.description.strict, args.doubles_of.clone());
    generate(&metadata, catalogue, &Options { layout, strict, doubles_of })
}

/// Refuses what only Rust has.
fn refuse_rust_options(args: &Generate) -> Result<()> {
    let refused = [
        (args.out_dir.is_some(), "`--out-dir`: TypeScript is one file, write it with `--output FILE`"),
        (args.doubles_of.is_some(), "`--doubles-of`: there are doubles for Rust only"),
    ];
    let problems = refused.into_iter().filter(|(is_given, _)| *is_given);
    match problems.map(|(_, text)| Problem::Options(text.to_owned())).next() {
        Some(problem) => Err(problem.into()),
        None => Ok(()),
    }
}

fn fetched(args: &Fetch) -> Result<ExitCode> {
    let text = source::metadata(&args.source, &Catalogue::builtin())?.to_json();
    match &args.output {
        Some(path) => write_file(path, &text).map(|_| ExitCode::SUCCESS),
        None => print(&text),
    }
}

fn dumped(args: &Dump) -> Result<ExitCode> {
    let metadata = source::metadata(&args.source, &Catalogue::builtin())?;
    print(&match args.format {
        DumpFormat::Text => dump(&metadata),
        DumpFormat::Json => metadata.to_json(),
        DumpFormat::Dot => dot(&metadata),
        DumpFormat::JsonSchema => json_schema(&metadata, &Catalogue::builtin())?,
        DumpFormat::Openrpc => open_rpc(&metadata, &Catalogue::builtin())?,
    })
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
