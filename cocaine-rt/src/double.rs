//! Test doubles of services: they return the replies that a test has set, and fail the test on any other call. Feature
//! `doubles`.
//!
//! `cocaine-codegen --doubles-of crate::bindings` generates one for each service, around a [`Double`]. A test sets the
//! expected calls and their replies:
//!
//! ```text
//! let storage = StorageDouble::new();
//! storage.expect_read().with("greetings", "ada").returns("good day");
//! storage.expect_read().with("greetings", "bob").fails(Error::service(Code::NOT_FOUND, "no such key"));
//! storage.expect_find().matching(|collection, tags| tags.len() == 1).returns(vec!["ada".to_owned()]).times(2);
//! storage.expect_write();
//! ```
//!
//! - An expectation is for one call, unless [`Expectation::times`] or [`Expectation::any_times`] changes that. A call is
//!   answered by the first matching expectation that is not exhausted. Calls may come in any order, unless the double is
//!   set to `in_order`.
//! - A call that matches no expectation panics in the caller. The message has the call and the expectations.
//! - Dropping the last clone of a double panics if an expectation was not met, or if an unexpected call has panicked in a
//!   task, where the test may not see it. [`Double::verify`] checks the same earlier. Neither panics while the thread is
//!   already panicking.
//! - The other side of a session is a [`SessionScript`], at the other end of an in-memory connection. It runs on a server
//!   of the protocol, and is the only part that needs a tokio runtime. A script may outlive the caller's session. A test
//!   whose script asserts something waits for it with [`Double::wait_for_scripts`].
//!
//! Arguments are compared in their encoded form, so that their types need neither `PartialEq` nor `Debug`.

mod arguments;
mod expectation;
mod expectations;
mod item_stream;
mod session_script;

use std::{fmt, panic::Location, sync::Arc};

use serde::Serialize;

use self::{
    arguments::ArgumentEncoding,
    expectations::{AnswerFn, Expectations},
};
pub use self::{expectation::Expectation, item_stream::ItemStream, session_script::SessionScript};
use crate::{
    connection::{dyn_receiver::DynReceiver, dyn_sender::DynSender, halves::Duplex},
    protocol::{error::Result, spec::ServiceSpec},
};

/// The untyped core of a generated double: the calls that a test expects of a service. Clones share it.
#[derive(Clone)]
pub struct Double(Arc<Expectations>);

impl Double {
    /// Creates a double of a service, without expectations.
    pub fn new(spec: &'static ServiceSpec) -> Self {
        Self(Arc::new(Expectations::new(spec, ArgumentEncoding::Service)))
    }

    /// Creates a double of an app, without expectations. The methods of `spec` are its events.
    pub fn of_app(spec: &'static ServiceSpec) -> Self {
        Self(Arc::new(Expectations::new(spec, ArgumentEncoding::Event)))
    }

    /// Requires the calls to come in the order of their expectations.
    pub fn in_order(&self) {
        self.0.in_order();
    }

    /// Expects a call of the method with this index in the service's table. `A` are the arguments, `W` their owned form,
    /// and `O` is the type of the answer.
    #[track_caller]
    pub fn expect<A, W, O: 'static>(&self, method: usize) -> Expectation<A, W, O> {
        Expectation::new(self.0.clone(), self.0.expect(method, Location::caller()))
    }

    /// Answers a call.
    ///
    /// # Panics
    /// If the call is not expected.
    pub fn answer<O: 'static>(&self, method: usize, args: impl Serialize) -> O {
        self.answer_encoded(method, &self.0.encode_args(method, &args))
    }

    fn answer_encoded<O: 'static>(&self, method: usize, args: &bytes::Bytes) -> O {
        let answer = self.0.match_call(method, args);
        let answer =
            answer.downcast_ref::<AnswerFn<O>>().expect("expected with the type that it is called with");
        answer(args)
    }

    /// Opens a session with a [`SessionScript`], which gets the halves `R` and `S`.
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
        let args = self.0.encode_args(method, &args);
        let script = self.answer_encoded::<SessionScript<R, S>>(method, &args);
        session_script::open_session(&self.0, method, args, script)
    }

    /// Waits until all scripts have ended.
    pub async fn wait_for_scripts(&self) {
        // The wait fails only once the sender is dropped, which `self` owns.
        let _ = self.0.running_scripts().subscribe().wait_for(|count| *count == 0).await;
    }

    /// Fails the test unless all expectations are met and no other call was made.
    ///
    /// # Panics
    /// If an expectation is not met, or an unexpected call was made. Both are then cleared.
    pub fn verify(&self) {
        if let Some(text) = self.0.take_failures() {
            panic!("{text}");
        }
    }
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Double").field(&self.0.spec().name).finish()
    }
}
