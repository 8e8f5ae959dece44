//! The configuration of an original runtime: JSON, of the versions 2 (0.10 and 0.11), 3 and 4 (0.12).
//!
//! What it says becomes settings of a node. What has no counterpart becomes a list, each line with its place in the
//! document and what to do. A value of a wrong type, with which an original does not start, is an error.

mod components;
mod document;
mod locator;
mod logging;
mod mapping;
mod network;
mod services;
mod severity;

use std::path::Path;

use self::{
    document::{DocumentError, Element, Result},
    mapping::Mapping,
};
use super::{error::ConfigError, node::NodeConfig};

/// The list of apps that an original of version 2 starts unless its configuration names another.
const FORMER_RUNLIST: &str = "default";

/// Returns whether a text is JSON rather than TOML: the first character that means anything is a brace, or begins a comment
/// that TOML does not have.
pub(super) fn is_json(text: &str) -> bool {
    let text = text.trim_start_matches(|char: char| char.is_whitespace() || char == '\u{feff}');
    text.starts_with(['{', '/'])
}

/// Reads the text of a file.
pub(super) fn parse(file: &Path, text: &str) -> std::result::Result<NodeConfig, ConfigError> {
    // The mark of the byte order, which some editors write, is no part of the document.
    let text = text.trim_start_matches('\u{feff}');
    map_document(text).map_err(|error| ConfigError::Parse {
        file: file.into(),
        line: text[..error.offset].matches('\n').count() + 1,
        reason: error.reason,
    })
}

fn map_document(text: &str) -> Result<NodeConfig> {
    let Some(value) = document::parse(text)? else {
        return Err(DocumentError { offset: text.len(), reason: "the file has no value".into() });
    };
    let document = Element::root(&value);
    let mut root = document.section()?;
    let version = root
        .take("version")
        .ok_or_else(|| document.error("there is no `version`: an original's configuration has 2, 3 or 4"))?;
    let number: u32 = version.number()?;
    if !(2..=4).contains(&number) {
        let reason =
            format!("{number} is not known: the versions of an original's configuration are 2, 3 and 4");
        return Err(version.error(&reason));
    }
    let mut mapping = Mapping::default();
    mapping.config.uuid = root.take_text("uuid")?.map(str::to_owned);
    components::map_paths(&mut mapping, root.take_section("paths")?);
    let network = root.take_section("network")?;
    if number == 2 {
        network::map_version_2(&mut mapping, root.take_section("locator")?, network)?;
    } else {
        network::map(&mut mapping, network)?;
    }
    let runlist = (number == 2).then_some(FORMER_RUNLIST);
    let services = services::map(&mut mapping, root.take_section("services")?, runlist)?;
    let (log, verbosity) = (services.log, services.verbosity);
    match number {
        2 => logging::map_version_2(&mut mapping, root.take_section("loggers")?, log)?,
        3 => logging::map_version_3(&mut mapping, root.take_section("logging")?, log, verbosity)?,
        _ => logging::map(&mut mapping, root.take_section("logging")?, log, verbosity)?,
    }
    components::map_storages(&mut mapping, root.take_section("storages")?, services.storage)?;
    components::map_rest(&mut mapping, root)?;
    let Mapping { mut config, warnings } = mapping;
    config.warnings = warnings;
    Ok(config)
}
