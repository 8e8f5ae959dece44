//! What a service holds for a caller until the caller lets go: a lock, for one (`services.md` 8).

use std::{
    any::Any,
    fmt,
    future::{Future, pending},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use crate::{
    connection::halves::Receiver,
    protocol::error::{Error, Result},
};

/// Something that is held for as long as this value lives. Dropped, it lets go: of a client's, the service hears at
/// once.
///
/// On the wire it is a stream that says `true` once the thing is held, and then nothing. A client gets it then, and a
/// server makes it with [`Guard::new`].
#[must_use = "what is held is let go of at once if this is dropped"]
pub struct Guard(By);

enum By {
    Service(Receiver<bool>),
    /// The mutexes are never locked: they make the guard `Sync` whatever it contains.
    Guard {
        lost: Mutex<Pin<Box<dyn Future<Output = Error> + Send>>>,
        _guard: Mutex<Box<dyn Any + Send>>,
    },
}

impl Guard {
    /// Returns what a server answers with: `guard` is dropped once the client has let go, or has left.
    pub fn new(guard: impl Send + 'static) -> Self {
        Self::until(guard, pending())
    }

    /// As [`Guard::new`], for what can be lost: the client is told the error that `lost` ends with.
    pub fn until(guard: impl Send + 'static, lost: impl Future<Output = Error> + Send + 'static) -> Self {
        Self(By::Guard { lost: Mutex::new(Box::pin(lost)), _guard: Mutex::new(Box::new(guard)) })
    }

    /// Waits until the service says that it holds the thing.
    pub(crate) async fn by(mut service: Receiver<bool>) -> Result<Self> {
        match service.recv().await {
            Some(Ok(true)) => Ok(Self(By::Service(service))),
            Some(Ok(false)) => Err(Error::protocol("the service said `false` where it holds something")),
            Some(Err(error)) => Err(error),
            None => Err(Error::protocol("the service ended the stream and holds nothing")),
        }
    }

    /// Waits until it is held no more though nobody let go: by the service's own error, or by the end of the
    /// connection.
    pub async fn lost(&mut self) -> Error {
        match &mut self.0 {
            By::Guard { lost, .. } => lost.get_mut().unwrap_or_else(PoisonError::into_inner).await,
            By::Service(service) => loop {
                match service.recv().await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return error,
                    None => return Error::disconnected("the service holds it no more"),
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
