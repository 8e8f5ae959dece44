//! The apps of the node that a gateway is part of, which are called without a connection.

use std::{fmt, pin::Pin, sync::Arc};

use cocaine::{Bytes, Headers, Result, Stream};
use futures_util::future::BoxFuture;

/// The chunks of a response.
pub(crate) type ResponseStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// The apps of a node.
pub(crate) trait LocalApps: fmt::Debug + Send + Sync {
    /// Returns the app that the locator of the node has for a name; `None` if the name is not that of a running app of the
    /// node, or stands for a group.
    fn find(&self, service: &str) -> Option<Arc<dyn AppHandle>>;
}

/// An app of a node.
pub(crate) trait AppHandle: Send + Sync {
    /// Sends an event with its whole request, and returns the response.
    fn call(&self, event: &str, headers: Headers, chunk: Bytes)
    -> BoxFuture<'static, Result<ResponseStream>>;
}
