//! Which invocations may begin.

use super::*;

#[test]
fn invocations_above_limit_begin_later_in_order() {
    let mut mux = server(small());
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
    let mut mux = server(small().max_queued_bytes(1 << 20).max_invocations(9));
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
fn streams_and_sessions_do_not_count_as_invocations() {
    let mut mux = server(small());
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
    let mut mux = server(small());
    mux.send(1, 0, &args(&"x".repeat(100)), FrameHeaders::None).unwrap();
    feed(&mut mux, frame(2, 0, &())).unwrap();
    assert!(mux.begin().is_none() && !mux.wants_input());
    written(&mut mux);
    assert!(mux.begin().is_some() && mux.wants_input());
}

#[test]
fn invocations_that_are_put_back_keep_their_order() {
    let mut mux = server(small());
    feed(&mut mux, [1, 2, 3].map(|id| frame(id, 1, &())).concat()).unwrap();
    let taken: Vec<_> = std::iter::from_fn(|| mux.begin()).collect();
    mux.requeue(taken.into_iter().skip(1));
    assert_eq!(mux.in_flight(), 1);
    assert_eq!(std::iter::from_fn(|| mux.begin()).map(|pending| pending.id).collect::<Vec<_>>(), [2, 3]);
}
