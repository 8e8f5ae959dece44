//! Where secrets are read from.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where a secret is read from: `file:PATH` or `env:NAME`. It is never written anywhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum SecretSource {
    File(PathBuf),
    Env(String),
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

    /// Parses the name of a source. The error does not repeat the text, which may be a secret itself.
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if Path::new(path).is_absolute() => Ok(Self::File(path.into())),
            Some(("file", path)) => Err(format!("`file:{path}`: an absolute path is wanted")),
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(Self::Env(name.to_owned()))
            }
            _ => Err("`file:PATH` or `env:NAME` is wanted; a token itself is not kept in a context, and a \
                      command line is seen by others: write it into a file that only you may read"
                .to_owned()),
        }
    }
}

impl From<SecretSource> for String {
    fn from(source: SecretSource) -> Self {
        source.to_string()
    }
}

impl std::fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Env(name) => write!(formatter, "env:{name}"),
        }
    }
}
