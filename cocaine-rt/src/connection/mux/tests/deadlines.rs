//! Deadlines.

use super::*;

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
