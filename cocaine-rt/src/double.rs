//! Doubles of services, which tests call instead of a cloud: they answer as they were told, and fail a test that calls
//! otherwise. Feature `doubles`.
//!
//! `cocaine-codegen --doubles-of crate::bindings` writes one for each service, around a [`Double`]. A test says what is
//! to be called and what is answered:
//!
//! ```text
//! let storage = StorageDouble::new();
//! storage.expect_read().with("greetings", "ada").returns("good day");
//! storage.expect_read().with("greetings", "bob").fails(Error::service(Code::NOT_FOUND, "no such key"));
//! storage.expect_find().matching(|collection, tags| tags.len() == 1).returns(vec!["ada".to_owned()]).times(2);
//! storage.expect_write();
//! ```
//!
//! - An expectation is for one call, unless [`Expectation::times`] or [`Expectation::any_times`] says otherwise. A call
//!   is answered by the first one that fits and has not been met, in whichever order the calls come, unless the double
//!   is told `in_order`.
//! - A call that none fits panics where it is made, with what was called and what was expected.
//! - When the last clone of a double is dropped, it panics if an expectation was not met, or if a call that was not
//!   expected has panicked where the test could not see it, in a task; [`Double::verify`] does the same earlier. Neither
//!   does while a panic is under way.
//! - A session is answered by a [`Peer`]: a script that has the other halves of a channel in memory. It speaks the
//!   protocol as a server does, and needs a tokio runtime; nothing else here does. A script may go on when the caller
//!   has what it wanted: what it asserts then is seen by a test that waits for it, with [`Double::played`].
//!
//! Arguments are compared as they are encoded for the wire: no type has to be `PartialEq` or `Debug`.

mod book;
mod expectation;
mod items;
mod peer;

use std::{fmt, panic::Location, sync::Arc};

use serde::Serialize;

use self::book::{Answer, Book};
pub use self::{expectation::Expectation, items::Items, peer::Peer};
use crate::{
    connection::{
        channel::{DynReceiver, DynSender},
        halves::Duplex,
    },
    protocol::{error::Result, spec::ServiceSpec},
};

/// What a generated double is made of: the calls that a test expects of a service. Clones share it.
#[derive(Clone)]
pub struct Double(Arc<Book>);

impl Double {
    /// Returns the double of a service, of which nothing is expected yet.
    pub fn new(spec: &'static ServiceSpec) -> Self {
        Self(Arc::new(Book::new(spec)))
    }

    /// Has the calls come in the order of their expectations.
    pub fn in_order(&self) {
        self.0.in_order();
    }

    /// Expects a call of the method at this place of the table: with the arguments `A`, which `W` are read from, and
    /// answered by an `O`.
    #[track_caller]
    pub fn expect<A, W, O: 'static>(&self, method: usize) -> Expectation<A, W, O> {
        Expectation::new(self.0.clone(), self.0.expect(method, Location::caller()))
    }

    /// Answers a call.
    ///
    /// # Panics
    /// If the call is not expected.
    pub fn answer<O: 'static>(&self, method: usize, args: impl Serialize) -> O {
        self.answer_to(method, &self.0.encode(method, &args))
    }

    fn answer_to<O: 'static>(&self, method: usize, args: &bytes::Bytes) -> O {
        let answer = self.0.claim(method, args);
        let answer =
            answer.downcast_ref::<Answer<O>>().expect("expected with the type that it is called with");
        answer(args)
    }

    /// Opens a session whose other halves, an `R` and an `S`, are a [`Peer`]'s.
    ///
    /// # Panics
    /// If the call is not expected, or outside a tokio runtime.
    pub fn open<R, S, X, Y>(&self, method: usize, args: impl Serialize) -> Result<Duplex<X, Y>>
    where
        R: From<DynReceiver> + Send + 'static,
        S: From<DynSender> + Send + 'static,
        X: From<DynSender>,
        Y: From<DynReceiver>,
    {
        let args = self.0.encode(method, &args);
        let peer = self.answer_to::<Peer<R, S>>(method, &args);
        peer::open(&self.0, method, args, peer)
    }

    /// Waits until every script of a session has come to its end.
    pub async fn played(&self) {
        // The sender is here: it cannot be gone.
        let _ = self.0.playing().subscribe().wait_for(|count| *count == 0).await;
    }

    /// Fails the test unless everything that was expected has been called, and nothing else.
    ///
    /// # Panics
    /// If something was not called, or a call was not expected; both are forgotten then.
    pub fn verify(&self) {
        if let Some(text) = self.0.settle() {
            panic!("{text}");
        }
    }
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Double").field(&self.0.spec().name).finish()
    }
}
