//! The children of a path.

use clap::Args;
use cocaine::Code;
use cocaine_bindings::Unicorn as _;
use serde::Serialize;
use tokio::time::timeout;

use super::{DEFAULT_TIMEOUT, connect, path};
use crate::{
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::Row,
};

/// Lists the children of a path
///
/// Examples:
///
///   cocaine unicorn list /settings
///
///   cocaine unicorn ls /settings --output jsonl
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct ListChildren {
    /// The path
    #[arg(value_parser = path)]
    path: String,
}

pub(super) async fn list(args: &ListChildren, environment: &Environment) -> Result<ExitStatus> {
    let path = &args.path;
    let mut lists = connect(environment).await?.children_subscribe(path);
    let limit = environment.timeout_or(DEFAULT_TIMEOUT)?;
    let children = timeout(limit, lists.recv()).await.map_err(|_| {
        let late = cocaine::Error::service(Code::TIMED_OUT, format!("no answer within {limit:?}"));
        Error::while_doing(format!("the children of {path} cannot be read"))(late)
    })?;
    let mut names = match children {
        None => Vec::new(),
        Some(Err(error)) if error.code() == Some(Code::NO_NODE) => {
            return Err(Error::NotFound(format!("there is nothing at {path}")));
        }
        Some(children) => {
            let failed = Error::while_doing(format!("the children of {path} cannot be read"));
            children.map_err(failed)?.names
        }
    };
    names.sort_unstable();
    let rows: Vec<_> = names.into_iter().map(|name| ChildRow { name }).collect();
    environment.output.rows(&rows)?;
    Ok(ExitStatus::Done)
}

/// A child, as it is printed in a list.
#[derive(Debug, Serialize)]
struct ChildRow {
    name: String,
}

impl Row for ChildRow {
    const COLUMNS: &'static [&'static str] = &["name"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}
