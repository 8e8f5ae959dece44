//! `cocaine unicorn`.

mod children;
mod lock;
mod values;
mod watch;

use std::time::Duration;

use clap::Subcommand;
use cocaine::{Category, Code, ServiceClient as _};
use cocaine_bindings::UnicornClient;

use super::interruption::until_interrupted;
use crate::{
    environment::Environment,
    error::{Error, ExitStatus, Result},
};

/// How long a call may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// A node with children has no value that could be read.
const HAS_CHILDREN: Code = Code::new(Category::UNICORN, 1);

/// Reads, changes and watches values of the service `unicorn`, and holds locks
#[derive(Debug, Subcommand)]
pub(super) enum UnicornCommand {
    Get(values::GetValue),
    #[command(visible_alias = "ls")]
    List(children::ListChildren),
    Lock(lock::Lock),
    Set(values::SetValue),
    Watch(watch::Watch),
}

impl UnicornCommand {
    pub(super) async fn run(&self, environment: &Environment) -> Result<ExitStatus> {
        match self {
            Self::Get(args) => until_interrupted(values::get(args, environment)).await,
            Self::List(args) => until_interrupted(children::list(args, environment)).await,
            Self::Lock(args) => lock::lock(args, environment).await,
            Self::Set(args) => until_interrupted(values::set(args, environment)).await,
            Self::Watch(args) => until_interrupted(watch::watch(args, environment)).await,
        }
    }
}

async fn connect(environment: &Environment) -> Result<UnicornClient> {
    let unicorn: UnicornClient = environment.service(&environment.cloud()?).await?;
    Ok(unicorn.with_deadline(environment.timeout_or(DEFAULT_TIMEOUT)?))
}

/// Accepts an absolute path.
fn path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/') && !text.contains("//") && (text == "/" || !text.ends_with('/'));
    is_path.then(|| text.to_owned()).ok_or_else(|| "a path such as /settings/shop is wanted".to_owned())
}

/// Returns a function that says what was to be done, and what to do where a node has children in place of a value.
fn while_reading(path: &str) -> impl FnOnce(cocaine::Error) -> Error {
    move |error| match error.code() {
        Some(HAS_CHILDREN) => Error::Failed(format!(
            "{path} has children, so that its value cannot be read: `cocaine unicorn list {path}` lists them"
        )),
        _ => Error::while_doing(format!("{path} cannot be read"))(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute() {
        for text in ["/", "/a", "/a/b c"] {
            assert!(path(text).is_ok(), "{text}");
        }
        for text in ["", "a", "/a/", "//", "/a//b"] {
            assert!(path(text).is_err(), "{text}");
        }
    }
}
