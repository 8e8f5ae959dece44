//! Values by path.

use clap::Args;
use cocaine::{Code, Value};
use cocaine_bindings::{Unicorn as _, UnicornClient, Versioned};
use serde::Serialize;
use serde_json::Value as Json;

use super::{connect, path, while_reading};
use crate::{
    commands::arguments::data_value,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    json::data_to_json,
    output::Row,
};

/// The version of a value that is not there.
const MISSING: i64 = -1;
/// How often a value is set again after somebody else has changed it.
const MAX_ATTEMPTS: usize = 5;

/// Shows the value at a path
///
/// Examples:
///
///   cocaine unicorn get /settings/shop
///
///   cocaine unicorn get /settings/shop --output json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct GetValue {
    /// The path
    #[arg(value_parser = path)]
    path: String,
}

/// Sets the value at a path
///
/// Examples:
///
///   cocaine unicorn set /settings/shop '{"limit": 5}'
///
///   cocaine unicorn set /settings/shop 6 --version 0
///
///   cocaine unicorn set /settings/shop 6 --version -1
///
/// A value is JSON, or else a text. It is created if it is not there, with its parents. With `--version` it is set only if it has that version
/// (-1: is not there); if not, the command ends with 7, and nothing is changed.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct SetValue {
    /// The path
    #[arg(value_parser = path)]
    path: String,
    /// The value
    #[arg(value_parser = data_value, allow_hyphen_values = true)]
    value: Value,
    /// Set it only if it has this version
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(MISSING..))]
    version: Option<i64>,
}

pub(super) async fn get(args: &GetValue, environment: &Environment) -> Result<ExitStatus> {
    let path = &args.path;
    let current = connect(environment).await?.get(path).await.map_err(while_reading(path))?;
    if current.version == MISSING {
        return Err(Error::NotFound(format!("there is nothing at {path}")));
    }
    environment.output.record(&ValueRow::new(path, &current))?;
    Ok(ExitStatus::Done)
}

pub(super) async fn set(args: &SetValue, environment: &Environment) -> Result<ExitStatus> {
    let SetValue { path, value, version } = args;
    let unicorn = connect(environment).await?;
    let stored = match version {
        Some(version) => put(&unicorn, path, value, *version).await?,
        None => put_over_current(&unicorn, path, value).await?,
    };
    match stored {
        Ok(stored) => {
            environment.output.record(&ValueRow::new(path, &stored))?;
            Ok(ExitStatus::Done)
        }
        Err(current) => {
            let current = match current.version {
                MISSING => "is not there".to_owned(),
                version => format!("has the version {version}, and is {}", data_to_json(&current.value)),
            };
            environment.output.note(format_args!("{path} {current}; nothing is changed"));
            Ok(ExitStatus::Differs)
        }
    }
}

/// Sets a value whatever its version is. Somebody else may change it meanwhile.
async fn put_over_current(
    unicorn: &UnicornClient,
    path: &str,
    value: &Value,
) -> Result<Result<Versioned, Versioned>> {
    let mut version = unicorn.get(path).await.map_err(while_reading(path))?.version;
    for _ in 1..MAX_ATTEMPTS {
        match put(unicorn, path, value, version).await? {
            Ok(stored) => return Ok(Ok(stored)),
            Err(current) => version = current.version,
        }
    }
    put(unicorn, path, value, version).await
}

/// Sets a value if it has a version. Returns what is stored then, or what is there instead.
async fn put(
    unicorn: &UnicornClient,
    path: &str,
    value: &Value,
    version: i64,
) -> Result<Result<Versioned, Versioned>> {
    let failed = Error::while_doing(format!("{path} cannot be set"));
    if version != MISSING {
        return match unicorn.put(path, value, version).await {
            Err(error) if error.code() == Some(Code::NO_NODE) => {
                Ok(Err(Versioned { value: Value::Nil, version: MISSING }))
            }
            stored => stored.map_err(failed),
        };
    }
    match unicorn.create(path, value).await {
        Err(error) if error.code() == Some(Code::NODE_EXISTS) => {
            unicorn.get(path).await.map(Err).map_err(while_reading(path))
        }
        created => created.map(|_| Ok(Versioned { value: value.clone(), version: 0 })).map_err(failed),
    }
}

/// A value, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct ValueRow {
    path: String,
    /// −1 if it is not there.
    version: i64,
    value: Json,
}

impl ValueRow {
    pub(super) fn new(path: &str, current: &Versioned) -> Self {
        Self { path: path.to_owned(), version: current.version, value: data_to_json(&current.value) }
    }
}

impl Row for ValueRow {
    const COLUMNS: &'static [&'static str] = &["path", "version", "value"];

    fn cells(&self) -> Vec<String> {
        vec![self.path.clone(), self.version.to_string(), self.value.to_string()]
    }
}
