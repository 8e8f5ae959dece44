//! Encoding and decoding of recorded frames.

use cocaine::{Value, msgpack};
use test_support::{frame::UNTRACED, hex, recording::Event};

/// Appends the headers that a runtime sends outside a trace to a frame without headers, in hexadecimal digits.
pub(crate) fn with_untraced_headers(hex: &str) -> String {
    hex.to_owned() + &hex::encode(UNTRACED)
}

/// Returns the channel, the message type and the arguments of a frame.
pub(crate) fn split_frame(frame: &[u8]) -> (u64, u64, Vec<Value>) {
    let frame: Value = msgpack::from_slice(frame).unwrap();
    let split = |elements: &[Value]| match elements {
        [channel, kind, Value::Array(args), ..] => Some((channel.as_u64()?, kind.as_u64()?, args.clone())),
        _ => None,
    };
    frame.as_array().and_then(split).unwrap_or_else(|| panic!("{frame} is not a frame"))
}

/// Decodes the frames that a recorded event completes. Each must encode to its recorded bytes again: otherwise comparing
/// re-encoded frames would not compare bytes.
pub(crate) fn decode_frames(event: &Event) -> Vec<Value> {
    let decode = |bytes: Vec<u8>| {
        let value: Value = msgpack::from_slice(&bytes).unwrap();
        assert_eq!(msgpack::to_vec(&value).unwrap(), bytes, "{value} does not encode to the recorded bytes");
        value
    };
    event.frames().map(decode).collect()
}
