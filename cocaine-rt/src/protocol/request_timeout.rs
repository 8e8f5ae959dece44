//! The header `request_timeout`: the time limit of an event, in milliseconds, as eight little-endian bytes (`node.md` 5.1).

use std::time::Duration;

/// The name of the header.
pub const REQUEST_TIMEOUT: &str = "request_timeout";

/// Returns the value of the header.
pub fn encode_request_timeout(timeout: Duration) -> [u8; 8] {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).to_le_bytes()
}

/// Returns the timeout, or `None` if the value has another length.
pub fn decode_request_timeout(value: &[u8]) -> Option<Duration> {
    Some(Duration::from_millis(u64::from_le_bytes(value.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_timeout_has_eight_bytes_of_milliseconds() {
        let value = encode_request_timeout(Duration::from_millis(1500));
        assert_eq!(value, [0xdc, 5, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode_request_timeout(&value), Some(Duration::from_millis(1500)));
        assert_eq!(encode_request_timeout(Duration::MAX), [0xff; 8]);
        assert_eq!(decode_request_timeout(&value[..4]), None);
    }
}
