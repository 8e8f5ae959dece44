//! Which arguments can be combined: each claims a part of its session, and no part is claimed twice.

use std::marker::PhantomData;

/// No argument has claimed this part.
#[derive(Debug)]
pub struct Available;

/// An argument has claimed this part.
#[derive(Debug)]
pub struct Claimed;

/// What the arguments have claimed so far: the values of the first chunk, the receiving half, the sending half.
#[derive(Debug)]
pub struct Claims<V, I, O>(PhantomData<(V, I, O)>);

/// An extractor whose argument can follow others that have claimed `C`.
pub trait ClaimParts<C> {
    /// The claims that include its own.
    type Claims;
}

/// Values, which may follow one another but not a `Session`.
#[diagnostic::on_unimplemented(
    message = "a `Session` is the whole event and cannot be combined with a value",
    label = "a value beside a `Session`",
    note = "take the first chunk from the session: `session.recv().await`"
)]
pub trait AllowsValues {}

impl AllowsValues for Available {}
impl AllowsValues for ValuesClaimed {}

/// Arguments have claimed values of the first chunk; more values may follow.
#[derive(Debug)]
pub struct ValuesClaimed;

/// The receiving half is available.
#[diagnostic::on_unimplemented(
    message = "an event has one `SessionReceiver`",
    label = "the receiving half is already an argument",
    note = "an event takes one `SessionReceiver`, and none beside a `Session`"
)]
pub trait AllowsReceiver {}

impl AllowsReceiver for Available {}

/// The sending half is available.
#[diagnostic::on_unimplemented(
    message = "an event has one `SessionSender`",
    label = "the sending half is already an argument",
    note = "an event takes one `SessionSender`, and none beside a `Session`"
)]
pub trait AllowsSender {}

impl AllowsSender for Available {}

/// Nothing is claimed.
#[diagnostic::on_unimplemented(
    message = "a `Session` is the whole event and can only be combined with a `Context`",
    label = "a part of the session is already taken",
    note = "take either the `Session`, or values, a `SessionReceiver` and a `SessionSender`"
)]
pub trait AllowsSession {}

impl AllowsSession for Claims<Available, Available, Available> {}

/// A return value of a handler whose arguments have claimed `C`.
#[diagnostic::on_unimplemented(
    message = "an event that takes a `SessionSender` or a `Session` sends its chunks through it and returns nothing",
    label = "must be `()` or `Result<()>`"
)]
pub trait AllowedReply<C> {}

impl<T, V, I> AllowedReply<Claims<V, I, Available>> for T {}
impl<V, I> AllowedReply<Claims<V, I, Claimed>> for () {}
