//! Public types can be moved to other threads and shared between them. This file compiles only if they can.

use crate::{
    Bytes, Client, ClientBuilder, Duplex, DynReceiver, DynSender, Error, Guard, Limits, Receiver, Reply,
    ReplySender, Sender, Service, Session, Value, graph::Graph, server::Server,
};

const fn assert_send_sync<T: Send + Sync>() {}

const _: () = {
    assert_send_sync::<Bytes>();
    assert_send_sync::<Client>();
    assert_send_sync::<ClientBuilder>();
    assert_send_sync::<DynSender>();
    assert_send_sync::<Error>();
    assert_send_sync::<Graph>();
    assert_send_sync::<Limits>();
    assert_send_sync::<Server>();
    assert_send_sync::<Service>();
    assert_send_sync::<Session>();
    assert_send_sync::<Value>();
    assert_send_sync::<Duplex<Sender<Bytes>, Receiver<Bytes>>>();
    assert_send_sync::<DynReceiver>();
    assert_send_sync::<Guard>();
    assert_send_sync::<Receiver<Bytes>>();
    assert_send_sync::<Reply<Bytes>>();
    assert_send_sync::<ReplySender<Bytes>>();
    assert_send_sync::<Sender<Bytes>>();
};
