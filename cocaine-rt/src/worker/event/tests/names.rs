//! Names and places that what is written for an event must not trip over.

#![allow(non_camel_case_types, clippy::used_underscore_binding)]

use super::{End, ask, listed, packed};
use crate::{Events, worker};

#[worker]
async fn registry_(registry: u8) -> u8 {
    registry
}

mod local {
    use crate::worker;

    #[worker]
    pub(crate) async fn registry(session: u8, turn: u8) -> u8 {
        session + turn
    }

    #[worker]
    pub(super) async fn session(argument1: u8, argument0: u8) -> u8 {
        argument1 - argument0
    }

    #[worker]
    pub(in crate::worker) async fn register() -> u8 {
        7
    }
}

#[worker]
async fn r#type(r#move: u8) -> u8 {
    r#move
}

macro_rules! answers {
    ($($name:ident($argument:ident: $ty:ty) -> $answer:expr;)*) => {$(
        #[worker]
        async fn $name($argument: $ty) -> u8 {
            $argument + $answer
        }
    )*};
}

answers! {
    plus_one(number: u8) -> 1;
    plus_two(number: u8) -> 2;
}

#[derive(Clone)]
struct State;

#[worker]
impl State {
    async fn clone(&self) -> u8 {
        1
    }

    async fn register(&self, registry: u8, shared: u8) -> u8 {
        registry + shared
    }

    #[cfg(any())]
    async fn never(&self, missing: Missing) {}
}

#[cfg(any())]
#[worker]
async fn never(missing: Missing) {}

#[worker]
#[cfg(any())]
impl Missing {
    async fn never(&self) {}
}

#[worker]
#[cfg(any())]
async fn never_either(missing: Missing) {}

#[tokio::test]
async fn names_do_not_clash() {
    assert_eq!(ask(events![registry_], [packed(&3)]).await, End::value(&3));
    assert_eq!(ask(events![local::registry], [packed(&(3, 4))]).await, End::value(&7));
    assert_eq!(ask(events![local::session], [packed(&(3, 1))]).await, End::value(&2));
    assert_eq!(ask(events![local::register], []).await, End::value(&7));
    assert_eq!(ask(events![plus_one], [packed(&3)]).await, End::value(&4));
    assert_eq!(ask(events![plus_two], [packed(&3)]).await, End::value(&5));
}

#[tokio::test]
async fn a_raw_name_goes_without_its_prefix() {
    assert_eq!(listed(events![r#type])[0].0, "type");
    let text = "type: the client closed its stream before it sent the arguments (move)";
    assert_eq!(ask(events![r#type], []).await, End::failed(text));
}

#[tokio::test]
async fn methods_are_those_of_the_type() {
    assert_eq!(ask(State, []).await, End::value(&1));
    let listed: Vec<_> = listed(State).into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, ["clone", "register"]);
}

#[tokio::test]
async fn an_event_may_stand_in_a_function() {
    #[worker(event = "inner")]
    async fn within() -> u8 {
        9
    }

    assert_eq!(ask(events![within], []).await, End::value(&9));
    assert_eq!(within().await, 9);
    within::default().register(&mut crate::HandlerRegistry::default());
}
