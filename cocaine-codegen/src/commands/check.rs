//! Comparing a file with what it would be now.

use std::{path::Path, process::ExitCode};

use cocaine_codegen::{
    Difference, Grade, Metadata, Options, Output, OutputLayout, Problem, Result, compare, compare_code,
    generate, read_tables,
};
use serde::Serialize;

use super::{only_text, print, warn};
use crate::commands::{
    command_line::{Check, ReportFormat},
    source,
};

/// What `check` says as JSON.
#[derive(Serialize)]
struct CheckReport<'a> {
    /// The file, as it was given.
    file: String,
    /// The grade of the worst difference.
    worst: Option<Grade>,
    differences: &'a [Difference],
}

/// Compares, reports, and says whether that is a failure.
pub(super) fn check(args: &Check) -> Result<ExitCode> {
    let drifts = compared(args)?;
    let code = print(&match args.format {
        ReportFormat::Text => lines(&drifts),
        ReportFormat::Json => json(&CheckReport {
            file: args.file.display().to_string(),
            worst: drifts.first().map(|drift| drift.grade),
            differences: &drifts,
        }),
    })?;
    eprintln!("{}", summary(args, &drifts));
    let fails = drifts.iter().any(|drift| drift.grade <= args.fail_on);
    Ok(if fails { ExitCode::from(1) } else { code })
}

fn lines(drifts: &[Difference]) -> String {
    drifts.iter().fold(String::new(), |text, drift| text + &drift.to_string() + "\n")
}

fn json(report: &CheckReport<'_>) -> String {
    // Texts and lists of them: there is nothing here that JSON lacks.
    let written = serde_json::to_string_pretty(report);
    debug_assert!(written.is_ok(), "{written:?}");
    written.unwrap_or_default() + "\n"
}

fn summary(args: &Check, drifts: &[Difference]) -> String {
    let file = args.file.display();
    let Some(worst) = drifts.first() else {
        return format!("{file} is up to date");
    };
    let counts = Grade::ALL.map(|grade| (grade, drifts.iter().filter(|drift| drift.grade == grade).count()));
    let counts: Vec<_> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(grade, count)| format!("{count} {grade}"))
        .collect();
    let counts = counts.join(", ");
    if worst.grade > args.fail_on {
        return format!("{file} is out of date, but not as far as {}: {counts}", args.fail_on);
    }
    format!("{file} is out of date: {counts}; generate or fetch it again")
}

/// Returns the differences, the worst first.
fn compared(args: &Check) -> Result<Vec<Difference>> {
    if args.file.is_dir() {
        return check_folder(args);
    }
    let have = source::read(&args.file)?;
    if have.trim_start().starts_with('{') { check_metadata(args, &have) } else { check_code(args, &have) }
}

fn check_metadata(args: &Check, have: &str) -> Result<Vec<Difference>> {
    let known = Metadata::from_json(have).map_err(|error| source::in_file(&args.file, &error))?;
    Ok(protocols(args, known)?.drifts)
}

fn check_code(args: &Check, have: &str) -> Result<Vec<Difference>> {
    let known = read_tables(have).map_err(|error| source::in_file(&args.file, &error))?;
    let ProtocolComparison { drifts, now, whole } = protocols(args, known)?;
    if !drifts.is_empty() || !whole {
        return Ok(drifts);
    }
    compare_code(have, only_text(&generate_now(args, &now, OutputLayout::SingleFile)?))
}

/// Compares a folder, and file by file if its services are the same; a file that is not there is as one without
/// services.
fn check_folder(args: &Check) -> Result<Vec<Difference>> {
    let mut known = Metadata::default();
    for entry in args.file.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let tables =
                read_tables(&source::read(&path)?).map_err(|error| source::in_file(&path, &error))?;
            known.services.extend(tables.services);
        }
    }
    let ProtocolComparison { drifts, now, whole } = protocols(args, known)?;
    if drifts.is_empty() && whole { check_files(args, &now) } else { Ok(drifts) }
}

fn check_files(args: &Check, now: &Metadata) -> Result<Vec<Difference>> {
    let mut drifts = Vec::new();
    let output = generate_now(args, now, OutputLayout::FilePerService)?;
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
    drifts.sort_by_key(|drift| drift.grade);
    Ok(drifts)
}

fn generate_now(args: &Check, now: &Metadata, layout: OutputLayout) -> Result<Output> {
    let catalogue = source::catalogue(&args.description)?;
    let output =
        generate(now, &catalogue, &Options { layout, strict: args.description.strict, doubles_of: None })?;
    warn(&output.warnings);
    Ok(output)
}

/// How services differ, whatever is generated for them.
struct ProtocolComparison {
    drifts: Vec<Difference>,
    now: Metadata,
    /// All services of the file were compared.
    whole: bool,
}

/// Compares the services that are wanted, or all. A locator is asked for those that are `known` and named, since a cloud
/// always has services that nobody wants bindings for.
fn protocols(args: &Check, mut known: Metadata) -> Result<ProtocolComparison> {
    let (all, wanted) = (known.services.len(), &args.source.service);
    known.services.retain(|name, _| wanted.is_empty() || wanted.contains(name));
    let now = source::metadata_of(&args.source, &known)?;
    let is_nowhere = |name: &&String| [&known, &now].iter().all(|side| !side.services.contains_key(*name));
    if let Some(name) = wanted.iter().find(is_nowhere) {
        let text = format!("there is no service `{name}`, neither expected nor found");
        return Err(Problem::Metadata(text).into());
    }
    Ok(ProtocolComparison { drifts: compare(&known, &now), now, whole: known.services.len() == all })
}
