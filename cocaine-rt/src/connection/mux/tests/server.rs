//! What a server accepts from a peer, and what ends the connection.

use super::*;

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
fn sessions_that_keep_too_much_end_the_connection() {
    let mut mux = server(small().max_queued_bytes(1 << 20));
    let large = "x".repeat(1500);
    feed(&mut mux, frame(1, 2, &(&large,))).unwrap();
    let session = mux.begin().unwrap();
    let error = feed(&mut mux, frame(2, 2, &(&large,))).unwrap_err();
    assert!(error.text.contains("more than 2000 bytes are kept"), "{error:?}");
    mux.uncount(session.cost);
}

#[test]
fn channels_above_limit_end_connection() {
    let mut mux = server(small());
    feed(&mut mux, [1, 2, 3].map(|id| frame(id, 2, &())).concat()).unwrap();
    feed(&mut mux, frame(4, 0, &())).unwrap();
    let violation = feed(&mut mux, frame(5, 1, &())).unwrap_err();
    assert!(violation.text.contains("more than 3 channels"), "{violation:?}");
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
