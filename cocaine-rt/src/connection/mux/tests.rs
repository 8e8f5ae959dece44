use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::{Poll, Wake},
};

use super::*;
use crate::{
    protocol::{
        code::{Category, Code},
        graph::{Edge, Graph, Method, Tree, TreeNode},
    },
    wire::{encode, frame, scan::Scanner},
};

/// Counts how often it is woken.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Alarm {
    fn new() -> (Arc<Self>, Waker) {
        let alarm = Arc::new(Self::default());
        (alarm.clone(), alarm.into())
    }

    /// Returns how often it was woken, once those that are due in `mux` are.
    fn rung(&self, mux: &mut Mux) -> usize {
        mux.wakers().drain(..).for_each(Waker::wake);
        self.0.load(Ordering::Relaxed)
    }
}

const SMALL: Limits = Limits {
    max_frame_bytes: 1 << 20,
    max_unread_bytes: 1000,
    max_queued_bytes: 100,
    max_invocations: 2,
    max_channels: 3,
    max_in_use_bytes: 2000,
    max_decoded_bytes: 1 << 20,
};

/// What an invocation without arguments takes.
fn cost(is_long_lived: bool) -> InvocationCost {
    let args = ::bytes::Bytes::from_static(&[0x90]);
    InvocationCost {
        is_long_lived,
        bytes: Message { kind: 0, args, headers: crate::wire::headers::Headers::default() }.weight(),
    }
}

fn client() -> Mux {
    Mux::new(Limits::default(), Role::Client)
}

/// Serves `read` (0, one answer), `watch` (1, a stream), `pipe` (2, streams both ways), `note` (3, mute), `lock`
/// (4, until `discard`), `get` (5, one answer) and `subscribe` (6, a stream), both until `close`, and `root` (7, one
/// answer), whose tree recurs at its root.
fn server(limits: Limits) -> Mux {
    let until = |name: &str| {
        let last = Edge { id: 0, name: name.into(), next: Tree::end() };
        Tree::Node(Arc::new(TreeNode::new([last])))
    };
    let methods = [
        (0, "read", Tree::end(), Tree::primitive()),
        (1, "watch", Tree::end(), Tree::streaming()),
        (2, "pipe", Tree::streaming(), Tree::streaming()),
        (3, "note", Tree::end(), Tree::end()),
        (4, "lock", until("discard"), Tree::primitive()),
        (5, "get", until("close"), Tree::primitive()),
        (6, "subscribe", until("close"), Tree::streaming()),
        (7, "root", Tree::Recurse, Tree::primitive()),
    ];
    let methods = methods.map(|(id, name, dispatch, upstream)| {
        let name = name.into();
        Method { id, name, dispatch, upstream }
    });
    Mux::new(limits, Role::Server(Arc::new(RootProtocol::new(&Graph::new(methods).with_controls()))))
}

fn args<T: serde::Serialize>(value: &T) -> Encoded {
    let mut encoded = Encoded::default();
    encode::args(value, &mut encoded).unwrap();
    encoded
}

/// Returns a frame as a peer writes it.
fn frame<T: serde::Serialize>(channel: u64, kind: u64, value: &T) -> Vec<u8> {
    let mut out = Encoded::default();
    frame::write(&mut out, channel, kind, &args(value), FrameHeaders::None);
    out.flatten()
}

fn feed(mux: &mut Mux, bytes: impl Into<Vec<u8>>) -> Result<(), Violation> {
    let batch = bytes::Bytes::from(bytes.into());
    let (mut scanner, mut start) = (Scanner::new(1 << 20), 0);
    while let Some(extent) = scanner.frame(&batch[start..]).unwrap() {
        mux.receive(&batch, start, &extent)?;
        start += extent.len;
    }
    Ok(())
}

fn open(
    mux: &mut Mux,
    recv_state: RecvState,
    ticks: u64,
    reader: Option<Waker>,
) -> Result<ChannelKey, Error> {
    mux.open(NewChannel {
        method: 0,
        args: &args(&()),
        headers: FrameHeaders::None,
        recv_state,
        ticks,
        reader,
    })
}

fn call(mux: &mut Mux) -> ChannelKey {
    open(mux, RecvState::Primitive, u64::MAX, None).unwrap()
}

fn written(mux: &mut Mux) -> Vec<u8> {
    let mut output = Encoded::default();
    mux.take_output(&mut output);
    mux.note_written();
    output.flatten()
}

fn message(mux: &mut Mux, key: ChannelKey) -> Poll<Option<Result<Message, Error>>> {
    mux.poll_message(key, Waker::noop())
}

fn kinds(mux: &mut Mux, key: ChannelKey) -> Vec<u64> {
    let mut kinds = Vec::new();
    while let Poll::Ready(Some(Ok(message))) = message(mux, key) {
        kinds.push(message.kind);
    }
    kinds
}

fn failure(mux: &mut Mux, key: ChannelKey) -> Error {
    match message(mux, key) {
        Poll::Ready(Some(Err(error))) => error,
        other => panic!("not an error: {other:?}"),
    }
}

fn peers(id: u64) -> ChannelKey {
    ChannelKey { id, own: false }
}

#[test]
fn ids_rise_and_skip_occupied_slots() {
    let mut mux = client();
    let first = call(&mut mux);
    for _ in 0..63 {
        let key = call(&mut mux);
        mux.release_receiver(key);
    }
    assert_eq!((first.id, call(&mut mux).id), (1, 66), "65 would take the place of 1");
}

#[test]
fn call_without_answer_takes_no_slot() {
    let mut mux = client();
    open(&mut mux, RecvState::Ended, u64::MAX, None).unwrap();
    assert_eq!((mux.in_flight(), call(&mut mux).id), (0, 2));
}

#[test]
fn reply_wakes_caller_and_ends_call() {
    let mut mux = client();
    let (alarm, waker) = Alarm::new();
    let key = open(&mut mux, RecvState::Primitive, 5, Some(waker)).unwrap();
    assert!(mux.poll_reply(key, Waker::noop()).is_pending());
    let (late, waker) = Alarm::new();
    assert!(mux.poll_reply(key, &waker).is_pending());
    feed(&mut mux, frame(1, 0, &"x")).unwrap();
    assert_eq!((alarm.rung(&mut mux), late.rung(&mut mux)), (0, 1), "the last waker is the one that counts");
    let Poll::Ready(Ok(reply)) = mux.poll_reply(key, Waker::noop()) else { panic!("no reply") };
    assert_eq!((reply.kind, &*reply.args), (0, b"\x91\xa1x".as_slice()));
    assert_eq!((mux.in_flight(), mux.has_deadlines()), (0, false));
}

#[test]
fn the_second_answer_to_one_call_is_dropped() {
    let mut mux = client();
    let key = call(&mut mux);
    feed(&mut mux, [frame(1, 0, &1), frame(1, 0, &2), frame(1, 1, &3)].concat()).unwrap();
    assert_eq!(kinds(&mut mux, key), [0]);
    assert!(matches!(message(&mut mux, key), Poll::Ready(None)));
}

#[test]
fn what_arrives_for_a_forgotten_call_is_dropped() {
    let mut mux = client();
    let key = call(&mut mux);
    mux.release_receiver(key);
    feed(&mut mux, [frame(1, 0, &1), frame(7, 9, &1)].concat()).unwrap();
    let next = call(&mut mux);
    assert!(message(&mut mux, next).is_pending());
    assert!(matches!(mux.poll_reply(key, Waker::noop()), Poll::Ready(Err(_))), "the call is gone");
}

#[test]
fn forbidden_message_fails_its_channel_alone() {
    let mut mux = client();
    let (one, two) = (call(&mut mux), call(&mut mux));
    feed(&mut mux, [frame(1, 2, &()), frame(2, 0, &())].concat()).unwrap();
    let error = failure(&mut mux, one).to_string();
    assert!(error.contains("message 2 is not allowed on channel 1"), "{error}");
    assert_eq!(kinds(&mut mux, two), [0]);
}

#[test]
fn stream_ends_with_error_or_close() {
    for last in [1, 2] {
        let mut mux = client();
        let key = open(&mut mux, RecvState::Streaming, u64::MAX, None).unwrap();
        let frames = [0, 0, last, 0].map(|kind| frame(1, kind, &()));
        feed(&mut mux, frames.concat()).unwrap();
        assert_eq!(kinds(&mut mux, key), [0, 0, last]);
        assert!(matches!(message(&mut mux, key), Poll::Ready(None)));
    }
}

#[test]
fn forbidden_message_ends_connection_of_server() {
    for (frames, text) in [
        (vec![frame(0, 0, &())], "channel 0 is not above"),
        (vec![frame(5, 0, &()), frame(4, 0, &())], "channel 4 is not above"),
        (vec![frame(5, 0, &()), frame(5, 0, &())], "channel 5 is not above"),
        (vec![frame(1, 9, &())], "no method has the id 9"),
        (vec![frame(1, 65532, &())], "no method has the id 65532"),
        (vec![frame(1, 65534, &())], "no method has the id 65534"),
        (vec![frame(1, 2, &()), frame(1, 3, &())], "message 3 is not allowed on channel 1"),
        (vec![frame(1, 2, &()), frame(1, 65533, &())], "message 65533 is not allowed on channel 1"),
        (vec![frame(1, 2, &()), frame(1, 2, &()), frame(1, 0, &())], "channel 1 is not above"),
        (vec![frame(1, 4, &()), frame(1, 0, &()), frame(1, 0, &())], "channel 1 is not above"),
        (vec![frame(1, 1, &()), frame(1, 0, &())], "channel 1 is not above"),
        (vec![frame(1, 65535, &())], "revoke: "),
        (vec![frame(1, 65535, &(1, 2))], "revoke: "),
    ] {
        let mut mux = server(Limits::default());
        let violation = feed(&mut mux, frames.concat()).unwrap_err();
        assert!(violation.text.contains(text), "{violation:?} instead of {text}");
    }
}

#[test]
fn headers_that_are_not_valid_end_the_connection() {
    let long = b"\x94\x01\x00\x90\x93\x93\xc2\x50\xa9123456789\x51\x52";
    let rootless = b"\x94\x01\x00\x90\x93\x50\x93\xc2\x51\xa812345678\x52";
    for headers in [long.as_slice(), rootless, b"\x94\x01\x00\x90\x91\x00", b"\x94\x01\x00\x90\x91\xcc\x90"] {
        assert!(feed(&mut server(Limits::default()), headers).is_err(), "{headers:x?}");
    }
}

#[test]
fn gaps_between_a_clients_ids_are_legal() {
    let mut mux = server(Limits::default());
    feed(&mut mux, [frame(7, 0, &()), frame(u64::MAX, 3, &())].concat()).unwrap();
    assert_eq!(mux.begin().map(|pending| pending.id), Some(7));
    assert_eq!(mux.begin().map(|pending| (pending.id, pending.method)), Some((u64::MAX, 3)));
}

#[test]
fn ping_and_revoke_replies_carry_the_trace() {
    let mut mux = server(Limits::default());
    let zeros = "93 93c2a874726163655f6964a80000000000000000 93c2a77370616e5f6964a80000000000000000 \
        93c2a9706172656e745f6964a80000000000000000";
    feed(&mut mux, frame(5, 65533, &())).unwrap();
    assert_eq!(
        test_support::hex::encode(&written(&mut mux)),
        format!("94 05 00 90 {zeros}").replace(' ', "")
    );
    feed(&mut mux, frame(6, 65535, &(4, (7, 4)))).unwrap();
    assert_eq!(
        test_support::hex::encode(&written(&mut mux)),
        format!("94 06 00 90 {zeros}").replace(' ', "")
    );
    feed(&mut mux, b"\x94\x07\xcd\xff\xfd\x90\x93\x93\xc2\x50\xa8\x07\0\0\0\0\0\0\0\x93\xc2\x51\xa8\x08\0\0\0\0\0\0\0\x52")
        .unwrap();
    let traced = zeros.replacen("a80000000000000000", "a80700000000000000", 1).replacen(
        "a80000000000000000",
        "a80800000000000000",
        1,
    );
    assert_eq!(
        test_support::hex::encode(&written(&mut mux)),
        format!("94 07 00 90 {traced}").replace(' ', "")
    );
}

#[test]
fn revoke_notifies_reader_and_sender() {
    let mut mux = server(Limits::default());
    feed(&mut mux, [frame(1, 2, &"event"), frame(1, 0, &"chunk")].concat()).unwrap();
    mux.begin().unwrap();
    let (reader, recv_state) = Alarm::new();
    let (sender, sends) = Alarm::new();
    assert_eq!(kinds(&mut mux, peers(1)), [0]);
    assert!(mux.poll_message(peers(1), &recv_state).is_pending());
    assert!(mux.poll_reset(peers(1), &sends).is_pending());
    feed(&mut mux, frame(2, 65535, &(1, (42, 7)))).unwrap();
    assert_eq!((reader.rung(&mut mux), sender.rung(&mut mux)), (1, 1));
    assert!(mux.poll_reset(peers(1), &sends).is_ready());
    let error = failure(&mut mux, peers(1));
    assert_eq!(error.code(), Some(Code::new(Category(42), 7)));
    assert!(matches!(message(&mut mux, peers(1)), Poll::Ready(None)));
    mux.release(peers(1));
    let after = feed(&mut mux, frame(1, 0, &"chunk")).unwrap_err();
    assert!(after.text.contains("channel 1 is not above"), "{after:?}");
}

#[test]
fn revoke_ignores_channel_with_ended_receiving_side() {
    let mut mux = server(Limits::default());
    feed(&mut mux, [frame(1, 1, &()), frame(2, 65535, &(1, (42, 7)))].concat()).unwrap();
    mux.begin().unwrap();
    assert!(mux.poll_reset(peers(1), Waker::noop()).is_pending(), "the original has freed it already");
}

#[test]
fn client_close_resets_the_channel() {
    let mut mux = server(Limits::default());
    let (alarm, waker) = Alarm::new();
    feed(&mut mux, frame(1, 6, &())).unwrap();
    let pending = mux.begin().unwrap();
    assert!(pending.cost.is_long_lived);
    assert!(mux.poll_reset(peers(1), &waker).is_pending());
    feed(&mut mux, frame(1, 0, &())).unwrap();
    assert_eq!(alarm.rung(&mut mux), 1);
    assert!(mux.poll_reset(peers(1), &waker).is_ready());
    mux.finish_invocation(1, pending.cost, None);
    assert!(mux.peers.is_empty());
    let again = feed(&mut mux, frame(1, 0, &())).unwrap_err();
    assert!(again.text.contains("channel 1 is not above"), "{again:?}");
}

#[test]
fn answered_call_stays_until_client_closes_it() {
    let mut mux = server(SMALL);
    for id in 1..=3 {
        feed(&mut mux, frame(id, 5, &())).unwrap();
        let pending = mux.begin().unwrap();
        assert!(!pending.cost.is_long_lived, "it counts among the calls");
        mux.finish_invocation(id, pending.cost, None);
    }
    assert_eq!(mux.peers.len(), 3);
    feed(&mut mux, frame(2, 0, &())).unwrap();
    assert_eq!(mux.peers.len(), 2);
    let other = feed(&mut mux, frame(1, 1, &())).unwrap_err();
    assert!(other.text.contains("message 1 is not allowed on channel 1"), "{other:?}");
    feed(&mut mux, frame(4, 5, &())).unwrap();
    let many = feed(&mut mux, frame(5, 5, &())).unwrap_err();
    assert!(many.text.contains("more than 3 channels are open"), "{many:?}");
}

#[test]
fn unread_overflow_fails_channel_and_frees_its_queue() {
    let mut mux = Mux::new(SMALL, Role::Client);
    let (alarm, waker) = Alarm::new();
    let full = open(&mut mux, RecvState::Streaming, u64::MAX, Some(waker)).unwrap();
    let other = open(&mut mux, RecvState::Streaming, u64::MAX, None).unwrap();
    let big = frame(1, 0, &"x".repeat(5000));
    feed(&mut mux, [&big[..], &frame(2, 0, &())].concat()).unwrap();
    assert_eq!(kinds(&mut mux, full), [0], "one frame fits, however large");
    feed(&mut mux, big.clone()).unwrap();
    let held = |mux: &mut Mux| mux.own.get(1).unwrap().unread_bytes();
    assert!(held(&mut mux) >= 5000);
    alarm.rung(&mut mux);
    mux.own.get(1).unwrap().reader = Some(Alarm::new().1);
    feed(&mut mux, frame(1, 0, &())).unwrap();
    assert_eq!(held(&mut mux), 0);
    assert!(matches!(failure(&mut mux, full).kind(), ErrorKind::LimitExceeded(_)));
    assert_eq!(kinds(&mut mux, other), [0]);
    feed(&mut mux, big).unwrap();
    assert_eq!(held(&mut mux), 0, "what comes later is not kept");
}

#[test]
fn what_ends_a_channel_is_never_too_much() {
    let big = frame(1, 0, &"x".repeat(5000));
    for (end, kind) in [(frame(1, 2, &()), 2), (frame(1, 1, &((42, 7), "on purpose")), 1)] {
        let mut mux = Mux::new(SMALL, Role::Client);
        let key = open(&mut mux, RecvState::Streaming, u64::MAX, None).unwrap();
        feed(&mut mux, [&big[..], &end].concat()).unwrap();
        assert_eq!(kinds(&mut mux, key), [0, kind]);
    }
}

#[test]
fn empty_messages_and_headers_count_as_unread_too() {
    let headers = [b"\x94\x01\x00\x90\x91\x93\xc2\xa1x\xda\x01\x00".as_slice(), &[b'v'; 256]].concat();
    for (bytes, fit) in [(frame(1, 0, &()), 15), (headers, 2)] {
        let mut mux = Mux::new(SMALL, Role::Client);
        let key = open(&mut mux, RecvState::Streaming, u64::MAX, None).unwrap();
        for _ in 0..fit {
            feed(&mut mux, bytes.clone()).unwrap();
        }
        assert!(!mux.own.get(1).unwrap().is_failed(), "{fit} fit");
        feed(&mut mux, bytes).unwrap();
        assert!(matches!(failure(&mut mux, key).kind(), ErrorKind::LimitExceeded(_)));
    }
}

#[test]
fn small_stream_messages_release_the_read_buffer() {
    let mut mux = client();
    let key = open(&mut mux, RecvState::Streaming, u64::MAX, None).unwrap();
    let batch = bytes::Bytes::from([frame(1, 0, &"x".repeat(100)), frame(1, 0, &"x".repeat(5000))].concat());
    let (mut scanner, mut start) = (Scanner::new(1 << 20), 0);
    while let Some(extent) = scanner.frame(&batch[start..]).unwrap() {
        mux.receive(&batch, start, &extent).unwrap();
        start += extent.len;
    }
    let within = |args: &bytes::Bytes| batch.as_ptr_range().contains(&args.as_ptr());
    let Poll::Ready(Some(Ok(small))) = message(&mut mux, key) else { panic!("no message") };
    let Poll::Ready(Some(Ok(large))) = message(&mut mux, key) else { panic!("no message") };
    assert_eq!((within(&small.args), within(&large.args)), (false, true));
}

#[test]
fn deadline_fails_call_exactly_at_its_tick() {
    let mut mux = client();
    mux.expire(1);
    let (alarm, waker) = Alarm::new();
    let key = open(&mut mux, RecvState::Primitive, 3, Some(waker)).unwrap();
    let other = open(&mut mux, RecvState::Primitive, u64::MAX, None).unwrap();
    assert!(mux.has_deadlines());
    for _ in 0..2 {
        mux.expire(1);
        assert_eq!(alarm.rung(&mut mux), 0);
        assert!(!mux.own.get(key.id).unwrap().is_failed());
    }
    mux.expire(1);
    assert_eq!(alarm.rung(&mut mux), 1);
    let Poll::Ready(Err(error)) = mux.poll_reply(key, Waker::noop()) else { panic!("in time") };
    assert!(matches!(error.kind(), ErrorKind::Deadline(_)));
    assert!(!mux.has_deadlines(), "the other call has none");
    assert!(message(&mut mux, other).is_pending());
}

#[test]
fn answer_before_deadline_is_still_read() {
    let mut mux = client();
    let key = open(&mut mux, RecvState::Primitive, 1, None).unwrap();
    feed(&mut mux, frame(1, 0, &())).unwrap();
    mux.expire(1);
    mux.expire(1);
    assert!(matches!(mux.poll_reply(key, Waker::noop()), Poll::Ready(Ok(_))));
}

#[test]
fn close_wakes_all_and_refuses_new_channels() {
    let mut mux = Mux::new(SMALL, Role::Client);
    let (alarm, waker) = Alarm::new();
    let answered = call(&mut mux);
    feed(&mut mux, frame(1, 0, &())).unwrap();
    let key = open(&mut mux, RecvState::Primitive, u64::MAX, Some(waker.clone())).unwrap();
    assert!(mux.poll_reset(key, &waker).is_pending());
    mux.send(2, 0, &args(&"x".repeat(200)), FrameHeaders::None).unwrap();
    assert!(mux.poll_room(&waker).is_pending());
    assert!(mux.poll_flushed(&waker).is_pending());
    mux.close(&Error::disconnected("cut"));
    mux.close(&Error::disconnected("cut again"));
    assert_eq!(alarm.rung(&mut mux), 4, "reader, sender, room and flush");
    assert_eq!(failure(&mut mux, key).to_string(), "connection lost: cut");
    assert_eq!(
        open(&mut mux, RecvState::Primitive, 1, None).unwrap_err().to_string(),
        "connection lost: cut"
    );
    assert!(mux.send(2, 0, &args(&()), FrameHeaders::None).is_err());
    assert!(mux.poll_room(&waker).is_ready());
    assert!(matches!(mux.poll_flushed(&waker), Poll::Ready(Err(_))));
    assert_eq!(kinds(&mut mux, answered), [0], "what had arrived is still read");
}

#[test]
fn taken_output_wakes_waiting_sender() {
    let mut mux = Mux::new(SMALL, Role::Client);
    let (alarm, waker) = Alarm::new();
    assert!(mux.poll_room(&waker).is_ready());
    mux.send(1, 0, &args(&"x".repeat(100)), FrameHeaders::None).unwrap();
    assert!(mux.poll_room(&waker).is_pending());
    assert!(mux.poll_room(&waker).is_pending());
    assert_eq!(mux.room_watchers.len(), 1, "who asks twice waits once");
    let mut output = Encoded::default();
    mux.take_output(&mut output);
    assert_eq!(alarm.rung(&mut mux), 1);
    assert!(mux.poll_room(&waker).is_ready());
    assert!(mux.poll_flushed(&waker).is_pending(), "taken is not written");
    mux.note_written();
    assert_eq!(alarm.rung(&mut mux), 2);
    assert!(matches!(mux.poll_flushed(&waker), Poll::Ready(Ok(()))));
}

#[test]
fn invocations_above_limit_begin_later_in_order() {
    let mut mux = server(SMALL);
    feed(&mut mux, [1, 2, 3].map(|id| frame(id, 0, &())).concat()).unwrap();
    assert!(!mux.wants_input());
    assert_eq!(
        [mux.begin(), mux.begin()].map(|pending| pending.map(|pending| pending.id)),
        [Some(1), Some(2)]
    );
    assert!(mux.begin().is_none() && !mux.can_begin() && !mux.wants_input());
    mux.uncount(cost(false));
    assert!(mux.can_begin());
    assert_eq!(mux.begin().map(|pending| pending.id), Some(3));
    assert!(mux.wants_input());
}

#[test]
fn calls_above_argument_budget_wait_but_one_runs() {
    let mut mux = server(SMALL.max_queued_bytes(1 << 20).max_invocations(9));
    let large = "x".repeat(1500);
    feed(&mut mux, [1, 2].map(|id| frame(id, 0, &(&large,))).concat()).unwrap();
    let first = mux.begin().unwrap();
    assert!(mux.begin().is_none() && !mux.wants_input());
    mux.uncount(first.cost);
    let second = mux.begin().unwrap();
    assert!(second.cost.bytes > 1500 && mux.wants_input());
    feed(&mut mux, frame(3, 0, &("x".repeat(5000),))).unwrap();
    mux.uncount(second.cost);
    assert!(mux.begin().is_some(), "alone, even one above the limit runs");
}

#[test]
fn sessions_that_keep_too_much_end_the_connection() {
    let mut mux = server(SMALL.max_queued_bytes(1 << 20));
    let large = "x".repeat(1500);
    feed(&mut mux, frame(1, 2, &(&large,))).unwrap();
    let session = mux.begin().unwrap();
    let error = feed(&mut mux, frame(2, 2, &(&large,))).unwrap_err();
    assert!(error.text.contains("more than 2000 bytes are kept"), "{error:?}");
    mux.uncount(session.cost);
}

#[test]
fn total_unread_above_limit_ends_connection() {
    let mut mux = server(SMALL.max_channels(9).max_unread_bytes(1000));
    let open: Vec<_> = [1, 2, 3].map(|id| frame(id, 2, &())).concat();
    feed(&mut mux, open).unwrap();
    while mux.begin().is_some() {}
    feed(&mut mux, frame(1, 0, &("x".repeat(800),))).unwrap();
    feed(&mut mux, frame(2, 0, &("x".repeat(800),))).unwrap();
    let error = feed(&mut mux, frame(3, 0, &("x".repeat(800),))).unwrap_err();
    assert!(error.text.contains("more than 2000 bytes are kept"), "{error:?}");
}

#[test]
fn streams_and_sessions_do_not_count_as_invocations() {
    let mut mux = server(SMALL);
    let frames = [frame(1, 1, &()), frame(2, 2, &()), frame(3, 4, &()), frame(4, 0, &()), frame(5, 0, &())];
    feed(&mut mux, frames.concat()).unwrap();
    assert_eq!(std::iter::from_fn(|| mux.begin()).count(), 5);
    assert!(mux.wants_input());
    feed(&mut mux, frame(6, 0, &())).unwrap();
    mux.uncount(cost(true));
    assert!(!mux.can_begin(), "a stream that ends makes no room for a call");
    mux.uncount(cost(false));
    assert!(mux.can_begin());
}

#[test]
fn full_output_delays_invocations() {
    let mut mux = server(SMALL);
    mux.send(1, 0, &args(&"x".repeat(100)), FrameHeaders::None).unwrap();
    feed(&mut mux, frame(2, 0, &())).unwrap();
    assert!(mux.begin().is_none() && !mux.wants_input());
    written(&mut mux);
    assert!(mux.begin().is_some() && mux.wants_input());
}

#[test]
fn invocations_that_are_put_back_keep_their_order() {
    let mut mux = server(SMALL);
    feed(&mut mux, [1, 2, 3].map(|id| frame(id, 1, &())).concat()).unwrap();
    let taken: Vec<_> = std::iter::from_fn(|| mux.begin()).collect();
    mux.requeue(taken.into_iter().skip(1));
    assert_eq!(mux.in_flight(), 1);
    assert_eq!(std::iter::from_fn(|| mux.begin()).map(|pending| pending.id).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn channels_above_limit_end_connection() {
    let mut mux = server(SMALL);
    feed(&mut mux, [1, 2, 3].map(|id| frame(id, 2, &())).concat()).unwrap();
    feed(&mut mux, frame(4, 0, &())).unwrap();
    let violation = feed(&mut mux, frame(5, 1, &())).unwrap_err();
    assert!(violation.text.contains("more than 3 channels"), "{violation:?}");
}

#[test]
fn unread_channel_is_checked_and_freed_at_end() {
    let mut mux = server(Limits::default());
    feed(&mut mux, frame(1, 2, &())).unwrap();
    mux.begin().unwrap();
    mux.add_handle(peers(1));
    mux.release_receiver(peers(1));
    mux.release(peers(1));
    feed(&mut mux, frame(1, 0, &"x".repeat(1000))).unwrap();
    assert_eq!(mux.peers[&1].unread_bytes(), 0, "nothing is kept");
    assert!(feed(&mut mux, frame(1, 7, &())).is_err());
    feed(&mut mux, frame(1, 2, &())).unwrap();
    assert!(mux.peers.is_empty());
}

#[test]
fn channel_lives_until_last_handle_is_released() {
    let mut mux = server(Limits::default());
    feed(&mut mux, [frame(1, 2, &()), frame(1, 2, &())].concat()).unwrap();
    mux.add_handle(peers(1));
    mux.release(peers(1));
    assert_eq!(kinds(&mut mux, peers(1)), [2]);
    mux.release(peers(1));
    assert!(mux.peers.is_empty());
}

#[test]
fn tree_recurring_at_root_opens_no_channel() {
    let mut mux = server(SMALL);
    for id in 1..=2 * SMALL.max_channels as u64 {
        feed(&mut mux, frame(id, 7, &())).unwrap();
        let pending = mux.begin().unwrap();
        mux.add_handle(peers(id));
        mux.release(peers(id));
        mux.finish_invocation(id, pending.cost, None);
    }
    assert!(mux.peers.is_empty());
    feed(&mut mux, frame(9, 7, &())).unwrap();
    assert!(feed(&mut mux, frame(9, 0, &())).is_err());
}

#[test]
fn drain_resets_streams_and_lets_calls_finish() {
    let mut mux = server(Limits::default());
    feed(&mut mux, [frame(1, 2, &()), frame(2, 0, &()), frame(3, 0, &())].concat()).unwrap();
    mux.begin().unwrap();
    mux.begin().unwrap();
    mux.drain();
    assert!(mux.poll_reset(peers(1), Waker::noop()).is_ready());
    assert!(matches!(failure(&mut mux, peers(1)).kind(), ErrorKind::Disconnected(_)));
    assert!(!mux.wants_input());
    assert!(mux.begin().is_some(), "what was read already is answered");
    for lasting in [true, false, false] {
        assert!(!mux.is_drained());
        mux.uncount(cost(lasting));
    }
    assert!(mux.is_drained());
}

#[test]
fn late_tick_counts_once_for_younger_calls() {
    let mut mux = client();
    let old = open(&mut mux, RecvState::Primitive, 11, None).unwrap();
    mux.expire(1);
    let young = open(&mut mux, RecvState::Primitive, 11, None).unwrap();
    mux.expire(10);
    assert!(matches!(failure(&mut mux, old).kind(), ErrorKind::Deadline(_)));
    assert!(message(&mut mux, young).is_pending());
    mux.expire(9);
    assert!(message(&mut mux, young).is_pending());
    mux.expire(1);
    assert!(matches!(failure(&mut mux, young).kind(), ErrorKind::Deadline(_)));
}

#[test]
fn last_frame_of_dropped_sender_waits_for_handler() {
    for closes in [false, true] {
        let mut mux = server(Limits::default());
        feed(&mut mux, frame(1, 2, &())).unwrap();
        let cost = mux.begin().unwrap().cost;
        mux.finish(1, 1, &args(&(7,)), FrameHeaders::None).unwrap();
        assert_eq!(mux.output_len(), 0);
        if closes {
            mux.close(&Error::protocol("the handler failed"));
        }
        mux.finish_invocation(1, cost, None);
        assert_eq!(test_support::hex::encode(&written(&mut mux)), if closes { "" } else { "9301019107" });
        assert_eq!(
            mux.finish(1, 1, &args(&(7,)), FrameHeaders::None).is_ok(),
            !closes,
            "by then nothing holds it back"
        );
        assert_eq!(test_support::hex::encode(&written(&mut mux)), if closes { "" } else { "9301019107" });
    }
}
