//! Detects dead peers, which have not closed their connections.

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
    task::Poll,
    time::Duration,
};

use tokio::{task::yield_now, time::timeout};

use crate::{
    client::service_connection::{Options, Request, SendAttempt, ServiceConnection},
    connection::{handle::SharedConnection, mux::Mux},
    protocol::error::{Error, ErrorKind, Result},
    wire::{encode, scratch::Scratch},
};

/// Starts a task that closes the connection if its peer is silent for `limit` while channels are open. A live peer answers
/// a `ping`, so the task is started only if the service announces it (`protocol.md` 2.1).
pub(crate) fn start(connection: &ServiceConnection, limit: Duration) {
    if connection.table.ping().is_some() {
        tokio::spawn(watch_silence(Arc::downgrade(&connection.handle), limit));
    }
}

/// Sends a ping after one to two fifths of `limit` without an arrival, and gives the peer two fifths to reply, so that a
/// dead peer is detected well within the limit.
async fn watch_silence(connection: Weak<SharedConnection>, limit: Duration) {
    let (interval, answer_time) = (limit / 5, limit / 5 * 2);
    while let Some(receptions) = upgrade(&connection).map(|connection| connection.receptions()) {
        if !sleep_while_open(&connection, interval).await {
            return;
        }
        let is_silent = upgrade(&connection)
            .is_some_and(|connection| connection.is_silent_since(receptions) && connection.with(Mux::ping));
        if !is_silent {
            continue;
        }
        if !sleep_while_open(&connection, answer_time).await {
            return;
        }
        // Lets the task of the connection read what arrived while this process was suspended.
        yield_now().await;
        // While something is still being written, the ping may wait behind it; the operating system watches that.
        let is_gone = |open: &Arc<SharedConnection>| {
            open.is_silent_since(receptions) && open.with(|mux| mux.is_flushed())
        };
        if let Some(connection) = upgrade(&connection).filter(is_gone) {
            tracing::warn!(peer = %connection.peer(), "the peer is silent: the connection is closed");
            let text = format!("the peer is silent and has not answered a ping within {answer_time:?}");
            connection.close(&Error::disconnected(text));
            return;
        }
    }
}

/// Sends a `ping` and waits for the answer, if the service announces it: an endpoint that has failed is used again once it
/// answers. Otherwise the first call would have to show that, and the service may close the connection for what that call
/// says.
pub(crate) async fn probe(connection: &ServiceConnection, limit: Duration) -> Result<()> {
    let Some(ping) = connection.table.ping() else { return Ok(()) };
    let mut args = Scratch::take();
    encode::args(&(), &mut args).map_err(Error::from_encode)?;
    let answer = poll_fn(|cx| {
        let request = Request { args: &args, options: &Options::default(), waker: cx.waker(), event: None };
        Poll::Ready(connection.call(&ping, request))
    });
    let SendAttempt::Sent(answer) = answer.await? else { return Ok(()) };
    match timeout(limit, answer).await {
        // A slow endpoint may still be a good one.
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(Error::new(ErrorKind::Connect(error.to_string()))),
    }
}

fn upgrade(connection: &Weak<SharedConnection>) -> Option<Arc<SharedConnection>> {
    connection.upgrade().filter(|connection| !connection.with(|mux| mux.is_closed()))
}

/// Sleeps; returns false once the connection has ended.
async fn sleep_while_open(connection: &Weak<SharedConnection>, time: Duration) -> bool {
    let Some(watched) = connection.upgrade() else { return false };
    let closed = poll_fn(|cx| watched.with(|mux| mux.poll_closed(cx.waker())));
    timeout(time, closed).await.is_err()
}
