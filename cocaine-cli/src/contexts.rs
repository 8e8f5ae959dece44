//! Named clouds: files in the folder of the configuration of whoever runs the program.
//!
//! `$XDG_CONFIG_HOME/cocaine` (`~/.config/cocaine`) has a file `contexts/NAME.toml` for each, and a file `context` with the name
//! of the one that is selected.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

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

/// Where a secret is read from: `file:PATH` or `env:NAME`. It is never written anywhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum SecretSource {
    File(PathBuf),
    Env(String),
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
        let path = self.0.join(SELECTED);
        match fs::read_to_string(&path) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::in_file(&path)(error)),
        }
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
        toml::from_str(&text).map_err(Error::in_file(&path))
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        Ok(self.0.join(FOLDER).join(format!("{name}.toml")))
    }
}

impl Context {
    /// Returns how long a call may take.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>> {
        let failed = |error| Error::Failed(format!("`timeout` of the context: {error}"));
        self.timeout.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(failed)).transpose()
    }
}

impl SecretSource {
    /// Reads the secret, without white space around it.
    pub(crate) fn read(&self) -> Result<String> {
        match self {
            Self::File(path) => fs::read_to_string(path).map_err(Error::in_file(path)),
            Self::Env(name) => env::var(name)
                .map_err(|error| Error::Failed(format!("the variable {name} with the token: {error}"))),
        }
        .map(|secret| secret.trim().to_owned())
    }
}

impl TryFrom<String> for SecretSource {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if Path::new(path).is_absolute() => Ok(Self::File(path.into())),
            Some(("file", path)) => Err(format!("`file:{path}`: an absolute path is wanted")),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            _ => {
                Err("`file:PATH` or `env:NAME` is wanted; a token itself is not kept in a context".to_owned())
            }
        }
    }
}

impl From<SecretSource> for String {
    fn from(source: SecretSource) -> Self {
        match source {
            SecretSource::File(path) => format!("file:{}", path.display()),
            SecretSource::Env(name) => format!("env:{name}"),
        }
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
            ("contexts/b.toml", "locator = \"a:1\"\ntoken = \"secret\""),
        ];
        let (_folder, contexts) = contexts(&broken);
        for (name, words) in [
            ("none", "there is no context `none`"),
            ("a", "contexts/a.toml: "),
            ("b", "`file:PATH` or `env:NAME` is wanted"),
            ("../a", "cannot be the name"),
        ] {
            let error = contexts.read(name).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert_eq!(contexts.selected().unwrap(), None);
    }
}
