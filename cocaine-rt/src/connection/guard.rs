//! Something that a service holds for a caller until the caller drops the guard: a lock, for example (`services.md` 8).

use std::{
    any::Any,
    fmt,
    future::{Future, pending},
    pin::Pin,
};

use sync_wrapper::SyncWrapper;

use crate::{
    connection::halves::Receiver,
    protocol::error::{Error, Result},
};

/// Holds something, such as a lock, until it is dropped. When a client drops it, the service releases the lock at once.
///
/// On the wire it is a stream whose only item, `true`, says that the lock was acquired. A client gets the guard then, and
/// a server makes one with [`Guard::new`].
#[must_use = "dropping the guard releases what it holds"]
pub struct Guard(GuardKind);

enum GuardKind {
    /// A client's: the stream of the service.
    Remote(Receiver<bool>),
    /// A server's.
    Local {
        loss: SyncWrapper<Pin<Box<dyn Future<Output = Error> + Send>>>,
        _guard: SyncWrapper<Box<dyn Any + Send>>,
    },
}

impl Guard {
    /// Returns a server's reply: `guard` is dropped once the client has dropped its guard or disconnected.
    pub fn new(guard: impl Send + 'static) -> Self {
        Self::with_loss(guard, pending())
    }

    /// Returns a server's reply for something that can be lost. The client receives the error that `loss` returns.
    pub fn with_loss(guard: impl Send + 'static, loss: impl Future<Output = Error> + Send + 'static) -> Self {
        Self(GuardKind::Local {
            loss: SyncWrapper::new(Box::pin(loss)),
            _guard: SyncWrapper::new(Box::new(guard)),
        })
    }

    /// Waits until the service has acquired the lock.
    pub(crate) async fn from_stream(mut stream: Receiver<bool>) -> Result<Self> {
        match stream.recv().await {
            Some(Ok(true)) => {
                stream.forbid_pauses();
                Ok(Self(GuardKind::Remote(stream)))
            }
            Some(Ok(false)) => Err(Error::protocol("the service sent `false` instead of acquiring the lock")),
            Some(Err(error)) => Err(error),
            None => Err(Error::protocol("the service ended the stream without acquiring the lock")),
        }
    }

    /// Waits until the lock is lost while the guard still exists: by an error of the service, or with the connection.
    pub async fn lost(&mut self) -> Error {
        match &mut self.0 {
            GuardKind::Local { loss, .. } => loss.get_mut().await,
            GuardKind::Remote(stream) => loop {
                match stream.recv().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return error,
                    None => return Error::disconnected("the service has released the lock"),
                }
            },
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}
