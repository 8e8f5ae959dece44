//! Where metadata comes from, and what describes it.

use std::{
    collections::{BTreeMap, btree_map},
    fs::File,
    io::Read as _,
    path::Path,
};

use crate::{
    catalogue::Catalogue,
    error::{Error, Problem, Result},
    fetch::{AppSelection, FetchReport, ServiceSelection, fetch},
    metadata::{Metadata, apps::read_app_schema},
};
use cocaine::schema::AppSchema;

use crate::program::command_line::{Description, Source};

/// The most bytes of a file.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Returns the text of a file.
pub(crate) fn read(path: &Path) -> Result<String> {
    let failed = |message| Error::from(Problem::File { path: path.to_owned(), message });
    let mut text = String::new();
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(failed(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}

/// Returns the catalogue with the user's own files over the built-in ones.
pub(crate) fn catalogue(description: &Description) -> Result<Catalogue> {
    let mut catalogue = Catalogue::builtin();
    for path in &description.catalogue {
        catalogue = Catalogue::parse(&path.display().to_string(), &read(path)?)?.with_fallback(catalogue);
    }
    Ok(catalogue)
}

/// Returns the services and apps that `source` names.
pub(crate) fn metadata(source: &Source, catalogue: &Catalogue) -> Result<Metadata> {
    let files = schema_files(source)?;
    let apps = wanted_apps(source, &files);
    let mut metadata = if let Some(path) = &source.from {
        let mut metadata = metadata_file(path)?;
        select(source, &mut metadata)?;
        select_apps(source, &mut metadata, &apps)?;
        metadata
    } else {
        let known: Vec<_> = catalogue.services().collect();
        let services = match &source.service[..] {
            [] if source.has_apps_only() => ServiceSelection::None,
            [] => ServiceSelection::All(&known),
            names => ServiceSelection::Each(names),
        };
        let apps = match &apps {
            WantedApps::None => AppSelection::None,
            WantedApps::All => AppSelection::All,
            WantedApps::Named(names) => AppSelection::Each(names),
        };
        live(source, services, apps)?
    };
    metadata.apps.extend(files);
    Ok(metadata)
}

/// Returns the services and apps that `source` names, as far as they are there; of a cloud's only those that are named or in
/// `known`.
pub(crate) fn metadata_of(source: &Source, known: &KnownNames) -> Result<Metadata> {
    let files = schema_files(source)?;
    let mut metadata = if let Some(path) = &source.from {
        metadata_file(path)?
    } else {
        let services = union(known.services.iter().chain(&source.service));
        let mut apps = union(known.apps.iter().chain(source.apps()));
        apps.retain(|name| !files.contains_key(name));
        let services = if source.has_apps_only() {
            ServiceSelection::None
        } else {
            ServiceSelection::Present(&services)
        };
        let apps = match &source.app {
            Some(names) if names.is_empty() => AppSelection::All,
            None if !source.schema.is_empty() => AppSelection::None,
            _ => AppSelection::Present(&apps),
        };
        live(source, services, apps)?
    };
    metadata.services.retain(|name, _| source.wants_service(name));
    metadata.apps.retain(|name, _| source.wants_app(name));
    metadata.apps.extend(files);
    Ok(metadata)
}

/// The services and apps that a file knows.
#[derive(Default)]
pub(crate) struct KnownNames {
    pub(crate) services: Vec<String>,
    pub(crate) apps: Vec<String>,
}

/// Says in which file an error is.
pub(crate) fn in_file(path: &Path, error: &Error) -> Error {
    Problem::File { path: path.to_owned(), message: error.to_string() }.into()
}

/// Returns the names, each once and sorted.
fn union<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<_> = names.cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn metadata_file(path: &Path) -> Result<Metadata> {
    let text = read(path)?;
    Metadata::from_json(&text).map_err(|error| {
        let error = in_file(path, &error);
        if read_app_schema(&text).is_err() {
            return error;
        }
        let message = "this is the schema of an app: read it with `--schema FILE`".to_owned();
        Problem::File { path: path.to_owned(), message }.into()
    })
}

/// The apps that are not read from files of their own.
enum WantedApps {
    None,
    /// All that have a schema.
    All,
    Named(Vec<String>),
}

fn wanted_apps(source: &Source, files: &BTreeMap<String, AppSchema>) -> WantedApps {
    match &source.app {
        None if source.from.is_some() && source.schema.is_empty() && source.service.is_empty() => {
            WantedApps::All
        }
        None => WantedApps::None,
        Some(names) if names.is_empty() => WantedApps::All,
        Some(names) => {
            WantedApps::Named(names.iter().filter(|name| !files.contains_key(*name)).cloned().collect())
        }
    }
}

/// Leaves the services that are wanted.
fn select(source: &Source, metadata: &mut Metadata) -> Result<()> {
    if source.has_apps_only() {
        metadata.services.clear();
    } else if !source.service.is_empty() {
        metadata.select(&source.service)?;
    }
    Ok(())
}

/// Leaves the apps that are wanted.
fn select_apps(source: &Source, metadata: &mut Metadata, apps: &WantedApps) -> Result<()> {
    match apps {
        WantedApps::None => metadata.apps.clear(),
        WantedApps::All => {}
        WantedApps::Named(names) => {
            metadata.select_apps(names).map_err(|error| match &source.from {
                Some(path) => in_file(path, &error),
                None => error,
            })?;
        }
    }
    Ok(())
}

/// Returns the name of the app whose schema is in a file of its own, unless an option names it.
pub(crate) fn file_stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn schema_file(path: &Path) -> Result<AppSchema> {
    let text = read(path)?;
    read_app_schema(&text).map_err(|error| {
        if Metadata::from_json(&text).is_err() {
            return in_file(path, &error);
        }
        let message = "this is metadata: read it with `--from FILE`".to_owned();
        Problem::File { path: path.to_owned(), message }.into()
    })
}

/// Returns the schemas that are read from files of their own, by name.
fn schema_files(source: &Source) -> Result<BTreeMap<String, AppSchema>> {
    let mut schemas = BTreeMap::new();
    for path in &source.schema {
        let schema = schema_file(path)?;
        let name = match (source.apps(), &source.schema[..]) {
            ([name], [_]) => name.clone(),
            _ => file_stem(path),
        };
        match schemas.entry(name) {
            btree_map::Entry::Vacant(entry) => drop(entry.insert(schema)),
            btree_map::Entry::Occupied(entry) => {
                let message = format!("another file is the schema of `{}`, too: rename one", entry.key());
                return Err(Problem::File { path: path.clone(), message }.into());
            }
        }
    }
    Ok(schemas)
}

/// Asks the locators, if there is anything to ask for, and shows the notes.
fn live(source: &Source, services: ServiceSelection<'_>, apps: AppSelection<'_>) -> Result<Metadata> {
    let is_nothing = matches!(services, ServiceSelection::None | ServiceSelection::Present([]))
        && matches!(apps, AppSelection::None | AppSelection::Each([]) | AppSelection::Present([]));
    if is_nothing && (!source.schema.is_empty() || source.app.is_some()) {
        return Ok(Metadata::default());
    }
    let FetchReport { metadata, notes } = fetch(locators(source)?, services, apps, source.timeout)?;
    for note in &notes {
        eprintln!("note: {note}");
    }
    Ok(metadata)
}

fn locators(source: &Source) -> Result<&[String]> {
    if source.locator.is_empty() {
        let text =
            "name a locator with `--locator HOST:PORT` or COCAINE_LOCATOR, or a file with `--from FILE`";
        return Err(Problem::Locator(text.to_owned()).into());
    }
    Ok(&source.locator)
}
