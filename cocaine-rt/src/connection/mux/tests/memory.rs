//! The memory of a connection, and what it does while memory is scarce.

use super::*;
use crate::protocol::memory::{MemoryReservation, MemoryStage};

const STEP: usize = MemoryBudget::UNCOUNTED_BYTES;

/// Does what follows each access to the mux of a connection; returns what is counted in the budget then.
fn counted(mux: &mut Mux, memory: &MemoryBudget) -> usize {
    let queued = mux.output_len();
    let returned = mux.update_memory(queued);
    memory.subtract(returned);
    memory.used()
}

fn memory() -> MemoryBudget {
    MemoryBudget::new(64 * STEP)
}

fn chunk(channel: u64, bytes: usize) -> Vec<u8> {
    frame(channel, 0, &("x".repeat(bytes),))
}

fn client_with(memory: &MemoryBudget) -> Mux {
    Mux::new(Limits::default(), Role::Client, memory.clone())
}

fn stream(mux: &mut Mux) -> ChannelKey {
    open(mux, RecvState::Streaming, u64::MAX, None).unwrap()
}

/// A server whose answer of `bytes` bytes is queued.
fn answering(memory: &MemoryBudget, bytes: usize) -> Mux {
    let mut mux = server_with(Limits::default(), memory.clone());
    feed(&mut mux, frame(1, 0, &())).unwrap();
    let call = mux.begin().unwrap();
    mux.send(1, 0, &args(&("x".repeat(bytes),)), FrameHeaders::None).unwrap();
    mux.finish_invocation(1, call.cost, None);
    mux
}

#[test]
fn unread_messages_are_counted_until_they_are_read() {
    let memory = memory();
    let mut mux = client_with(&memory);
    let key = stream(&mut mux);
    feed(&mut mux, chunk(1, STEP / 2)).unwrap();
    assert_eq!(counted(&mut mux, &memory), 0, "little is not counted");
    feed(&mut mux, [chunk(1, STEP), chunk(1, 2 * STEP)].concat()).unwrap();
    assert_eq!(counted(&mut mux, &memory), 4 * STEP);
    assert_eq!(kinds(&mut mux, key), [0, 0, 0]);
    assert_eq!(counted(&mut mux, &memory), 0);
    feed(&mut mux, chunk(1, 2 * STEP)).unwrap();
    assert_eq!(counted(&mut mux, &memory), 3 * STEP);
    drop(mux);
    assert_eq!(memory.used(), 0);
}

#[test]
fn call_is_counted_from_frame_to_written_answer() {
    let memory = memory();
    let mut mux = server_with(Limits::default(), memory.clone());
    let reservation = memory.try_reserve(4 * STEP).unwrap();
    mux.set_input_bytes(4 * STEP, reservation);
    assert_eq!(counted(&mut mux, &memory), 4 * STEP);
    mux.set_input_bytes(0, MemoryReservation::default());
    feed(&mut mux, frame(1, 0, &("x".repeat(3 * STEP),))).unwrap();
    assert_eq!(counted(&mut mux, &memory), 4 * STEP, "it waits to begin");
    let call = mux.begin().unwrap();
    assert_eq!(counted(&mut mux, &memory), 4 * STEP, "it runs");
    mux.reserve_reply(1, memory.try_reserve(2 * STEP).unwrap());
    assert_eq!(counted(&mut mux, &memory), 6 * STEP, "so does its answer, which is loaded");
    mux.send(1, 0, &args(&("x".repeat(2 * STEP),)), FrameHeaders::None).unwrap();
    mux.finish_invocation(1, call.cost, None);
    assert_eq!(counted(&mut mux, &memory), 3 * STEP, "the answer alone");
    let mut output = Encoded::default();
    mux.take_output(&mut output);
    assert_eq!(counted(&mut mux, &memory), 3 * STEP, "it is written");
    mux.note_written();
    assert_eq!(counted(&mut mux, &memory), 0);
}

#[test]
fn scarcity_stops_reading_above_little_unread() {
    let memory = memory();
    let mut mux = client_with(&memory);
    let key = stream(&mut mux);
    feed(&mut mux, [chunk(1, STEP), chunk(1, STEP)].concat()).unwrap();
    counted(&mut mux, &memory);
    assert!(mux.wants_input());
    let used = memory.charge(60 * STEP);
    assert!(mux.wants_input(), "nothing has arrived since");
    feed(&mut mux, chunk(1, 10)).unwrap();
    assert!(!mux.wants_input());
    assert!(message(&mut mux, key).is_ready());
    assert!(!mux.wants_input());
    assert!(message(&mut mux, key).is_ready());
    assert!(mux.wants_input(), "its reader makes room");
    feed(&mut mux, [chunk(1, STEP), chunk(1, STEP)].concat()).unwrap();
    counted(&mut mux, &memory);
    assert!(!mux.wants_input());
    drop(used);
    assert!(mux.wants_input(), "so does anybody else");
}

#[test]
fn scarcity_holds_back_calls_of_unread_answers() {
    let memory = memory();
    let mut mux = answering(&memory, 2 * STEP);
    counted(&mut mux, &memory);
    let mut output = Encoded::default();
    mux.take_output(&mut output);
    let used = memory.charge(60 * STEP);
    feed(&mut mux, frame(2, 0, &())).unwrap();
    assert!(mux.begin().is_none(), "its client does not read");
    mux.note_written();
    assert!(mux.begin().is_some());
    drop(used);
    let mut small = server_with(Limits::default(), memory.clone());
    let _used = memory.charge(64 * STEP);
    feed(&mut small, frame(1, 0, &())).unwrap();
    assert!(small.wants_input() || small.begin().is_some(), "small calls go on");
}

#[test]
fn control_messages_pass_while_memory_is_scarce() {
    let memory = memory();
    let used = memory.charge(64 * STEP);
    let mut mux = server_with(Limits::default(), memory.clone());
    feed(&mut mux, frame(1, crate::protocol::graph::PING, &())).unwrap();
    assert!(mux.output_len() > 0);
    // A lock is lost while a slow reader keeps much.
    let mut client = client_with(&memory);
    let (slow, lock) = (stream(&mut client), stream(&mut client));
    client.forbid_pauses(lock);
    feed(&mut client, [chunk(1, STEP), chunk(1, STEP)].concat()).unwrap();
    counted(&mut client, &memory);
    feed(&mut client, [chunk(1, STEP), frame(2, 1, &((1, 2), "lost"))].concat()).unwrap();
    assert!(client.wants_input() && !client.can_await_room());
    assert_eq!(kinds(&mut client, lock), [1]);
    let error = failure(&mut client, slow);
    assert!(error.to_string().contains("on a connection that holds a lock"), "{error}");
    drop(used);
}

#[test]
fn senders_wait_above_little_output_while_scarce() {
    let memory = memory();
    let mut mux = answering(&memory, 2 * STEP);
    counted(&mut mux, &memory);
    assert!(mux.poll_room(Waker::noop()).is_ready());
    let used = memory.charge(60 * STEP);
    let (alarm, waker) = Alarm::new();
    assert!(mux.poll_room(&waker).is_pending());
    written(&mut mux);
    assert_eq!(alarm.rung(&mut mux), 1);
    assert!(mux.poll_room(&waker).is_ready());
    drop(used);
}

#[test]
fn answer_without_memory_is_not_admitted() {
    let memory = memory();
    let mut mux = server_with(Limits::default(), memory.clone());
    assert!(mux.admit_reply(1, 0, 10 * STEP));
    assert_eq!(counted(&mut mux, &memory), 10 * STEP);
    let _used = memory.charge(60 * STEP);
    assert!(mux.admit_reply(1, 0, 10 * STEP), "its memory is reserved");
    assert!(mux.admit_reply(2, 10 * STEP, 10 * STEP), "it takes the place of its arguments");
    assert!(mux.admit_reply(3, 0, 4 * STEP), "it is small");
    assert!(!mux.admit_reply(4, 0, 5 * STEP));
}

#[test]
fn largest_unread_channel_fails_while_memory_is_scarce() {
    let limits = Limits::default().stall_timeout(Duration::from_secs(6));
    let memory = memory();
    let mut mux = Mux::new(limits, Role::Client, memory.clone());
    let (small, large) = (stream(&mut mux), stream(&mut mux));
    feed(&mut mux, [chunk(1, 2 * STEP), chunk(2, 3 * STEP)].concat()).unwrap();
    counted(&mut mux, &memory);
    assert!(mux.has_deadlines(), "time has to be kept");
    mux.expire(100);
    let _used = memory.charge(60 * STEP);
    mux.expire(29);
    assert!(mux.unread_bytes > 5 * STEP, "both are kept");
    mux.expire(1);
    let error = failure(&mut mux, large);
    assert!(error.to_string().contains("`max_memory_bytes`"), "{error}");
    assert_eq!(kinds(&mut mux, small), [0]);
    counted(&mut mux, &memory);
    assert_eq!(memory.used(), 60 * STEP);
}

#[test]
fn frame_that_waits_counts_as_congestion() {
    let mut mux = client_with(&memory());
    mux.set_awaiting_room(true);
    mux.set_awaiting_room(true);
    assert_eq!((mux.congestion(), mux.wants_input()), ((1, true), false));
    mux.set_awaiting_room(false);
    assert_eq!((mux.congestion(), mux.wants_input()), ((1, false), true));
    assert_eq!(mux.memory_stage(), MemoryStage::Last);
}

#[test]
fn ended_connection_keeps_no_output() {
    let memory = memory();
    let mut mux = answering(&memory, 2 * STEP);
    feed(&mut mux, frame(2, 0, &("x".repeat(2 * STEP),))).unwrap();
    assert_eq!(counted(&mut mux, &memory), 5 * STEP);
    mux.close(&Error::disconnected("gone"));
    mux.discard_unsent();
    assert_eq!(counted(&mut mux, &memory), 0);
}
