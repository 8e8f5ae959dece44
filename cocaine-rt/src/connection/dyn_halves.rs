//! Messages by their names: what [`DynSender`] and [`DynReceiver`] do for users without bindings.

use std::future::poll_fn;

use serde::Serialize;

use crate::{
    connection::channel::{DynReceiver, DynSender, Payload},
    protocol::{
        error::{Error, ErrorKind, Result},
        graph::TreeNode,
    },
};

impl DynSender {
    /// Returns the names of the messages that may be sent now; none once this side has ended.
    pub fn allowed(&self) -> Vec<String> {
        names(self.node())
    }

    /// Sends a message; waits while too much is queued. Fails and sends nothing if the graph does not allow the
    /// message now.
    pub async fn send<A: Serialize + Send>(&mut self, name: &str, args: A) -> Result<()> {
        let edge = self.node().messages().find(|edge| &*edge.name == name).map(|edge| edge.id);
        let Some(kind) = edge else {
            let found = format!("only {}", names(self.node()).join(", "));
            let expected = format!("a message `{name}` in this state");
            return Err(Error::new(ErrorKind::SchemaMismatch { expected, found }));
        };
        self.push(kind, args).await
    }
}

impl DynReceiver {
    /// Returns the next message: its name and its arguments; `None` once the peer has ended the channel.
    ///
    /// An `error` message is returned like any other. The end of the connection is an error.
    pub async fn recv(&mut self) -> Option<Result<(String, Payload)>> {
        let message = poll_fn(|cx| self.poll_message(cx)).await?;
        Some(message.and_then(|message| self.name_message(message)))
    }
}

fn names(node: &TreeNode) -> Vec<String> {
    node.messages().map(|edge| edge.name.to_string()).collect()
}
