//! Readers that are slower than their peer.

use super::*;

/// A message of more than 800 bytes.
fn large(channel: u64) -> Vec<u8> {
    frame(channel, 0, &("x".repeat(800),))
}

fn stream(mux: &mut Mux) -> ChannelKey {
    open(mux, RecvState::Streaming, u64::MAX, None).unwrap()
}

#[test]
fn unread_channel_stops_reading_until_it_is_read() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    let key = stream(&mut mux);
    feed(&mut mux, large(1)).unwrap();
    assert!(mux.wants_input());
    feed(&mut mux, large(1)).unwrap();
    assert!(!mux.wants_input());
    assert_eq!(mux.congestion(), (1, true));
    assert!(message(&mut mux, key).is_ready());
    assert!(mux.wants_input());
    assert_eq!(kinds(&mut mux, key), [0], "nothing is lost");
    assert_eq!(mux.congestion(), (1, false));
}

#[test]
fn single_message_of_any_size_congests_nothing() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    stream(&mut mux);
    feed(&mut mux, frame(1, 0, &("x".repeat(5000),))).unwrap();
    assert!(mux.wants_input());
}

#[test]
fn ended_channel_congests_nothing() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    let key = stream(&mut mux);
    feed(&mut mux, [large(1), large(1), frame(1, 2, &())].concat()).unwrap();
    assert!(mux.wants_input());
    assert_eq!(kinds(&mut mux, key), [0, 0, 2]);
}

#[test]
fn empty_messages_and_headers_count_as_unread() {
    let headers = [b"\x94\x01\x00\x90\x91\x93\xc2\xa1x\xda\x01\x00".as_slice(), &[b'v'; 256]].concat();
    for (bytes, fit) in [(frame(1, 0, &()), 15), (headers, 2)] {
        let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
        stream(&mut mux);
        for _ in 0..fit {
            feed(&mut mux, bytes.clone()).unwrap();
        }
        assert!(mux.wants_input(), "{fit} fit");
        feed(&mut mux, bytes).unwrap();
        assert!(!mux.wants_input());
    }
}

#[test]
fn unread_total_of_connection_stops_reading() {
    let mut mux = server(small().max_channels(9).max_unread_bytes(1000));
    let open: Vec<_> = [1, 2, 3, 4].map(|id| frame(id, 2, &())).concat();
    feed(&mut mux, open).unwrap();
    while mux.begin().is_some() {}
    for id in [1, 2, 3, 4] {
        mux.add_handle(peers(id));
    }
    feed(&mut mux, [large(1), large(2), large(3)].concat()).unwrap();
    assert!(mux.wants_input(), "below 2000 bytes beside the last");
    feed(&mut mux, large(4)).unwrap();
    assert!(!mux.wants_input());
    assert!(message(&mut mux, peers(1)).is_ready());
    assert!(mux.wants_input(), "any reader makes room");
}

#[test]
fn dropped_reader_makes_room() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    let key = stream(&mut mux);
    feed(&mut mux, [large(1), large(1)].concat()).unwrap();
    assert!(!mux.wants_input());
    mux.release_receiver(key);
    assert!(mux.wants_input());
    assert_eq!(mux.unread_bytes, 0);
}

#[test]
fn stalled_reader_loses_its_channel_alone() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    let (key, other) = (stream(&mut mux), stream(&mut mux));
    feed(&mut mux, [large(1), large(2), large(1)].concat()).unwrap();
    assert!(mux.has_deadlines(), "time has to be kept");
    mux.expire(29);
    assert!(!mux.wants_input());
    let (alarm, waker) = Alarm::new();
    mux.channel(key).unwrap().reader = Some(waker);
    mux.expire(1);
    assert_eq!(alarm.rung(&mut mux), 1);
    assert!(mux.wants_input());
    assert!(!mux.has_deadlines());
    let error = failure(&mut mux, key);
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded(_)), "{error}");
    assert!(error.to_string().contains("channel 1 were not read for 3s"), "{error}");
    assert_eq!(kinds(&mut mux, other), [0]);
    assert_eq!(mux.unread_bytes, 0);
}

#[test]
fn slow_reader_that_goes_on_keeps_its_channel() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    let key = stream(&mut mux);
    feed(&mut mux, [large(1), large(1), large(1), large(1)].concat()).unwrap();
    for _ in 0..2 {
        mux.expire(29);
        assert!(message(&mut mux, key).is_ready());
        assert!(!mux.wants_input());
    }
    mux.expire(29);
    assert!(message(&mut mux, key).is_ready());
    assert!(mux.wants_input());
}

#[test]
fn invocation_without_reader_yet_congests_as_well() {
    let mut mux = server(small());
    feed(&mut mux, [frame(1, 2, &()), large(1), large(1)].concat()).unwrap();
    while mux.begin().is_some() {}
    assert!(!mux.wants_input());
    mux.expire(30);
    assert!(mux.wants_input());
}

#[test]
fn held_lock_keeps_the_socket_read() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    let (slow, lock) = (stream(&mut mux), stream(&mut mux));
    mux.forbid_pauses(lock);
    feed(&mut mux, [large(1), large(1)].concat()).unwrap();
    assert!(mux.wants_input());
    let error = failure(&mut mux, slow);
    assert!(error.to_string().contains("on a connection that holds a lock"), "{error}");
    mux.release_receiver(lock);
    let slow = stream(&mut mux);
    feed(&mut mux, [large(slow.id), large(slow.id)].concat()).unwrap();
    assert!(!mux.wants_input(), "without the lock it may wait");
    let lock = stream(&mut mux);
    mux.forbid_pauses(lock);
    assert!(mux.wants_input());
}
