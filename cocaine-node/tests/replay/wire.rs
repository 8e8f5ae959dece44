//! Frames in a stream of bytes.

use cocaine::{Value, msgpack};
use test_support::{frame::UNTRACED, hex, recording::Event};

/// Returns the bytes of a frame of the runtime, by the hexadecimal digits of what comes before its headers.
pub(crate) fn of_runtime(hex: &str) -> String {
    hex.to_owned() + &hex::encode(UNTRACED)
}

/// Channel, type and arguments of a frame.
pub(crate) fn parts(frame: &[u8]) -> (u64, u64, Vec<Value>) {
    let frame: Value = msgpack::from_slice(frame).unwrap();
    let parts = |elements: &[Value]| match elements {
        [channel, kind, Value::Array(args), ..] => Some((channel.as_u64()?, kind.as_u64()?, args.clone())),
        _ => None,
    };
    frame.as_array().and_then(parts).unwrap_or_else(|| panic!("{frame} is no frame"))
}

/// Returns the frames that a recorded event completes, decoded. Encoding one again must give its bytes: otherwise a
/// comparison of re-encoded frames would say nothing about bytes.
pub(crate) fn decode_frames(event: &Event) -> Vec<Value> {
    let decode = |bytes: Vec<u8>| {
        let value: Value = msgpack::from_slice(&bytes).unwrap();
        assert_eq!(msgpack::to_vec(&value).unwrap(), bytes, "{value} is not encoded as it was recorded");
        value
    };
    event.frames().map(decode).collect()
}
