//! The untyped half of a channel that receives.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use crate::{
    connection::{
        channel::{ChannelRef, Payload, decode_service_error},
        mux::message::Message,
    },
    protocol::{
        error::{Error, Result},
        graph::{Tree, TreeNode},
    },
};

/// The half of a channel that receives messages by name. Each message is checked against the graph.
#[derive(Debug)]
pub struct DynReceiver {
    channel: ChannelRef,
    node: Arc<TreeNode>,
    ended: bool,
}

impl DynReceiver {
    pub(crate) fn new(channel: ChannelRef, tree: &Tree) -> Self {
        channel.handle.with(|mux| mux.add_handle(channel.key));
        Self::from_counted(channel, tree)
    }

    /// Returns the half of a channel that has already counted this handle.
    pub(crate) fn from_counted(channel: ChannelRef, tree: &Tree) -> Self {
        Self { channel, node: tree.node(), ended: false }
    }

    /// Returns the next message: its name and its arguments; `None` once the peer has ended the channel.
    ///
    /// An `error` message is returned like any other. The end of the connection is an error.
    pub async fn recv(&mut self) -> Option<Result<(String, Payload)>> {
        let message = poll_fn(|cx| self.poll_message(cx)).await?;
        Some(message.and_then(|message| self.name_message(message)))
    }

    /// Returns the arguments of a message, which are decoded within the limits of the connection.
    pub(crate) fn payload(&self, message: Message) -> Payload {
        Payload::new(message, self.max_decoded_bytes())
    }

    /// Returns the memory that a message may take beyond its encoding.
    pub(crate) fn max_decoded_bytes(&self) -> usize {
        self.channel.handle.max_decoded_bytes()
    }

    /// Makes further calls connect again if nothing has arrived since the channel was opened, which has missed its deadline.
    pub(crate) fn check_silence(&self) {
        self.channel.handle.check_silence(self.channel.context.receptions);
    }

    /// Returns the next message; `None` once the peer has ended the channel.
    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = ready!(self.channel.handle.with(|mux| mux.poll_message(self.channel.key, cx.waker())));
        self.ended = !matches!(polled, Some(Ok(_)));
        Poll::Ready(polled.map(|result| result.map_err(|error| self.channel.add_context(error))))
    }

    /// Calls `read` with the unread messages until they have used up `budget`, under the lock of the connection. Waits
    /// while there are none; returns without a call once the channel has ended.
    pub(crate) fn poll_each(
        &mut self,
        cx: &mut Context<'_>,
        budget: u64,
        read: impl FnMut(&Message) -> u64,
    ) -> Poll<Result<()>> {
        let (key, waker) = (self.channel.key, cx.waker());
        let polled = ready!(self.channel.handle.with(|mux| mux.poll_each(key, waker, budget, read)));
        Poll::Ready(polled.map_err(|error| self.channel.add_context(error)))
    }

    /// Waits until the channel has failed because too little of it was read.
    pub(crate) fn poll_failed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.channel.handle.with(|mux| mux.poll_failed(self.channel.key, cx.waker()))
    }

    /// Requires that the socket is read even if readers of other channels are slow.
    pub(crate) fn forbid_pauses(&self) {
        self.channel.handle.with(|mux| mux.forbid_pauses(self.channel.key));
    }

    /// Accepts no further message: the peer breaks the protocol by sending one.
    #[doc(hidden)]
    pub fn reject_messages(self) {
        self.channel.handle.with(|mux| mux.finish_receiving(self.channel.key));
    }

    /// Waits for the next message; returns its id, its arguments, and the half in the state that follows it.
    ///
    /// An `error` message that ends the channel is returned as an error.
    #[doc(hidden)]
    pub async fn recv_message(mut self) -> Result<(u64, Payload, Self)> {
        let next = self.next_message().await;
        let (kind, payload) =
            next.unwrap_or_else(|| Err(self.add_context(Error::protocol("the channel has ended"))))?;
        Ok((kind, payload, self))
    }

    /// Waits for the next message, like [`DynReceiver::recv_message`]; `None` once the peer has ended the channel. Is
    /// cancel safe.
    #[doc(hidden)]
    pub async fn next_message(&mut self) -> Option<Result<(u64, Payload)>> {
        let message = poll_fn(|cx| self.poll_message(cx)).await?;
        Some(message.and_then(|message| self.accept_message(message)))
    }

    /// Moves to the state that follows the message.
    fn accept_message(&mut self, message: Message) -> Result<(u64, Payload)> {
        let kind = message.kind;
        if let Some(edge) = self.node.message(kind) {
            if edge.is_terminal() && &*edge.name == "error" {
                return Err(self.service_error(&message));
            }
            if let Tree::Node(next) = &edge.next {
                self.node = next.clone();
            }
        }
        Ok((kind, self.payload(message)))
    }

    /// Finds the name of a message in the graph, and moves to the state that follows it.
    pub(crate) fn name_message(&mut self, message: Message) -> Result<(String, Payload)> {
        let Some(edge) = self.node.message(message.kind).cloned() else {
            return Err(self.add_context(Error::protocol(format!("message {} has no name", message.kind))));
        };
        if edge.is_terminal() && &*edge.name == "error" {
            self.decode_error(&message);
        }
        if let Tree::Node(next) = &edge.next {
            self.node = next.clone();
        }
        Ok((edge.name.to_string(), self.payload(message)))
    }

    /// Returns the error for a message that the bindings do not know.
    #[doc(hidden)]
    pub fn unexpected(self, kind: u64) -> Error {
        self.add_context(Error::protocol(format!("message {kind} is not known to the bindings")))
    }

    pub(crate) fn add_context(&self, error: Error) -> Error {
        self.channel.add_context(error)
    }

    /// Returns the error of an `error` message, with the context of the channel.
    pub(crate) fn service_error(&self, message: &Message) -> Error {
        self.add_context(self.decode_error(message))
    }

    /// Returns the error of an `error` message, without context. If it says that the app was stopped, the next call
    /// reconnects.
    pub(crate) fn decode_error(&self, message: &Message) -> Error {
        let error = decode_service_error(message);
        self.channel.handle.check_app_stopped(&error);
        error
    }
}

impl Drop for DynReceiver {
    fn drop(&mut self) {
        self.channel.handle.with(|mux| mux.release_receiver(self.channel.key));
    }
}
