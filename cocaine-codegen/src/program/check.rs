//! Comparing a file with what it would be now.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use crate::{
    compare::{
        AppDifference, AppGrade, Difference, Grade, compare, compare_all_apps, compare_code,
        compare_event_hashes, read_event_hashes, read_tables,
    },
    error::{Problem, Result},
    generate::{Options, Output, OutputLayout, generate},
    metadata::{Metadata, apps::read_app_schema},
};
use serde::Serialize;

use super::{only_text, print, warn};
use crate::program::{
    command_line::{Check, ReportFormat},
    source::{self, KnownNames},
};

/// What `check` says as JSON.
#[derive(Serialize)]
struct CheckReport<'a> {
    /// The file, as it was given.
    file: String,
    /// The grade of the worst difference.
    worst: Option<Grade>,
    #[serde(flatten)]
    drift: &'a Drift,
}

/// What differs, the worst first.
#[derive(Default, Serialize)]
struct Drift {
    /// Of services, and of code.
    differences: Vec<Difference>,
    /// Of apps; left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    apps: Vec<AppDifference>,
}

impl Drift {
    fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.apps.is_empty()
    }

    fn worst(&self) -> Option<Grade> {
        let services = self.differences.iter().map(|difference| difference.grade);
        services.chain(self.apps.iter().filter_map(AppDifference::service_grade)).min()
    }

    /// Returns how many differences of each grade there are.
    fn counts(&self) -> String {
        let count = |grade| self.differences.iter().filter(|difference| difference.grade == grade).count();
        let app_count = |grade| self.apps.iter().filter(|difference| difference.grade == grade).count();
        let services = Grade::ALL.map(|grade| (count(grade), grade.to_string()));
        let apps = AppGrade::ALL.map(|grade| (app_count(grade), grade.to_string()));
        let counts: Vec<_> = services
            .iter()
            .chain(&apps)
            .filter(|(count, _)| *count > 0)
            .map(|(count, grade)| format!("{count} {grade}"))
            .collect();
        counts.join(", ")
    }
}

/// What a file says of services and apps.
#[derive(Default)]
struct Known {
    metadata: Metadata,
    /// The hashes of the events of apps, if the file is code.
    hashes: BTreeMap<String, BTreeMap<String, String>>,
    is_code: bool,
    /// The file is the schema of this app alone.
    only_app: Option<String>,
}

impl Known {
    fn names(&self) -> KnownNames {
        KnownNames {
            services: self.metadata.services.keys().cloned().collect(),
            apps: self.metadata.apps.keys().chain(self.hashes.keys()).cloned().collect(),
        }
    }

    fn len(&self) -> usize {
        self.metadata.services.len() + self.metadata.apps.len() + self.hashes.len()
    }

    fn add_code(&mut self, code: &str) -> Result<()> {
        self.is_code = true;
        self.metadata.services.extend(read_tables(code)?.services);
        self.hashes.extend(read_event_hashes(code)?);
        Ok(())
    }

    /// Takes services of code for apps whose events are all HTTP requests, if there are apps of their names and no services.
    fn find_apps_without_hashes(&mut self, now: &Metadata) {
        let is_app = |name: &str| now.apps.contains_key(name) && !now.services.contains_key(name);
        let (apps, services) = std::mem::take(&mut self.metadata.services)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(name, _)| self.is_code && is_app(name));
        self.metadata.services = services;
        self.hashes.extend(apps.into_keys().map(|name| (name, BTreeMap::new())));
    }

    /// Leaves what the command line wants.
    fn select(&mut self, args: &Check) {
        let wants_app = |name: &String| {
            args.source.wants_app(name)
                || args.source.schema.iter().any(|path| source::file_stem(path) == *name)
        };
        self.metadata.services.retain(|name, _| args.source.wants_service(name));
        if self.only_app.is_none() {
            self.metadata.apps.retain(|name, _| wants_app(name));
        }
        self.hashes.retain(|name, _| wants_app(name));
    }
}

/// Compares, reports, and says whether that is a failure.
pub(super) fn check(args: &Check) -> Result<ExitCode> {
    let drift = compared(args)?;
    let worst = drift.worst();
    let code = print(&match args.format {
        ReportFormat::Text => lines(&drift),
        ReportFormat::Json => {
            json(&CheckReport { file: args.file.display().to_string(), worst, drift: &drift })
        }
    })?;
    let fails = worst.is_some_and(|worst| worst <= args.fail_on);
    eprintln!("{}", summary(args, &drift, fails));
    Ok(if fails { ExitCode::from(1) } else { code })
}

fn lines(drift: &Drift) -> String {
    let services = drift.differences.iter().map(ToString::to_string);
    services
        .chain(drift.apps.iter().map(ToString::to_string))
        .fold(String::new(), |text, line| text + &line + "\n")
}

fn json(report: &CheckReport<'_>) -> String {
    // Texts and lists of them: there is nothing here that JSON lacks.
    let written = serde_json::to_string_pretty(report);
    debug_assert!(written.is_ok(), "{written:?}");
    written.unwrap_or_default() + "\n"
}

fn summary(args: &Check, drift: &Drift, fails: bool) -> String {
    let (file, counts) = (args.file.display(), drift.counts());
    if drift.is_empty() {
        format!("{file} is up to date")
    } else if fails {
        format!("{file} is out of date: {counts}; generate or fetch it again")
    } else {
        format!("{file} is out of date, but not as far as {}: {counts}", args.fail_on)
    }
}

/// Returns the differences, the worst first.
fn compared(args: &Check) -> Result<Drift> {
    if args.file.is_dir() {
        return check_folder(args);
    }
    let have = source::read(&args.file)?;
    if have.trim_start().starts_with('{') { check_metadata(args, &have) } else { check_code(args, &have) }
}

fn check_metadata(args: &Check, have: &str) -> Result<Drift> {
    let known = match (Metadata::from_json(have), read_app_schema(have)) {
        (Ok(metadata), _) => Known { metadata, ..Known::default() },
        (Err(_), Ok(schema)) => {
            let name = match args.source.apps() {
                [name] => name.clone(),
                _ => source::file_stem(&args.file),
            };
            let metadata = Metadata { apps: [(name.clone(), schema)].into(), ..Metadata::default() };
            Known { metadata, only_app: Some(name), ..Known::default() }
        }
        (Err(error), Err(_)) => return Err(source::in_file(&args.file, &error)),
    };
    Ok(protocols(args, known)?.drift)
}

fn check_code(args: &Check, have: &str) -> Result<Drift> {
    let mut known = Known::default();
    known.add_code(have).map_err(|error| source::in_file(&args.file, &error))?;
    let ProtocolComparison { mut drift, now, whole } = protocols(args, known)?;
    if drift.is_empty() && whole {
        drift.differences =
            compare_code(have, only_text(&generate_now(args, &now, OutputLayout::SingleFile)?))?;
    }
    Ok(drift)
}

/// Compares a folder, and file by file if its services and apps are the same; a file that is not there is as one without
/// services.
fn check_folder(args: &Check) -> Result<Drift> {
    let mut known = Known::default();
    for entry in args.file.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            known.add_code(&source::read(&path)?).map_err(|error| source::in_file(&path, &error))?;
        }
    }
    let ProtocolComparison { mut drift, now, whole } = protocols(args, known)?;
    if drift.is_empty() && whole {
        drift.differences = check_files(args, &now)?;
    }
    Ok(drift)
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

/// How services and apps differ, whatever is generated for them.
struct ProtocolComparison {
    drift: Drift,
    now: Metadata,
    /// All services and apps of the file were compared.
    whole: bool,
}

/// Compares the services and apps that are wanted, or all. A cloud is asked for those that are `known` and named, since it
/// always has some that nobody wants bindings for.
fn protocols(args: &Check, mut known: Known) -> Result<ProtocolComparison> {
    let all = known.len();
    known.select(args);
    let mut now = source::metadata_of(&args.source, &known.names())?;
    if let (Some(name), [_], 1) = (&known.only_app, &args.source.schema[..], now.apps.len()) {
        // Two files of one schema each are of the same app, whatever they are called.
        now.apps = now.apps.into_values().map(|schema| (name.clone(), schema)).collect();
    }
    known.find_apps_without_hashes(&now);
    let names = known.names();
    let is_service = |name: &&String| !names.services.contains(name) && !now.services.contains_key(*name);
    let is_app = |name: &&String| !names.apps.contains(name) && !now.apps.contains_key(*name);
    let unknown = [
        ("service", args.source.service.iter().find(is_service)),
        ("app", args.source.apps().iter().find(is_app)),
    ];
    if let Some((what, Some(name))) = unknown.into_iter().find(|(_, name)| name.is_some()) {
        let text = format!("there is no {what} `{name}`, neither expected nor found");
        return Err(Problem::Metadata(text).into());
    }
    let whole = known.len() == all;
    let differences = compare(&known.metadata, &now);
    let apps = if known.is_code {
        compare_event_hashes(&known.hashes, &now.apps)
    } else {
        compare_all_apps(&known.metadata.apps, &now.apps)
    };
    Ok(ProtocolComparison { drift: Drift { differences, apps }, now, whole })
}
