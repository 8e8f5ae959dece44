//! Bounds the memory of decoded values. A list of nils takes forty times its encoding as a `Value`.

use super::DecodeError;
use crate::wire::bytes::MIN_SLICE_LEN;

/// The memory that a decoded value may still take.
///
/// Each element of a list or map is charged its size in memory, and each text and list an allocation. The length of a
/// large text is not charged, since all texts of a message together are no longer than the message.
#[derive(Clone, Debug)]
pub(crate) struct DecodeBudget {
    left: usize,
    limit: usize,
}

impl DecodeBudget {
    /// The overhead of an allocation.
    const ALLOCATION: usize = 32;

    /// Returns the budget for `len` encoded bytes, of which the value may take `limit` bytes more.
    pub(crate) fn new(len: usize, limit: usize) -> Self {
        Self { left: len.saturating_add(limit), limit }
    }

    /// Charges an element of `size` bytes.
    ///
    /// # Errors
    /// Fails if the budget is exhausted; the error names the limit.
    #[inline]
    pub(crate) fn charge(&mut self, size: usize) -> Result<(), DecodeError> {
        match self.left.checked_sub(size) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(DecodeError::over_budget(self.limit)),
        }
    }

    /// Charges an allocation, such as that of a list.
    ///
    /// # Errors
    /// Fails like [`DecodeBudget::charge`].
    #[inline]
    pub(crate) fn charge_allocation(&mut self) -> Result<(), DecodeError> {
        self.charge(Self::ALLOCATION)
    }

    /// Charges a text that is copied.
    ///
    /// # Errors
    /// Fails like [`DecodeBudget::charge`].
    #[inline]
    pub(crate) fn charge_text(&mut self, text: &[u8]) -> Result<(), DecodeError> {
        match text.len() {
            0 => Ok(()),
            MIN_SLICE_LEN.. => self.charge_allocation(),
            len => self.charge(Self::ALLOCATION + len),
        }
    }

    /// Returns the remaining bytes.
    pub(crate) fn left(&self) -> usize {
        self.left
    }
}
