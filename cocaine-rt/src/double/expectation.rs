//! What a test says of one call.
#![allow(clippy::return_self_not_must_use, reason = "the double keeps what it is told")]

use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Items, Peer,
    book::{Answer, Book, Fits, decode},
};
use crate::{
    connection::{
        guard::Guard,
        halves::{Receiver, Sender},
    },
    protocol::{
        args::Args,
        error::{Error, Result},
    },
};

/// A call that a test expects: with the arguments `A`, of which closures take the owned `W`, and answered by an `O`.
///
/// It is for one call, with any arguments, unless it is told otherwise. `O` is a `Result` for what is answered once,
/// [`Items`] for a stream, and a [`Peer`] for a session.
pub struct Expectation<A, W, O> {
    book: Arc<Book>,
    rule: usize,
    types: PhantomData<fn(A, W) -> O>,
}

impl<A, W, O: 'static> Expectation<A, W, O> {
    pub(super) fn new(book: Arc<Book>, rule: usize) -> Self {
        Self { book, rule, types: PhantomData }
    }

    /// Expects the call exactly so often; with 0, not at all.
    pub fn times(self, count: usize) -> Self {
        self.book.change(self.rule, |rule| rule.times = Some(count));
        self
    }

    /// Allows the call any number of times, or none.
    pub fn any_times(self) -> Self {
        self.book.change(self.rule, |rule| rule.times = None);
        self
    }

    fn only(self, fits: Fits) -> Self {
        self.book.change(self.rule, |rule| rule.fits = fits);
        self
    }

    fn exactly(self, args: &impl Serialize) -> Self {
        let args = self.book.encode(self.book.method_of(self.rule), args);
        self.only(Fits::Exactly(args))
    }

    fn when(self, holds: impl Fn(&bytes::Bytes) -> bool + Send + Sync + 'static) -> Self {
        self.only(Fits::If(Arc::new(holds)))
    }

    fn by(self, answer: impl Fn(&bytes::Bytes) -> O + Send + Sync + 'static) -> Self {
        let answer: Answer<O> = Box::new(answer);
        self.book.change(self.rule, |rule| rule.answer = Some(Arc::new(answer)));
        self
    }
}

/// What is answered once.
impl<A, W, T: 'static> Expectation<A, W, Result<T>> {
    /// Answers with this, each time.
    pub fn returns(self, value: impl Into<T>) -> Self
    where
        T: Clone + Send + Sync,
    {
        let value = value.into();
        self.by(move |_| Ok(value.clone()))
    }

    /// Fails with this, each time. It is what the caller gets, whether a service could say it or not.
    pub fn fails(self, error: Error) -> Self {
        self.by(move |_| Err(error.clone()))
    }
}

/// What is held until the caller lets go.
impl<A, W> Expectation<A, W, Result<Guard>> {
    /// Holds it, each time.
    pub fn holds(self) -> Self {
        self.by(|_| Ok(Guard::new(())))
    }
}

/// A stream.
impl<A, W, T> Expectation<A, W, Items<T>>
where
    T: Clone + Send + Sync + Unpin + 'static,
{
    /// Answers with these items and the end of the stream.
    pub fn streams(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.by(move |_| Items::of(items.clone()))
    }

    /// Answers with these items and an error.
    pub fn streams_then_fails(self, items: impl IntoIterator<Item: Into<T>>, error: Error) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.by(move |_| Items::of(items.clone()).then_fails(error.clone()))
    }

    /// Answers with these items, and the stream goes on for ever without another.
    pub fn streams_then_waits(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.by(move |_| Items::of(items.clone()).then_waits())
    }

    /// Fails at once.
    pub fn fails(self, error: Error) -> Self {
        self.by(move |_| Items::of([]).then_fails(error.clone()))
    }
}

/// A session.
impl<A, W, R: 'static, S: 'static> Expectation<A, W, Peer<R, S>> {
    /// Answers as this script does, which gets what the caller sends and what answers it.
    pub fn plays<F>(self, script: impl Fn(R, S) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let script = Arc::new(script);
        self.by(move |_| {
            let script = script.clone();
            Peer::plays(move |input, output| script(input, output))
        })
    }

    /// Does not open the session.
    pub fn fails(self, error: Error) -> Self {
        self.by(move |_| Peer::fails(error.clone()))
    }
}

/// A session in which both sides send streams: what the caller sends is read, and not looked at.
impl<A, W, I, T> Expectation<A, W, Peer<Receiver<I>, Sender<T>>>
where
    I: DeserializeOwned + Send + 'static,
    T: Serialize + Clone + Send + Sync + Unpin + 'static,
{
    /// Answers with these items and the end of the stream.
    pub fn streams(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.by(move |_| Peer::streams(Items::of(items.clone())))
    }

    /// Answers with these items and an error.
    pub fn streams_then_fails(self, items: impl IntoIterator<Item: Into<T>>, error: Error) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.by(move |_| Peer::streams(Items::of(items.clone()).then_fails(error.clone())))
    }

    /// Answers with these items, and the stream goes on for ever without another.
    pub fn streams_then_waits(self, items: impl IntoIterator<Item: Into<T>>) -> Self {
        let items: Vec<T> = items.into_iter().map(Into::into).collect();
        self.by(move |_| Peer::streams(Items::of(items.clone()).then_waits()))
    }
}

/// A call without arguments.
impl<O: 'static> Expectation<(), (), O> {
    /// Answers with what `answer` returns.
    pub fn answers(self, answer: impl Fn() -> O + Send + Sync + 'static) -> Self {
        self.by(move |_| answer())
    }
}

/// A call whose arguments nobody describes.
impl<O: 'static> Expectation<Args, Args, O> {
    /// Expects the call with exactly these arguments.
    #[allow(clippy::needless_pass_by_value, reason = "the call passes them by value too")]
    pub fn with(self, args: Args) -> Self {
        self.exactly(&args)
    }

    /// Expects the call only with arguments for which this holds.
    pub fn matching(self, holds: impl Fn(Args) -> bool + Send + Sync + 'static) -> Self {
        self.when(move |args| holds(decode(args)))
    }

    /// Answers with what `answer` makes of the arguments.
    pub fn answers(self, answer: impl Fn(Args) -> O + Send + Sync + 'static) -> Self {
        self.by(move |args| answer(decode(args)))
    }
}

/// As many arguments as serde's tuples can have.
macro_rules! arguments {
    ($($arg:ident: $given:ident $owned:ident),+) => {
        impl<$($given: Serialize, $owned: DeserializeOwned,)+ O: 'static>
            Expectation<($($given,)+), ($($owned,)+), O>
        {
            /// Expects the call with exactly these arguments.
            #[allow(clippy::too_many_arguments)]
            pub fn with(self, $($arg: $given),+) -> Self {
                self.exactly(&($($arg,)+))
            }

            /// Expects the call only with arguments for which this holds.
            pub fn matching(self, holds: impl Fn($($owned),+) -> bool + Send + Sync + 'static) -> Self {
                self.when(move |args| {
                    let ($($arg,)+) = decode::<($($owned,)+)>(args);
                    holds($($arg),+)
                })
            }

            /// Answers with what `answer` makes of the arguments.
            pub fn answers(self, answer: impl Fn($($owned),+) -> O + Send + Sync + 'static) -> Self {
                self.by(move |args| {
                    let ($($arg,)+) = decode::<($($owned,)+)>(args);
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
        f.debug_struct("Expectation").field("service", &self.book.spec().name).finish_non_exhaustive()
    }
}
