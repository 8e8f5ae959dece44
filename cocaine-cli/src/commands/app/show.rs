//! Shows an app.

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::schema::{AppSchema, EventOutput, MANIFEST_KEY};
use serde::Serialize;
use serde_json::Value as Json;

use super::Sources;
use crate::{
    app_store::schema_hash,
    commands::arguments::app_name,
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
    json::data_to_json,
    node_apps::AppInfo,
    output::{Format, Row, Style, printable},
    records::RecordEntries,
};

/// Shows an app: its manifest, its state, its events and its last crash
///
/// Examples:
///
///   cocaine app show shortener
///
///   cocaine app show shortener --output json
///
/// Events have their arguments and documentation if the app was uploaded with a schema. As JSON it has the node's whole report, too.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct ShowApp {
    /// The name of the app
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::apps))]
    name: String,
}

pub(super) async fn show(args: &ShowApp, environment: &Environment) -> Result<ExitStatus> {
    let (name, sources) = (&args.name, Sources::connect(environment).await?);
    let manifest = sources.manifests.find(name).await?;
    let info = sources.node.info(name).await?;
    if manifest.is_none() && info.is_none() {
        return Err(sources.manifests.not_found(name));
    }
    let mut row = AppDetails::new(name, info.as_ref(), manifest.as_ref(), environment);
    row.runlists = sources.runlists_with(name).await?.into_iter().map(|(runlist, _)| runlist).collect();
    if let Some(key) = sources.crashlogs.keys(name).await?.pop() {
        let lines = sources.crashlogs.read(&key.text).await?;
        row.last_crash =
            Some(LastCrash { time: key.time(), worker: key.worker().to_owned(), key: key.text, lines });
    }
    environment.output.record(&row)?;
    if environment.output.format() == Format::Table {
        print_details(&row, environment)?;
    }
    Ok(ExitStatus::Done)
}

/// Prints what a table has no room for.
fn print_details(row: &AppDetails, environment: &Environment) -> Result<()> {
    let print = |text: &str| environment.output.line(&printable(text));
    for event in &row.events {
        print("")?;
        print(&event.signature)?;
        event.doc.lines().try_for_each(|line| print(&format!("    {line}")))?;
    }
    if let Some(crash) = &row.last_crash {
        print("")?;
        print(&format!("the last crash, {}:", crash.key))?;
        crash.lines.iter().try_for_each(|line| print(&format!("    {}", line.trim_end_matches('\n'))))?;
    }
    Ok(())
}

/// An app, as it is printed alone.
#[derive(Debug, Serialize)]
struct AppDetails {
    name: String,
    state: String,
    profile: Option<String>,
    workers: Option<u64>,
    queue: Option<u64>,
    accepted: Option<u64>,
    rejected: Option<u64>,
    crashed: Option<u64>,
    schema: Option<String>,
    runlists: Vec<String>,
    manifest: Option<Json>,
    events: Vec<EventRow>,
    report: Option<Json>,
    last_crash: Option<LastCrash>,
}

/// An event, as it is printed.
#[derive(Debug, Serialize)]
struct EventRow {
    name: String,
    signature: String,
    doc: String,
}

/// The newest crashlog.
#[derive(Debug, Serialize)]
struct LastCrash {
    key: String,
    time: String,
    worker: String,
    lines: Vec<String>,
}

impl AppDetails {
    fn new(
        name: &str,
        info: Option<&AppInfo>,
        manifest: Option<&RecordEntries>,
        environment: &Environment,
    ) -> Self {
        let count = |section, name| info.and_then(|info| info.count(section, name));
        Self {
            name: name.to_owned(),
            state: info.map_or("stopped", AppInfo::state).to_owned(),
            profile: info.and_then(AppInfo::profile).map(str::to_owned),
            workers: info.and_then(AppInfo::workers),
            queue: count("queue", "depth"),
            accepted: count("requests", "accepted"),
            rejected: count("requests", "rejected"),
            crashed: count("pool", "total:crashed"),
            schema: manifest.and_then(schema_hash),
            runlists: Vec::new(),
            manifest: manifest.map(manifest_json),
            events: manifest.map(|manifest| events(name, manifest, environment)).unwrap_or_default(),
            report: info.map(|info| data_to_json(&info.0)),
            last_crash: None,
        }
    }
}

/// Returns a manifest as JSON without its schema, of which the events are shown.
fn manifest_json(manifest: &RecordEntries) -> Json {
    let entries = manifest.iter().filter(|(key, _)| *key != MANIFEST_KEY);
    entries.map(|(key, value)| (key.clone(), data_to_json(value))).collect::<serde_json::Map<_, _>>().into()
}

/// Returns the events of the schema in a manifest. One that cannot be read is warned of.
fn events(app: &str, manifest: &RecordEntries, environment: &Environment) -> Vec<EventRow> {
    let blob = cocaine::msgpack::to_vec(manifest).map(cocaine::Bytes::from);
    match blob.and_then(|blob| AppSchema::from_manifest(&blob)) {
        Ok(None) => Vec::new(),
        Ok(Some(schema)) => schema
            .events
            .iter()
            .map(|(name, event)| {
                let mut arguments: Vec<_> = event
                    .arguments
                    .iter()
                    .map(|argument| format!("{}: {}", argument.name, argument.ty))
                    .collect();
                arguments.extend(event.input.as_ref().map(|input| format!("stream of {input}")));
                let output = match &event.output {
                    EventOutput::Stream(of) => format!("stream of {of}"),
                    EventOutput::Reply(of) => of.to_string(),
                };
                let signature = format!("{name}({}) -> {output}", arguments.join(", "));
                EventRow { name: name.clone(), signature, doc: event.doc.clone() }
            })
            .collect(),
        Err(error) => {
            environment.output.warn(format_args!("the schema of `{app}` cannot be read: {error}"));
            Vec::new()
        }
    }
}

impl Row for AppDetails {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "state",
        "profile",
        "workers",
        "queue",
        "accepted",
        "rejected",
        "crashed",
        "schema",
        "runlists",
        "program",
        "last crash",
    ];

    fn cells(&self) -> Vec<String> {
        let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
        let program = self.manifest.as_ref().and_then(|manifest| manifest.get("slave")?.as_str());
        vec![
            self.name.clone(),
            self.state.clone(),
            self.profile.clone().unwrap_or_default(),
            number(self.workers),
            number(self.queue),
            number(self.accepted),
            number(self.rejected),
            number(self.crashed),
            self.schema.clone().unwrap_or_default(),
            self.runlists.join(" "),
            program.unwrap_or_default().to_owned(),
            self.last_crash.as_ref().map(|crash| crash.time.clone()).unwrap_or_default(),
        ]
    }
    fn style(&self, column: usize) -> Style {
        if column == 1 { Style::of_app_state(&self.state) } else { Style::Plain }
    }
}
