//! Changes of a value, or of children, as they come.

use std::time::Duration;

use clap::Args;
use cocaine::{Code, Error as CloudError, Result as CloudResult, Value};
use cocaine_bindings::{Unicorn as _, UnicornClient, Versioned};
use serde::Serialize;
use tokio::time::sleep;

use super::{HAS_CHILDREN, path, values::ValueRow, while_reading};
use crate::{
    environment::Environment,
    error::{ExitStatus, Result},
    output::Row,
};

/// The first and the longest pause before a stream that has ended is opened again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Prints the value at a path, and each change of it, until Ctrl-C
///
/// Examples:
///
///   cocaine unicorn watch /settings/shop --output jsonl
///
///   cocaine unicorn watch /settings --children
///
/// What is not there has the version -1, and is printed when it is created. A node that is restarted is watched again.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct Watch {
    /// The path
    #[arg(value_parser = path)]
    path: String,
    /// Print the names of its children in place of its value
    #[arg(long)]
    children: bool,
}

pub(super) async fn watch(args: &Watch, environment: &Environment) -> Result<ExitStatus> {
    let unicorn = environment.service(&environment.cloud()?).await?;
    let mut watcher = Watcher { args, unicorn, environment, last: None };
    let mut pause = FIRST_PAUSE;
    loop {
        let (before, ended) = (watcher.last.clone(), watcher.follow().await?);
        let error = match ended {
            Ok(()) => None,
            Err(error) if error.code() == Some(Code::NO_NODE) => {
                watcher.show(State::Missing)?;
                None
            }
            Err(error) if is_lost(&error) => Some(error),
            Err(error) => return Err(while_reading(&args.path)(error)),
        };
        let has_shown = watcher.last != before;
        if let Some(error) = error.filter(|_| has_shown || pause == FIRST_PAUSE) {
            environment.output.note(format_args!("{error}; {} is watched again", args.path));
        }
        pause = if has_shown { FIRST_PAUSE } else { (pause * 2).min(MAX_PAUSE) };
        sleep(pause).await;
    }
}

/// Returns whether the service may come back.
fn is_lost(error: &CloudError) -> bool {
    matches!(error.code(), None | Some(Code::SERVICE_NOT_AVAILABLE | Code::CONNECTION_LOSS))
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Missing,
    Value(Versioned),
    Children(Vec<String>),
}

struct Watcher<'a> {
    args: &'a Watch,
    unicorn: UnicornClient,
    environment: &'a Environment,
    /// What was printed last.
    last: Option<State>,
}

impl Watcher<'_> {
    /// Prints what comes until the stream ends, and returns how. The outer error is that of the output.
    async fn follow(&mut self) -> Result<CloudResult<()>> {
        if !self.args.children {
            return self.follow_value().await;
        }
        if self.last == Some(State::Missing) {
            // The children of what is not there cannot be watched.
            if let Err(error) = self.wait_until_created().await {
                return Ok(Err(error));
            }
        }
        self.follow_children().await
    }

    async fn follow_value(&mut self) -> Result<CloudResult<()>> {
        let mut values = self.unicorn.subscribe(&self.args.path);
        loop {
            match values.recv().await.transpose() {
                Err(error) => return Ok(Err(error)),
                Ok(None) => return Ok(Ok(())),
                Ok(Some(Versioned { version: ..0, .. })) => self.show(State::Missing)?,
                Ok(Some(value)) => self.show(State::Value(value))?,
            }
        }
    }

    async fn follow_children(&mut self) -> Result<CloudResult<()>> {
        let mut lists = self.unicorn.children_subscribe(&self.args.path);
        loop {
            match lists.recv().await.transpose() {
                Err(error) => return Ok(Err(error)),
                Ok(None) => return Ok(Ok(())),
                Ok(Some(children)) => {
                    let mut names = children.names;
                    names.sort_unstable();
                    self.show(State::Children(names))?;
                }
            }
        }
    }

    async fn wait_until_created(&self) -> CloudResult<()> {
        let mut values = self.unicorn.subscribe(&self.args.path);
        loop {
            match values.recv().await.transpose() {
                Ok(Some(value)) if value.version < 0 => {}
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some(HAS_CHILDREN) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Prints what is there, unless that was printed last: a stream that is opened again begins with what is there.
    fn show(&mut self, state: State) -> Result<()> {
        if self.last.as_ref() == Some(&state) {
            return Ok(());
        }
        let (path, output) = (&self.args.path, self.environment.output);
        match &state {
            State::Value(value) => output.row(&ValueRow::new(path, value))?,
            State::Children(names) => output.row(&ChildrenRow::new(path, Some(names)))?,
            State::Missing if self.args.children => output.row(&ChildrenRow::new(path, None))?,
            State::Missing => {
                output.row(&ValueRow::new(path, &Versioned { value: Value::Nil, version: -1 }))?;
            }
        }
        self.last = Some(state);
        Ok(())
    }
}

/// The children of a path, as they are printed.
#[derive(Debug, Serialize)]
struct ChildrenRow<'a> {
    path: &'a str,
    /// `None` if there is nothing at the path.
    children: Option<&'a [String]>,
}

impl<'a> ChildrenRow<'a> {
    fn new(path: &'a str, children: Option<&'a Vec<String>>) -> Self {
        Self { path, children: children.map(Vec::as_slice) }
    }
}

impl Row for ChildrenRow<'_> {
    const COLUMNS: &'static [&'static str] = &["path", "children"];

    fn cells(&self) -> Vec<String> {
        let children = self.children.map_or_else(|| "-".to_owned(), |names| names.join(" "));
        vec![self.path.to_owned(), children]
    }
}
