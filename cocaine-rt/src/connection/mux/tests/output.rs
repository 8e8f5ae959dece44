//! The output and its end.

use super::*;

#[test]
fn close_wakes_all_and_refuses_new_channels() {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
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
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
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

/// Returns a mux whose output is full, and the alarms of as many senders that wait for room.
fn full_output(senders: usize) -> (Mux, Vec<(Arc<Alarm>, Waker)>) {
    let mut mux = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    mux.send(1, 0, &args(&"x".repeat(100)), FrameHeaders::None).unwrap();
    let alarms: Vec<_> = (0..senders).map(|_| Alarm::new()).collect();
    assert!(alarms.iter().all(|(_, waker)| mux.poll_room(waker).is_pending()));
    assert!(alarms.iter().all(|(_, waker)| mux.poll_room(waker).is_pending()));
    assert_eq!(mux.room_watchers.len(), senders);
    (mux, alarms)
}

/// Returns how many of the senders were woken, once those that are due are.
fn woken(mux: &mut Mux, alarms: &[(Arc<Alarm>, Waker)]) -> usize {
    alarms.iter().map(|(alarm, _)| alarm.rung(mux)).sum()
}

#[test]
fn room_for_one_message_wakes_few_senders() {
    let (mut mux, alarms) = full_output(1000);
    written(&mut mux);
    assert_eq!(woken(&mut mux, &alarms), 16);
    mux.send(2, 0, &args(&()), FrameHeaders::None).unwrap();
    assert_eq!(woken(&mut mux, &alarms), 17, "there is room for another one");
    mux.send(3, 0, &args(&"x".repeat(100)), FrameHeaders::None).unwrap();
    assert_eq!(woken(&mut mux, &alarms), 17, "there is none");
    assert!(alarms[..17].iter().all(|(alarm, _)| alarm.rung(&mut mux) == 1), "the first come first");
    assert!(alarms[..17].iter().all(|(_, waker)| mux.poll_room(waker).is_pending()));
    written(&mut mux);
    assert_eq!(woken(&mut mux, &alarms), 33, "those that wait longest are next");
}

#[test]
fn senders_behind_those_that_gave_up_are_woken() {
    let (mut mux, alarms) = full_output(40);
    written(&mut mux);
    for expected in [16, 32, 40] {
        assert_eq!(woken(&mut mux, &alarms), expected);
        assert_eq!(mux.wake_senders(), expected < 40);
    }
}
