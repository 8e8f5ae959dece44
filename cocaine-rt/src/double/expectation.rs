//! The builder of one expectation.
#![allow(clippy::return_self_not_must_use, reason = "the double stores the expectation")]

use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    ItemStream, SessionScript,
    expectations::{AnswerFn, ArgumentMatcher, Expectations},
};
use crate::{
    client::event::halves::{EventReceiver, EventSender},
    connection::{
        guard::Guard,
        halves::{Receiver, Sender},
    },
    protocol::{
        args::Args,
        error::{Error, Result},
    },
};

/// An expected call with the arguments `A`, their owned form `W`, and an answer of type `O`.
///
/// By default it is for one call with any arguments. `O` is a `Result` for a method with one reply, an [`ItemStream`] for
/// a stream, and a [`SessionScript`] for a session.
pub struct Expectation<A, W, O> {
    expectations: Arc<Expectations>,
    index: usize,
    types: PhantomData<fn(A, W) -> O>,
}

impl<A, W, O: 'static> Expectation<A, W, O> {
    pub(super) fn new(expectations: Arc<Expectations>, index: usize) -> Self {
        Self { expectations, index, types: PhantomData }
    }

    /// Expects exactly `count` calls. With 0, any call fails the test.
    pub fn times(self, count: usize) -> Self {
        self.expectations.change(self.index, |expected| expected.times = Some(count));
        self
    }

    /// Allows any number of calls, including none.
    pub fn any_times(self) -> Self {
        self.expectations.change(self.index, |expected| expected.times = None);
        self
    }

    fn with_matcher(self, matcher: ArgumentMatcher) -> Self {
        self.expectations.change(self.index, |expected| expected.matcher = matcher);
        self
    }

    fn with_args(self, args: &impl Serialize) -> Self {
        let args = self.expectations.encode_args(self.expectations.expected_method(self.index), args);
        self.with_matcher(ArgumentMatcher::Equal(args))
    }

    fn with_predicate(self, predicate: impl Fn(&bytes::Bytes) -> bool + Send + Sync + 'static) -> Self {
        self.with_matcher(ArgumentMatcher::Predicate(Arc::new(predicate)))
    }

    /// Returns the function that decodes arguments for the closures of the test.
    fn decoder<T: DeserializeOwned>(
        &self,
    ) -> impl Fn(&bytes::Bytes) -> T + Send + Sync + 'static + use<A, W, O, T> {
        let encoding = self.expectations.encoding();
        move |args| encoding.decode(args)
    }

    fn answer_with(self, answer: impl Fn(&bytes::Bytes) -> O + Send + Sync + 'static) -> Self {
        let answer: AnswerFn<O> = Box::new(answer);
        self.expectations.change(self.index, |expected| expected.answer = Some(Arc::new(answer)));
        self
    }
}

/// A method with one reply.
impl<A, W, T: 'static, E: 'static> Expectation<A, W, Result<T, E>> {
    /// Returns `value` from each call.
    pub fn returns(self, value: impl Into<T>) -> Self
    where
        T: Clone + Send + Sync,
    {
        let value = value.into();
        self.answer_with(move |_| Ok(value.clone()))
    }

    /// Fails each call with `error`. The caller receives it unchanged, even if a service could not send it.
    pub fn fails(self, error: E) -> Self
    where
        E: Clone + Send + Sync,
    {
        self.answer_with(move |_| Err(error.clone()))
    }
}

/// A method whose effect lasts until the caller drops a guard.
impl<A, W> Expectation<A, W, Result<Guard>> {
    /// Returns a new guard for each call.
    pub fn returns_guard(self) -> Self {
        self.answer_with(|_| Ok(Guard::new(())))
    }
}

/// A stream.
impl<A, W, T, E> Expectation<A, W, ItemStream<T, E>>
where
    T: Clone + Send + Sync + Unpin + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Sends `items` and ends the stream.
    pub fn streams(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.answer_with(move |_| ItemStream::from_items(items.clone()))
    }

    /// Sends `items` and ends the stream with an error.
    pub fn streams_then_fails(self, items: impl IntoIterator<Item: Into<T>>, error: E) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.answer_with(move |_| ItemStream::from_items(items.clone()).then_fails(error.clone()))
    }

    /// Sends `items` and leaves the stream open.
    pub fn streams_then_waits(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.answer_with(move |_| ItemStream::from_items(items.clone()).then_waits())
    }

    /// Fails at once.
    pub fn fails(self, error: E) -> Self {
        self.answer_with(move |_| ItemStream::from_items([]).then_fails(error.clone()))
    }
}

/// A session with a script.
impl<A, W, R: 'static, S: 'static> Expectation<A, W, SessionScript<R, S>> {
    /// Runs a script for each session. It gets the half that receives from the caller, and the half that sends to it.
    pub fn runs<F>(self, script: impl Fn(R, S) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let script = Arc::new(script);
        self.answer_with(move |_| {
            let script = script.clone();
            SessionScript::new(move |input, output| script(input, output))
        })
    }

    /// Fails to open the session.
    pub fn fails(self, error: Error) -> Self {
        self.answer_with(move |_| SessionScript::failed(error.clone()))
    }
}

/// A session in which both sides send streams. The items of the caller are discarded.
impl<A, W, I, T> Expectation<A, W, SessionScript<Receiver<I>, Sender<T>>>
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize + Clone + Send + Sync + Unpin + 'static,
{
    /// Sends `items` and ends the stream.
    pub fn streams(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.answer_with(move |_| SessionScript::streaming(ItemStream::from_items(items.clone())))
    }

    /// Sends `items` and ends the stream with an error.
    pub fn streams_then_fails(self, items: impl IntoIterator<Item: Into<T>>, error: Error) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.answer_with(move |_| {
            SessionScript::streaming(ItemStream::from_items(items.clone()).then_fails(error.clone()))
        })
    }

    /// Sends `items` and leaves the stream open.
    pub fn streams_then_waits(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.answer_with(move |_| {
            SessionScript::streaming(ItemStream::from_items(items.clone()).then_waits())
        })
    }
}

/// An event of an app that reads a stream. The chunks of the caller are discarded.
impl<A, W, I, T> Expectation<A, W, SessionScript<EventReceiver<I>, EventSender<T>>>
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize + Clone + Send + Sync + Unpin + 'static,
{
    /// Replies with `value` once the caller has ended its stream.
    pub fn replies(self, value: impl Into<T>) -> Self {
        self.streams([value.into()])
    }

    /// Sends `items` once the caller has ended its stream, and ends the answer.
    pub fn streams(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.answer_with(move |_| SessionScript::answering(items.clone()))
    }
}

/// A call without arguments.
impl<O: 'static> Expectation<(), (), O> {
    /// Answers each call with the result of `answer`.
    pub fn answers(self, answer: impl Fn() -> O + Send + Sync + 'static) -> Self {
        self.answer_with(move |_| answer())
    }
}

/// A method whose arguments have no schema.
impl<O: 'static> Expectation<Args, Args, O> {
    /// Expects the call with exactly these arguments.
    #[allow(clippy::needless_pass_by_value, reason = "the call passes them by value too")]
    pub fn with(self, args: Args) -> Self {
        self.with_args(&args)
    }

    /// Expects the call with arguments that satisfy a predicate.
    pub fn matching(self, predicate: impl Fn(Args) -> bool + Send + Sync + 'static) -> Self {
        let decode = self.decoder();
        self.with_predicate(move |args| predicate(decode(args)))
    }

    /// Answers each call with the result of `answer` for its arguments.
    pub fn answers(self, answer: impl Fn(Args) -> O + Send + Sync + 'static) -> Self {
        let decode = self.decoder();
        self.answer_with(move |args| answer(decode(args)))
    }
}

/// Implemented for up to 16 arguments, the longest tuples that serde supports.
macro_rules! arguments {
    ($($arg:ident: $given:ident $owned:ident),+) => {
        impl<$($given: Serialize, $owned: DeserializeOwned,)+ O: 'static>
            Expectation<($($given,)+), ($($owned,)+), O>
        {
            /// Expects the call with exactly these arguments.
            #[allow(clippy::too_many_arguments)]
            pub fn with(self, $($arg: $given),+) -> Self {
                self.with_args(&($($arg,)+))
            }

            /// Expects the call with arguments that satisfy a predicate.
            pub fn matching(self, predicate: impl Fn($($owned),+) -> bool + Send + Sync + 'static) -> Self {
                let decode = self.decoder::<($($owned,)+)>();
                self.with_predicate(move |args| {
                    let ($($arg,)+) = decode(args);
                    predicate($($arg),+)
                })
            }

            /// Answers each call with the result of `answer` for its arguments.
            pub fn answers(self, answer: impl Fn($($owned),+) -> O + Send + Sync + 'static) -> Self {
                let decode = self.decoder::<($($owned,)+)>();
                self.answer_with(move |args| {
                    let ($($arg,)+) = decode(args);
                    answer($($arg),+)
                })
            }
        }
    };
}

macro_rules! all_arguments {
    ([$($done:tt)*]) => {};
    ([$($done:tt)*] ($($next:tt)*) $($rest:tt)*) => {
        arguments!($($done)* $($next)*);
        all_arguments!([$($done)* $($next)*,] $($rest)*);
    };
}

all_arguments!(
    [] (a: A V) (b: B W) (c: C X) (d: D Y) (e: E Z) (f: F V6) (g: G V7) (h: H V8) (i: I V9) (j: J V10)
    (k: K V11) (l: L V12) (m: M V13) (n: N V14) (o: P V15) (p: Q V16)
);

impl<A, W, O> fmt::Debug for Expectation<A, W, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("service", &self.expectations.spec().name).finish_non_exhaustive()
    }
}
