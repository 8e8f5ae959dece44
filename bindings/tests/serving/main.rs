//! Generated servers over TCP, called by generated clients and by raw frames.

mod calls;
mod mute;
mod scripted_storage;
mod sessions;
mod shutdown;
mod streams;
#[path = "../test_locator/mod.rs"]
mod test_locator;
