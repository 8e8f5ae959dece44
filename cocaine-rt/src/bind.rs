//! What generated bindings are made of. Users write against the items of the crate's root.

pub use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

pub use crate::{
    bytes::Bytes,
    channel::{OnDrop, Payload, Rx, Tx},
    error::{Error, Result},
    graph::Graph,
    halves::{Duplex, End, Exchange, Receiver, Reply, Responder, Sender},
    held::Held,
    packed::{Found, List, One, Short, Tried},
    server::{Call, Caller, Dispatch},
    service::{Service, ServiceClient},
    spec::{MethodSpec, ServiceSpec, TreeSpec},
    types::{Args, Endpoint, Lossy, Resolved, Scalar, Severity},
    value::Value,
};
pub use futures_core::Stream;

pub use crate::worker::event;
