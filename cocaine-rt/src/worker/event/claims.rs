//! Which arguments go together: each claims a part of its event, and no part is claimed twice.

use std::marker::PhantomData;

/// Nobody has claimed this part.
#[derive(Debug)]
pub struct Free;

/// An argument has claimed this part.
#[derive(Debug)]
pub struct Taken;

/// What the arguments have claimed so far: the chunk of values, the chunks that follow, the sending half.
#[derive(Debug)]
pub struct Claims<V, I, O>(PhantomData<(V, I, O)>);

/// A kind of argument that can follow those before it.
pub trait Follows<C> {
    /// What is claimed with it.
    type Claims;
}

/// Values, which may follow one another but not a `Session`.
#[diagnostic::on_unimplemented(
    message = "a `Session` is the whole event: no value goes beside it",
    label = "a value beside a `Session`",
    note = "take the first chunk from the session: `session.recv().await`"
)]
pub trait Values {}

impl Values for Free {}
impl Values for ValuesTaken {}

/// Values have been taken, and more may be.
#[derive(Debug)]
pub struct ValuesTaken;

/// SessionReceiver that nobody has claimed.
#[diagnostic::on_unimplemented(
    message = "an event has one `SessionReceiver`",
    label = "the receiving half is an argument already",
    note = "an event takes one `SessionReceiver`, and none beside a `Session`"
)]
pub trait FreeReceiver {}

impl FreeReceiver for Free {}

/// A sending half that nobody has claimed.
#[diagnostic::on_unimplemented(
    message = "an event has one `SessionSender`",
    label = "the sending half is an argument already",
    note = "an event takes one `SessionSender`, and none beside a `Session`"
)]
pub trait FreeSender {}

impl FreeSender for Free {}

/// An event of which nothing is claimed.
#[diagnostic::on_unimplemented(
    message = "a `Session` is the whole event: only a `Context` goes beside it",
    label = "a part of the session is taken already",
    note = "take either the `Session`, or values, a `SessionReceiver` and a `SessionSender`"
)]
pub trait Unclaimed {}

impl Unclaimed for Claims<Free, Free, Free> {}

/// What a handler may return whose arguments have claimed `C`.
#[diagnostic::on_unimplemented(
    message = "an event that takes a `SessionSender` or a `Session` sends its chunks through it and returns none",
    label = "must be `()` or `Result<()>`"
)]
pub trait Beside<C> {}

impl<T, V, I> Beside<Claims<V, I, Free>> for T {}
impl<V, I> Beside<Claims<V, I, Taken>> for () {}
