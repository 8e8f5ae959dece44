//! Channels: their ids, their messages and their end.

use super::*;

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
fn second_reply_to_a_call_is_dropped() {
    let mut mux = client();
    let key = call(&mut mux);
    feed(&mut mux, [frame(1, 0, &1), frame(1, 0, &2), frame(1, 1, &3)].concat()).unwrap();
    assert_eq!(kinds(&mut mux, key), [0]);
    assert!(matches!(message(&mut mux, key), Poll::Ready(None)));
}

#[test]
fn reply_to_a_dropped_call_is_dropped() {
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
    let mut mux = server(small());
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
    let mut mux = server(small());
    for id in 1..=2 * small().max_channels as u64 {
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
fn last_frame_of_dropped_sender_waits_for_handler() {
    for closes in [false, true] {
        let mut mux = server(Limits::default());
        feed(&mut mux, frame(1, 2, &())).unwrap();
        let cost = mux.begin().unwrap().cost;
        mux.finish(peers(1), 1, &args(&(7,)), FrameHeaders::None).unwrap();
        assert_eq!(mux.output_len(), 0);
        if closes {
            mux.close(&Error::protocol("the handler failed"));
        }
        mux.finish_invocation(1, cost, None);
        assert_eq!(test_support::hex::encode(&written(&mut mux)), if closes { "" } else { "9301019107" });
        assert_eq!(
            mux.finish(peers(1), 1, &args(&(7,)), FrameHeaders::None).is_ok(),
            !closes,
            "by then nothing holds it back"
        );
        assert_eq!(test_support::hex::encode(&written(&mut mux)), if closes { "" } else { "9301019107" });
    }
}
