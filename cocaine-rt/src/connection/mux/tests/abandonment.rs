//! Unary calls whose callers leave.

use super::*;

/// Returns a server with these calls begun, in tasks of their own.
fn serving(frames: &[Vec<u8>]) -> Mux {
    let mut mux = server(Limits::default());
    feed(&mut mux, frames.concat()).unwrap();
    while let Some(pending) = mux.begin() {
        assert!(pending.is_cancellable);
        mux.detach_call(pending.id);
    }
    mux
}

fn revoke(channel: u64, target: u64) -> Vec<u8> {
    frame(channel, 65535, &(target, (42, 7)))
}

#[test]
fn lost_connection_cancels_all_detached_calls() {
    let mut mux = serving(&[1, 2, 3].map(|id| frame(id, 0, &())));
    let alarms = [1, 2, 3].map(|id| {
        let (alarm, waker) = Alarm::new();
        assert!(mux.poll_abandoned(id, &waker).is_pending() && mux.poll_abandoned(id, &waker).is_pending());
        alarm
    });
    mux.finish_invocation(3, cost(false), None);
    mux.close(&Error::disconnected("gone"));
    assert_eq!(alarms.map(|alarm| alarm.rung(&mut mux)), [1, 1, 0], "the third was answered");
    assert_eq!([1, 2, 3].map(|id| mux.poll_abandoned(id, Waker::noop()).is_ready()), [true, true, false]);
}

#[test]
fn revoke_or_close_cancels_its_call_alone() {
    for last in [revoke(4, 2), frame(2, 0, &())] {
        let mut mux = serving(&[1, 2, 3].map(|id| frame(id, 5, &())));
        let alarms = [1, 2, 3].map(|id| {
            let (alarm, waker) = Alarm::new();
            assert!(mux.poll_abandoned(id, &waker).is_pending());
            alarm
        });
        feed(&mut mux, last).unwrap();
        assert_eq!(alarms.map(|alarm| alarm.rung(&mut mux)), [0, 1, 0]);
        assert!(mux.poll_abandoned(2, Waker::noop()).is_ready() && mux.is_abandoned(2));
        assert!(!mux.is_abandoned(1));
        mux.finish_invocation(2, cost(false), None);
        assert!(mux.channel(peers(2)).is_none(), "the channel is freed");
    }
}

#[test]
fn call_revoked_before_it_begins_is_skipped() {
    let mut mux = server(small().max_queued_bytes(1 << 20));
    let calls = [frame(1, 0, &()), frame(2, 0, &()), frame(3, 0, &()), frame(4, 5, &()), frame(5, 3, &())];
    feed(&mut mux, [calls.concat(), revoke(6, 3), frame(4, 0, &()), revoke(7, 5)].concat()).unwrap();
    let mut begun = Vec::new();
    while let Some(pending) = mux.begin() {
        mux.finish_invocation(pending.id, pending.cost, None);
        begun.push(pending.id);
    }
    assert_eq!(begun, [1, 2, 5], "a call without an answer is made all the same");
    assert!(mux.peers.is_empty());
}

#[test]
fn calls_run_to_completion_are_not_cancelled() {
    let graph = Graph::new([Method {
        id: 0,
        name: "write".into(),
        dispatch: Tree::end(),
        upstream: Tree::primitive(),
    }]);
    let mut root = RootProtocol::new(&graph.with_controls());
    root.run_to_completion(0);
    let mut mux = Mux::new(Limits::default(), Role::Server(Arc::new(root)), MemoryBudget::unlimited());
    feed(&mut mux, [frame(1, 0, &()), revoke(2, 1)].concat()).unwrap();
    assert!(mux.begin().is_some_and(|pending| !pending.is_cancellable));
}

#[test]
fn ended_calls_are_forgotten() {
    let mut mux = serving(&[1, 2].map(|id| frame(id, 0, &())));
    mux.finish_invocation(1, cost(false), None);
    mux.remove_detached(2);
    mux.remove_detached(2);
    assert!(mux.detached.is_empty());
}
