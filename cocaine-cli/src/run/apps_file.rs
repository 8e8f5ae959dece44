//! `Cocaine.toml`: the apps of a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use strsim::damerau_levenshtein;
use toml::{Table, Value};

use crate::error::{Error, Result};

/// The name of the file.
pub(super) const FILE: &str = "Cocaine.toml";

/// The key of the apps.
const APPS: &str = "app";
const KEYS: [&str; 6] = ["name", "path", "build", "program", "manifest", "profile"];

/// The most changes of letters between a key and the one that was meant.
const MAX_DISTANCE: usize = 2;

/// An app, as the file has it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct AppEntry {
    pub(super) name: Option<String>,
    /// The folder of the app.
    pub(super) path: PathBuf,
    /// A command of the shell.
    pub(super) build: Option<String>,
    /// What workers run, in the folder of the app.
    pub(super) program: Option<PathBuf>,
    /// A file with keys of the manifest, in the folder of the app.
    pub(super) manifest: Option<PathBuf>,
    pub(super) profile: Option<String>,
}

/// Reads the apps of a file.
pub(super) fn read(path: &Path) -> Result<Vec<AppEntry>> {
    let text = fs::read_to_string(path).map_err(Error::in_file(path))?;
    parse(&text).map_err(Error::in_file(path))
}

fn parse(text: &str) -> Result<Vec<AppEntry>, String> {
    let file: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    if let Some(key) = file.keys().find(|key| *key != APPS) {
        return Err(unknown_key(key, &[APPS]));
    }
    let apps = match file.get(APPS) {
        Some(Value::Array(apps)) if !apps.is_empty() => apps,
        _ => return Err("has no app: a table `[[app]]` is one".to_owned()),
    };
    let entries = apps.iter().enumerate().map(|(index, app)| {
        let app = app.as_table().ok_or("`app` is to be a list of tables, `[[app]]`")?;
        read_entry(app).map_err(|reason| format!("`[[app]]` number {}: {reason}", index + 1))
    });
    entries.collect()
}

fn read_entry(table: &Table) -> Result<AppEntry, String> {
    let mut entry = AppEntry { path: PathBuf::from("."), ..AppEntry::default() };
    for (key, value) in table {
        if !KEYS.contains(&key.as_str()) {
            return Err(unknown_key(key, &KEYS));
        }
        let text = value.as_str().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| format!("`{key}` is {value} and is to be a text that is not empty"))?;
        match key.as_str() {
            "name" => entry.name = Some(text.to_owned()),
            "path" => entry.path = text.into(),
            "build" => entry.build = Some(text.to_owned()),
            "program" => entry.program = Some(text.into()),
            "manifest" => entry.manifest = Some(text.into()),
            _ => entry.profile = Some(text.to_owned()),
        }
    }
    Ok(entry)
}

fn unknown_key(key: &str, known: &[&str]) -> String {
    let nearest = known.iter().min_by_key(|known| damerau_levenshtein(known, key));
    match nearest.filter(|known| damerau_levenshtein(known, key) <= MAX_DISTANCE) {
        Some(nearest) => format!("there is no key `{key}`: did you mean `{nearest}`?"),
        None => format!("there is no key `{key}`: the keys are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_have_the_keys_of_their_tables() {
        let text = "[[app]]\nname = 'shop'\npath = 'services/shop'\nbuild = 'make'\nprogram = 'out/shop'\n\
                    manifest = 'm.json'\nprofile = 'small'\n[[app]]\n";
        let shop = AppEntry {
            name: Some("shop".to_owned()),
            path: "services/shop".into(),
            build: Some("make".to_owned()),
            program: Some("out/shop".into()),
            manifest: Some("m.json".into()),
            profile: Some("small".to_owned()),
        };
        let other = AppEntry { path: ".".into(), ..AppEntry::default() };
        assert_eq!(parse(text).unwrap(), [shop, other]);
    }

    #[test]
    fn unusable_file_says_where_and_why() {
        for (text, expected) in [
            ("", "has no app: a table `[[app]]` is one"),
            ("app = []", "has no app: a table `[[app]]` is one"),
            ("[[apps]]", "there is no key `apps`: did you mean `app`?"),
            (
                "[[app]]\n[[app]]\nbiuld = 'x'",
                "`[[app]]` number 2: there is no key `biuld`: did you mean `build`?",
            ),
            (
                "[[app]]\nenvironment = 1",
                "`[[app]]` number 1: there is no key `environment`: the keys are name, path, build, program, manifest, profile",
            ),
            ("[[app]]\nname = 5", "`[[app]]` number 1: `name` is 5 and is to be a text that is not empty"),
            (
                "[[app]]\nname = ''",
                "`[[app]]` number 1: `name` is \"\" and is to be a text that is not empty",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected);
        }
        assert!(parse("[[app").unwrap_err().contains("line 1"));
    }
}
