//! The connections of this process that nobody has used yet. They are closed when descriptors run out: whoever opens
//! connections without a call must not keep others from connecting.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::{connection::handle::SharedConnection, protocol::error::Error};

/// A connection that may be closed to make room for others until it is used.
pub trait IdleConnection: Send + Sync {
    /// Returns whether the client has not called anything yet.
    fn is_unused(&self) -> bool;

    /// Closes the connection.
    fn close(&self);
}

/// The connections that were unused when they were seen last, the oldest first.
struct IdleConnections {
    connections: Vec<Weak<dyn IdleConnection>>,
    /// The number of connections at which used and ended ones are removed.
    limit: usize,
}

impl IdleConnections {
    const MIN_LIMIT: usize = 64;
}

/// All servers share the descriptors of the process.
static IDLE_CONNECTIONS: Mutex<IdleConnections> =
    Mutex::new(IdleConnections { connections: Vec::new(), limit: IdleConnections::MIN_LIMIT });

/// Remembers an accepted connection, to be closed when descriptors run out before the client has called anything.
pub fn track_idle_connection(connection: &Arc<impl IdleConnection + 'static>) {
    let mut idle = IDLE_CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.connections.len() >= idle.limit {
        idle.connections.retain(|known| known.upgrade().is_some_and(|known| known.is_unused()));
        idle.limit = (idle.connections.len() * 2).max(IdleConnections::MIN_LIMIT);
    }
    let connection: Weak<dyn IdleConnection> = Arc::downgrade(connection) as _;
    idle.connections.push(connection);
}

/// Closes up to `count` unused connections, the oldest first. Returns how many it has closed.
pub(super) fn close_idle_connections(count: usize) -> usize {
    let mut unused = Vec::new();
    let mut idle = IDLE_CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    idle.connections.retain(|known| {
        let Some(known) = known.upgrade().filter(|known| known.is_unused()) else { return false };
        let is_kept = unused.len() >= count;
        if !is_kept {
            unused.push(known);
        }
        is_kept
    });
    drop(idle);
    for connection in &unused {
        connection.close();
    }
    unused.len()
}

impl IdleConnection for SharedConnection {
    fn is_unused(&self) -> bool {
        self.with(|mux| !mux.has_peer_opened())
    }

    fn close(&self) {
        let text = "closed to make room for other connections: no call was made on it";
        SharedConnection::close(self, &Error::disconnected(text));
    }
}
