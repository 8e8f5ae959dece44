//! Writes profiles.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use clap_complete::ArgValueCandidates;
use serde_json::Value as Json;

use super::Profiles;
use crate::{
    commands::{
        arguments::{app_name, assignment, data_value},
        confirmation::Confirmation,
    },
    completion,
    error::{Error, Result},
    json::from_json,
    records::{RecordEntries, check_profile, insert_value, remove_value},
};

/// Creates a profile, or changes keys of it
///
/// Examples:
///
///   cocaine profile set small pool-limit=2 seal-timeout=30
///
///   cocaine profile set small --unset pool-limit
///
///   cocaine profile set small --file small.toml --yes
///
/// A value is JSON, or else a text. Other keys stay; with `--file` the profile is what the file has, and one of another content is
/// replaced, which it asks for. Keys that no node knows and values that none takes are refused, unless `--force` is given.
/// Apps read a profile when they start.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct SetProfile {
    /// The name of the profile
    #[arg(value_parser = app_name, add = ArgValueCandidates::new(completion::profiles))]
    name: String,
    /// Keys with their new values; a `.` leads into a map
    #[arg(value_name = "KEY=VALUE", value_parser = assignment, required_unless_present_any = ["file", "unset"])]
    values: Vec<(String, String)>,
    /// Remove this key; may be given several times
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// Read the profile from a JSON or TOML file, or JSON from `-`
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write keys and values that no node knows or takes
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl SetProfile {
    /// Returns the profile as it is to be.
    fn apply(&self, current: Option<&RecordEntries>) -> Result<RecordEntries> {
        let mut profile = match &self.file {
            Some(file) => read_file(file)?,
            None => current.cloned().unwrap_or_default(),
        };
        for (key, text) in &self.values {
            let value = data_value(text).map_err(|reason| Error::Usage(format!("`{key}`: {reason}")))?;
            insert_value(&mut profile, key, value).map_err(Error::Usage)?;
        }
        for key in &self.unset {
            if !remove_value(&mut profile, key) {
                return Err(Error::NotFound(format!("the profile `{}` has no key `{key}`", self.name)));
            }
        }
        if self.force {
            return Ok(profile);
        }
        let refused = |reason| Error::Usage(format!("{reason}; `--force` writes it all the same"));
        check_profile(&profile).map(|()| profile).map_err(refused)
    }
}

impl Profiles<'_> {
    pub(super) async fn set(&self, args: &SetProfile) -> Result<()> {
        let (name, output) = (&args.name, self.environment.output);
        let current = self.records.find(name).await?;
        let profile = args.apply(current.as_ref())?;
        if current.as_ref() == Some(&profile) {
            output.note(format_args!("the profile {name} is like that already"));
            return Ok(());
        }
        let verb = match (&current, &args.file) {
            (None, _) => "create",
            (Some(_), None) => "change",
            (Some(_), Some(_)) => "replace",
        };
        let asks = verb == "replace" || args.confirmation.dry_run;
        if asks && !args.confirmation.confirm(&format!("{verb} the profile `{name}`")).await? {
            return Ok(());
        }
        self.records.write(name, &profile).await?;
        output.note(format_args!("the profile {name} is written"));
        if current.is_none() && !profile.contains_key("isolate") {
            output.note(
                "it has no `isolate`: an original node then starts apps through its isolation daemon, and by itself with \
                 `isolate.type=legacy_process`",
            );
        }
        for app in self.users().await?.remove(name).unwrap_or_default().apps {
            output.note(format_args!(
                "{app} runs with it, and reads it when it is restarted: `cocaine app restart {app}`"
            ));
        }
        Ok(())
    }
}

/// Reads a profile from a file.
fn read_file(path: &Path) -> Result<RecordEntries> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(Error::in_file(path))?;
    let json: Json = if path.extension().is_some_and(|extension| extension == "toml") {
        toml::from_str(&text).map_err(Error::in_file(path))?
    } else {
        serde_json::from_str(&text).map_err(Error::in_file(path))?
    };
    let Json::Object(entries) = json else {
        return Err(Error::in_file(path)("a profile is a map of keys to values"));
    };
    let value = |(key, json)| Ok((key, from_json(&json).map_err(Error::in_file(path))?));
    entries.into_iter().map(value).collect()
}
