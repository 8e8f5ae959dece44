//! Where metadata comes from, and what describes it.

use std::{fs, path::Path};

use cocaine_codegen::{Catalogue, Error, FetchReport, Metadata, Problem, Result, fetch, fetch_present};

use crate::commands::command_line::{Description, Source};

/// Returns the text of a file.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| Error::from(Problem::File { path: path.to_owned(), message: error.to_string() }))
}

/// Returns the catalogue with the user's own files over the built-in ones.
pub(crate) fn catalogue(description: &Description) -> Result<Catalogue> {
    let mut catalogue = Catalogue::builtin();
    for path in &description.catalogue {
        catalogue = Catalogue::parse(&path.display().to_string(), &read(path)?)?.with_fallback(catalogue);
    }
    Ok(catalogue)
}

/// Returns the metadata that `source` names.
pub(crate) fn metadata(source: &Source, catalogue: &Catalogue) -> Result<Metadata> {
    let Some(path) = &source.from else {
        return live(source, &source.service, catalogue);
    };
    let mut metadata = Metadata::from_json(&read(path)?).map_err(|error| in_file(path, &error))?;
    if !source.service.is_empty() {
        metadata.select(&source.service)?;
    }
    Ok(metadata)
}

/// Returns the metadata that `source` names, as far as it is there; of a locator's services only those that are named or
/// `known`.
pub(crate) fn metadata_of<'a>(
    source: &'a Source,
    known: impl Iterator<Item = &'a String>,
) -> Result<Metadata> {
    if let Some(path) = &source.from {
        let mut metadata = Metadata::from_json(&read(path)?).map_err(|error| in_file(path, &error))?;
        metadata.services.retain(|name, _| source.service.is_empty() || source.service.contains(name));
        return Ok(metadata);
    }
    let mut wanted: Vec<_> = known.chain(&source.service).cloned().collect();
    wanted.sort_unstable();
    wanted.dedup();
    Ok(noted(fetch_present(locators(source)?, &wanted, source.timeout)?))
}

/// Says in which file an error is.
pub(crate) fn in_file(path: &Path, error: &Error) -> Error {
    Problem::File { path: path.to_owned(), message: error.to_string() }.into()
}

fn live(source: &Source, services: &[String], catalogue: &Catalogue) -> Result<Metadata> {
    let known: Vec<_> = catalogue.services().collect();
    Ok(noted(fetch(locators(source)?, services, &known, source.timeout)?))
}

fn locators(source: &Source) -> Result<&[String]> {
    if source.locator.is_empty() {
        let text =
            "name a locator with `--locator HOST:PORT` or COCAINE_LOCATOR, or a file with `--from FILE`";
        return Err(Problem::Locator(text.to_owned()).into());
    }
    Ok(&source.locator)
}

/// Shows the notes, and returns the metadata.
fn noted(fetched: FetchReport) -> Metadata {
    for note in &fetched.notes {
        eprintln!("note: {note}");
    }
    fetched.metadata
}
