//! `Bytes`: a blob that is encoded and decoded without a copy if it is large.
//!
//! Serde passes only a `&[u8]` to a serializer and only a borrowed slice to a visitor. The owner of the slice travels
//! beside it in a thread-local, which is set for one call and restored when the call ends or panics. An owner is used
//! only for a slice that lies in its own memory.

use std::{borrow::Borrow, cell::RefCell, fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The length from which a decoded blob is a slice of the read buffer. A shorter one is copied, so that it does not keep
/// a large buffer alive.
pub(super) const MIN_SLICE_LEN: usize = 4 << 10;

/// The length up to which an encoded blob is copied. For a longer one, another segment of a vectored write is cheaper
/// than the copy.
const MAX_COPIED_LEN: usize = 16 << 10;

/// The number of bytes that the `Debug` form of a blob shows.
const DEBUG_LEN: usize = 64;

/// A blob: bytes, or text that may not be UTF-8. Cheap to clone and to slice.
///
/// On the wire it is a raw, like every text (`protocol.md` 1.1). A received blob of 4 KiB or more is a slice of the read
/// buffer, and one above 16 KiB is sent without a copy.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(bytes::Bytes);

impl Bytes {
    /// Returns an empty blob.
    pub const fn new() -> Self {
        Self(bytes::Bytes::new())
    }

    /// Returns a blob that refers to `bytes` without copying them.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self(bytes::Bytes::from_static(bytes))
    }

    /// Returns the blob as a text, or `None` if it is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self).ok()
    }

    pub(crate) const fn handle(&self) -> &bytes::Bytes {
        &self.0
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Bytes> for bytes::Bytes {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0.into()
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes::Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<&T> for Bytes {
    fn eq(&self, other: &&T) -> bool {
        **self == *other.as_ref()
    }
}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl PartialEq<str> for Bytes {
    fn eq(&self, other: &str) -> bool {
        **self == *other.as_bytes()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = &self[..self.len().min(DEBUG_LEN)];
        let is_cut = head.len() < self.len();
        match std::str::from_utf8(head) {
            Ok(text) => write!(f, "{text:?}")?,
            // The cut lies within a character.
            Err(error) if is_cut && error.error_len().is_none() => {
                write!(f, "{:?}", String::from_utf8_lossy(&head[..error.valid_up_to()]))?;
            }
            Err(_) => fmt_hex(head, f)?,
        }
        if is_cut { write!(f, "… ({} bytes)", self.len()) } else { Ok(()) }
    }
}

/// Writes `bytes` as `0x…`.
pub(crate) fn fmt_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

thread_local! {
    /// The blob that is being serialized on this thread.
    static SERIALIZED_BYTES: RefCell<bytes::Bytes> = const { RefCell::new(bytes::Bytes::new()) };
    /// The source that is being decoded on this thread.
    static DECODED_SOURCE: RefCell<bytes::Bytes> = const { RefCell::new(bytes::Bytes::new()) };
}

type ThreadSlot = std::thread::LocalKey<RefCell<bytes::Bytes>>;

/// Restores the previous value of a slot when it is dropped, also by a panic of user code.
pub(crate) struct RestoreOnDrop {
    slot: &'static ThreadSlot,
    previous: bytes::Bytes,
}

impl RestoreOnDrop {
    fn set(slot: &'static ThreadSlot, value: &bytes::Bytes) -> Option<Self> {
        let previous = slot.try_with(|slot| slot.replace(value.clone())).ok()?;
        Some(Self { slot, previous })
    }
}

impl Drop for RestoreOnDrop {
    fn drop(&mut self) {
        let previous = std::mem::take(&mut self.previous);
        // Fails only while the thread ends, when there is nothing to restore.
        let _ = self.slot.try_with(|slot| slot.replace(previous));
    }
}

/// Returns the owner of `bytes` if they belong to a large [`Bytes`] that is being serialized.
pub(crate) fn take_owner(bytes: &[u8]) -> Option<bytes::Bytes> {
    if bytes.len() <= MAX_COPIED_LEN {
        return None;
    }
    let matches = |owner: &bytes::Bytes| std::ptr::eq::<[u8]>(owner.as_ref(), bytes);
    SERIALIZED_BYTES
        .try_with(|slot| {
            slot.try_borrow_mut()
                .ok()
                .filter(|owner| matches(owner))
                .map(|mut owner| std::mem::take(&mut *owner))
        })
        .ok()?
}

/// Sets the source that decoded blobs are slices of, until the guard is dropped.
pub(crate) fn set_source(source: &bytes::Bytes) -> Option<RestoreOnDrop> {
    if source.len() < MIN_SLICE_LEN { None } else { RestoreOnDrop::set(&DECODED_SOURCE, source) }
}

/// Returns `bytes` as a blob: a slice of the source if they are large and lie in it, else a copy.
pub(crate) fn slice_or_copy(bytes: &[u8]) -> Bytes {
    if bytes.len() >= MIN_SLICE_LEN
        && let Ok(Some(slice)) = DECODED_SOURCE.try_with(|slot| slice_of(&slot.borrow(), bytes))
    {
        return Bytes(slice);
    }
    bytes.into()
}

/// Returns a part of `source`: a slice if all of `source` is small, so that the part keeps no large buffer alive. Otherwise, and
/// for bytes that lie elsewhere, it is as [`slice_or_copy`] says.
#[cfg(feature = "http")]
pub(crate) fn part_of(source: &Bytes, bytes: &[u8]) -> Bytes {
    if source.len() < MIN_SLICE_LEN
        && let Some(slice) = slice_of(&source.0, bytes)
    {
        return Bytes(slice);
    }
    slice_or_copy(bytes)
}

fn slice_of(source: &bytes::Bytes, bytes: &[u8]) -> Option<bytes::Bytes> {
    let start = bytes.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
    let end = start.checked_add(bytes.len())?;
    (end <= source.len()).then(|| source.slice(start..end))
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable()
            && let Some(text) = self.as_str()
        {
            return serializer.serialize_str(text);
        }
        let _restore =
            if self.len() > MAX_COPIED_LEN { RestoreOnDrop::set(&SERIALIZED_BYTES, &self.0) } else { None };
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> de::Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes or text")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(slice_or_copy(bytes))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(bytes.into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(slice_or_copy(text.as_bytes()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Bytes, E> {
        Ok(text.into())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::with_capacity(items.size_hint().unwrap_or(0).min(MIN_SLICE_LEN));
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests;
