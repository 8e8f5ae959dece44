//! The messages of a recording, channel by channel.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use cocaine::{Value, graph::Graph};
use serde_json::Value as Json;

use super::{
    FIRST_CONTROL,
    file::{self, Line, Message, Side},
};
use crate::{
    error::{Error, Result},
    json::from_json,
};

/// A recording.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) services: BTreeMap<String, RecordedService>,
    /// The messages in the order in which they passed, without those that govern channels.
    pub(super) messages: Vec<RecordedMessage>,
}

/// What the locator said of a service.
#[derive(Clone, Debug)]
pub(super) struct RecordedService {
    pub(super) version: u64,
    pub(super) graph: Graph,
}

/// A message, and the number of its line.
#[derive(Clone, Debug)]
pub(super) struct RecordedMessage {
    pub(super) line: usize,
    pub(super) message: Message,
    /// The arguments as a value.
    pub(super) args: Value,
}

/// The messages of a channel, the first of which opens it.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) messages: Vec<RecordedMessage>,
    pub(super) is_used: bool,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// The file cannot be read, or a line is wrong, which is named.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut recording = Self::default();
        for (line, content) in file::read(path)? {
            match content {
                Line::Service { name, version, graph } => {
                    recording.services.insert(name, RecordedService { version, graph });
                }
                Line::Message(message) if message.kind < FIRST_CONTROL => {
                    let failed = |reason| Error::File { path: format!("{}:{line}", path.display()), reason };
                    if !recording.services.contains_key(&message.service) {
                        let reason = format!("no line before it describes the service `{}`", message.service);
                        return Err(failed(reason));
                    }
                    let args = from_json(&message.args).map_err(failed)?;
                    recording.messages.push(RecordedMessage { line, message, args });
                }
                Line::Recording { .. } | Line::Message(_) | Line::End { .. } => {}
            }
        }
        Ok(recording)
    }

    /// Returns the exchanges of a service in the order in which they began.
    pub(super) fn exchanges(&self, service: &str) -> Vec<Exchange> {
        let mut exchanges: Vec<Exchange> = Vec::new();
        let mut open = HashMap::new();
        for message in self.messages.iter().filter(|message| message.message.service == service) {
            let key = (message.message.connection, message.message.channel);
            let index = *open.entry(key).or_insert(exchanges.len());
            match exchanges.get_mut(index) {
                Some(exchange) => exchange.messages.push(message.clone()),
                None if message.message.from == Side::Client => {
                    exchanges.push(Exchange { messages: vec![message.clone()], is_used: false });
                }
                // The client's first message was before the recording.
                None => {
                    open.remove(&key);
                }
            }
        }
        exchanges
    }
}

impl RecordedMessage {
    /// Returns the message as it is shown: `storage.read["a","b"]`.
    pub(super) fn describe(&self) -> String {
        describe(&self.message.service, &self.message.name, &self.message.args)
    }
}

/// Returns a message as it is shown: `storage.read["a","b"]`.
pub(super) fn describe(service: &str, message: &str, args: &Json) -> String {
    const MAX_SHOWN: usize = 200;
    let mut text = format!("{service}.{message}{args}");
    if text.len() > MAX_SHOWN {
        text.truncate(text.floor_char_boundary(MAX_SHOWN));
        text.push('…');
    }
    text
}
