//! Checksums of rows. The database verifies its pages after a crash only, so that a bit that flips on the disk would
//! otherwise come back as data.
//!
//! A row ends with the lower half of the XXH3 hash of its value (u32, little-endian), whose seed is that of its key: it costs
//! a read of a small blob fewer instructions than a CRC-32 does.

use twox_hash::XxHash3_64;

use super::StoreError;

/// The length of a checksum.
pub(super) const CHECKSUM_LEN: usize = size_of::<u32>();

/// Returns the checksum of a row.
pub(super) fn checksum(key: &[u8], value: &[u8]) -> [u8; CHECKSUM_LEN] {
    let [_, _, _, _, lower @ ..] =
        XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(key), value).to_be_bytes();
    u32::from_be_bytes(lower).to_le_bytes()
}

/// Returns the row's value.
///
/// # Errors
/// [`StoreError::Corrupt`] if the row is not as it was written.
pub(super) fn verify<'r>(key: &[u8], row: &'r [u8]) -> Result<&'r [u8], StoreError> {
    match row.split_last_chunk() {
        Some((value, found)) if *found == checksum(key, value) => Ok(value),
        _ => {
            let key = String::from_utf8_lossy(key);
            Err(StoreError::Corrupt(format!("the checksum of the row {key:?} is wrong")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let row = [&b"value"[..], &checksum(b"key", b"value")].concat();
        assert_eq!(verify(b"key", &row), Ok(&b"value"[..]));
        for bit in 0..row.len() * 8 {
            let mut row = row.clone();
            row[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(b"key", &row).is_err(), "{bit}");
        }
        assert!(verify(b"kez", &row).is_err());
        assert!(verify(b"key", b"abc").is_err());
    }
}
