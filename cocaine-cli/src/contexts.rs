//! Named clouds: files in the folder of the configuration of whoever runs the program.
//!
//! `$XDG_CONFIG_HOME/cocaine` (`~/.config/cocaine`) has a file `contexts/NAME.toml` for each, and a file `context` with the name
//! of the selected one and, on a second line, of the one that was selected before. Each file is replaced as a whole, and only its
//! owner may read it.

mod secret;

use std::{
    fs::{self, DirBuilder},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

pub(crate) use secret::SecretSource;

/// The name of the file with the name of the selected context.
const SELECTED: &str = "context";
/// The folder of the contexts.
const FOLDER: &str = "contexts";

/// A named cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// The locators, separated by commas.
    pub(crate) locator: String,
    /// Where the token is that goes with each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<SecretSource>,
    /// How many seconds a call may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<f64>,
}

/// The contexts of whoever runs the program.
#[derive(Clone, Debug)]
pub(crate) struct Contexts(PathBuf);

impl Contexts {
    /// Returns the contexts in the folder of the configuration.
    pub(crate) fn open() -> Result<Self> {
        let strategy = etcetera::base_strategy::Xdg::new().map_err(|error| {
            Error::Failed(format!("there is no home folder, so that there are no contexts: {error}"))
        })?;
        Ok(Self(strategy.config_dir().join("cocaine")))
    }

    /// Returns the name of the selected context.
    pub(crate) fn selected(&self) -> Result<Option<String>> {
        Ok(self.selection()?.selected)
    }

    fn selection(&self) -> Result<Selection> {
        let path = self.0.join(SELECTED);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Selection::from_text(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Selection::default()),
            Err(error) => Err(Error::in_file(&path)(error)),
        }
    }

    /// Selects a context that is there.
    pub(crate) fn select(&self, name: &str) -> Result<()> {
        self.read(name)?;
        let Selection { selected, previous } = self.selection()?;
        let previous = if selected.as_deref() == Some(name) { previous } else { selected };
        let selection = Selection { selected: Some(name.to_owned()), previous };
        write_file(&self.0.join(SELECTED), &selection.to_text())
    }

    /// Selects the context that was selected before the current one, and returns its name.
    pub(crate) fn select_previous(&self) -> Result<String> {
        let previous = self.selection()?.previous;
        let name = previous.ok_or_else(|| {
            Error::NotFound(
                "no other context was selected before; `cocaine context list` names all".to_owned(),
            )
        })?;
        self.select(&name)?;
        Ok(name)
    }

    /// Returns the names of all contexts in alphabetical order.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let folder = self.0.join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::in_file(&folder)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry.map_err(Error::in_file(&folder))?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".toml"));
            names.extend(name.filter(|name| check_name(name).is_ok()).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Returns whether there is a context of this name.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        Ok(self.path(name)?.exists())
    }

    /// Writes a context in place of the one of this name.
    pub(crate) fn write(&self, name: &str, context: &Context) -> Result<()> {
        let path = self.path(name)?;
        let text = toml::to_string(context).map_err(Error::in_file(&path))?;
        write_file(&path, &text)
    }

    /// Removes a context. If it is the selected one, none is selected afterwards.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        fs::remove_file(&path).map_err(Error::in_file(&path))?;
        let mut selection = self.selection()?;
        let is_other = |other: &String| other != name;
        let before = selection.clone();
        selection.selected = selection.selected.filter(is_other);
        selection.previous = selection.previous.filter(is_other);
        if selection == before {
            return Ok(());
        }
        write_file(&self.0.join(SELECTED), &selection.to_text())
    }

    /// Reads the selected context.
    pub(crate) fn read_selected(&self) -> Result<Option<Context>> {
        self.selected()?.map(|name| self.read(&name)).transpose()
    }

    /// Reads a context.
    pub(crate) fn read(&self, name: &str) -> Result<Context> {
        let path = self.path(name)?;
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::NotFound(format!("there is no context `{name}`: {} is missing", path.display()))
            }
            _ => Error::in_file(&path)(error),
        })?;
        toml::from_str(&text).map_err(|error| {
            // The error itself repeats the line, which may have a secret.
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count()) + 1;
            Error::in_file(&path)(format!("line {line}: {}", error.message()))
        })
    }

    /// Returns the path of the file with a context.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        Ok(self.0.join(FOLDER).join(format!("{name}.toml")))
    }
}

/// The content of the file with the selection.
#[derive(Clone, Debug, Default, PartialEq)]
struct Selection {
    selected: Option<String>,
    previous: Option<String>,
}

impl Selection {
    fn from_text(text: &str) -> Self {
        let mut names = text.lines().map(|name| Some(name.trim().to_owned()).filter(|name| !name.is_empty()));
        Self { selected: names.next().flatten(), previous: names.next().flatten() }
    }

    fn to_text(&self) -> String {
        let line = |name: &Option<String>| name.clone().unwrap_or_default() + "\n";
        line(&self.selected) + &line(&self.previous)
    }
}

/// Replaces a file as a whole: a reader finds the old content or the new one. Only the owner may read it.
fn write_file(path: &Path, text: &str) -> Result<()> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // A temporary file has the mode 0600.
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(Error::in_file(path))
}

impl Context {
    /// Returns how long a call may take.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>> {
        let failed = |error| Error::Failed(format!("`timeout` of the context: {error}"));
        self.timeout.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(failed)).transpose()
    }
}

/// Refuses a name that is no name of a file.
fn check_name(name: &str) -> Result<()> {
    let is_file_name = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(is_file_name) {
        return Err(Error::Usage(format!(
            "{name:?} cannot be the name of a context: 1 to 100 letters, digits, `-`, `_` and `.` are wanted"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn contexts(files: &[(&str, &str)]) -> (tempfile::TempDir, Contexts) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(FOLDER)).unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let contexts = Contexts(folder.path().to_owned());
        (folder, contexts)
    }

    #[test]
    fn selected_context_is_read() {
        let text = "locator = \"a:1\"\ntoken = \"env:TOKEN\"\ntimeout = 0.5\n";
        let (_folder, contexts) = contexts(&[("context", "live\n"), ("contexts/live.toml", text)]);
        let name = contexts.selected().unwrap().unwrap();
        let context = contexts.read(&name).unwrap();
        assert_eq!(context.locator, "a:1");
        assert_eq!(context.token, Some(SecretSource::Env("TOKEN".to_owned())));
        assert_eq!(context.timeout().unwrap(), Some(Duration::from_millis(500)));
    }

    #[test]
    fn missing_and_broken_contexts_are_named() {
        let broken = [
            ("contexts/a.toml", "locator = 1"),
            ("contexts/b.toml", "locator = \"a:1\"\ntoken = \"s3cret\""),
        ];
        let (_folder, contexts) = contexts(&broken);
        for (name, words) in [
            ("none", "there is no context `none`"),
            ("a", "contexts/a.toml: "),
            ("b", "line 2: `file:PATH` or `env:NAME` is wanted"),
            ("../a", "cannot be the name"),
        ] {
            let error = contexts.read(name).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
        }
        assert_eq!(contexts.selected().unwrap(), None);
    }

    #[test]
    fn written_context_is_private_and_read_back() {
        let (folder, contexts) = contexts(&[]);
        let token = Some(SecretSource::File("/run/token".into()));
        let context = Context { locator: "a:1,b:2".to_owned(), token, timeout: Some(2.5) };
        contexts.write("live", &context).unwrap();
        assert_eq!(contexts.read("live").unwrap(), context);
        let path = folder.path().join("contexts/live.toml");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path().join("contexts")).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn previous_selection_comes_back() {
        let text = "locator = \"a:1\"\n";
        let (_folder, contexts) = contexts(&[("contexts/a.toml", text), ("contexts/b.toml", text)]);
        assert!(contexts.select_previous().is_err());
        for name in ["a", "b", "b"] {
            contexts.select(name).unwrap();
        }
        assert_eq!(contexts.select_previous().unwrap(), "a");
        assert_eq!(contexts.select_previous().unwrap(), "b");
        assert!(contexts.select("none").is_err());
        assert_eq!(contexts.selected().unwrap().as_deref(), Some("b"));
        contexts.remove("b").unwrap();
        assert_eq!(contexts.selected().unwrap(), None);
        assert_eq!(contexts.names().unwrap(), ["a"]);
    }
}
