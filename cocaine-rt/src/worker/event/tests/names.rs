//! Names and places that what is written for an event must not trip over.

#![allow(non_camel_case_types, clippy::used_underscore_binding)]

use super::{EventEnd, ask, listed, packed};
use crate::{Events, events, worker};

#[worker]
async fn registry_(registry: u8) -> u8 {
    registry
}

mod local {
    use crate::worker;

    #[worker]
    pub(crate) async fn registry(session: u8, encoder: u8) -> u8 {
        session + encoder
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
    assert_eq!(ask(events![registry_], [packed(&3)]).await, EventEnd::value(&3));
    assert_eq!(ask(events![local::registry], [packed(&(3, 4))]).await, EventEnd::value(&7));
    assert_eq!(ask(events![local::session], [packed(&(3, 1))]).await, EventEnd::value(&2));
    assert_eq!(ask(events![local::register], []).await, EventEnd::value(&7));
    assert_eq!(ask(events![plus_one], [packed(&3)]).await, EventEnd::value(&4));
    assert_eq!(ask(events![plus_two], [packed(&3)]).await, EventEnd::value(&5));
}

#[tokio::test]
async fn raw_identifier_loses_its_prefix() {
    assert_eq!(listed(events![r#type])[0].0, "type");
    let text = "type: the client closed its stream before it sent the arguments (move)";
    assert_eq!(ask(events![r#type], []).await, EventEnd::failed(text));
}

#[tokio::test]
async fn impl_block_methods_are_events() {
    assert_eq!(ask(State, []).await, EventEnd::value(&1));
    let listed: Vec<_> = listed(State).into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, ["clone", "register"]);
}

#[tokio::test]
async fn event_can_be_local_to_function() {
    #[worker(event = "inner")]
    async fn within() -> u8 {
        9
    }

    assert_eq!(ask(events![within], []).await, EventEnd::value(&9));
    assert_eq!(within().await, 9);
    within::default().register(&mut crate::HandlerRegistry::default());
}
