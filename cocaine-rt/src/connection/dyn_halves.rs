//! The halves of a session that no bindings describe: messages by their names, held against the graph as they go.

use std::future::poll_fn;

use serde::Serialize;

use crate::{
    connection::channel::{Payload, Rx, Tx},
    protocol::{
        error::{Error, ErrorKind, Result},
        graph::{Tree, TreeNode},
    },
};

/// The half that sends messages by their names.
#[derive(Debug)]
pub struct MessageSender(Tx);

impl From<Tx> for MessageSender {
    fn from(tx: Tx) -> Self {
        Self(tx)
    }
}

impl MessageSender {
    /// Returns the names of the messages that may be sent now; none once the side has ended.
    pub fn allowed(&self) -> Vec<String> {
        names(self.0.node())
    }

    /// Sends a message; waits while too much is queued. A message that the graph does not allow now is an error, and
    /// nothing is sent.
    pub async fn send<A: Serialize + Send>(&mut self, name: &str, args: A) -> Result<()> {
        let edge = self.0.node().messages().find(|edge| &*edge.name == name).map(|edge| edge.id);
        let Some(kind) = edge else {
            let found = format!("only {}", names(self.0.node()).join(", "));
            let expected = format!("a message `{name}` in this state");
            return Err(Error::new(ErrorKind::Drift { expected, found }));
        };
        self.0.push(kind, args).await
    }
}

/// The half that reads messages and names them.
#[derive(Debug)]
pub struct MessageReceiver {
    rx: Rx,
    node: Option<std::sync::Arc<TreeNode>>,
}

impl From<Rx> for MessageReceiver {
    fn from(rx: Rx) -> Self {
        let node = Some(rx.node().clone());
        Self { rx, node }
    }
}

impl MessageReceiver {
    /// Returns the next message: its name and its arguments; `None` once the other side has ended the channel.
    ///
    /// An `error` message is returned like any other; what ends the channel from outside is an error.
    pub async fn recv(&mut self) -> Option<Result<(String, Payload)>> {
        let message = poll_fn(|cx| self.rx.poll_message(cx)).await?;
        Some(message.and_then(|message| {
            let node = self.node.clone().unwrap_or_default();
            let Some(edge) = node.message(message.kind) else {
                return Err(self.rx.blame(Error::protocol(format!("message {} has no name", message.kind))));
            };
            if edge.is_terminal() && &*edge.name == "error" {
                self.rx.heed(&message);
            }
            if let Tree::Node(next) = &edge.next {
                self.node = Some(next.clone());
            }
            Ok((edge.name.to_string(), Payload::new(message)))
        }))
    }
}

fn names(node: &TreeNode) -> Vec<String> {
    node.messages().map(|edge| edge.name.to_string()).collect()
}
