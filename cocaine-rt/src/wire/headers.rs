//! The headers of a received frame: named values (`protocol.md` 5).

use std::sync::Arc;

use crate::wire::bytes::Bytes;

/// The headers of a message in the order of the wire, without the ids of its trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// The ids of the trace, if they come first in the usual form. Most traced frames have no other headers.
    pub(super) ids: Option<[u64; 3]>,
    pub(super) others: Option<Arc<Vec<(Bytes, Bytes)>>>,
}

impl Headers {
    /// Returns the value of the first header with this name.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.iter().find(|(known, _)| known.as_ref() == name.as_bytes()).map(|(_, value)| value)
    }

    /// Returns the names and values but those of `names`, to be sent on with another trace (`worker.md` 3.4).
    pub(crate) fn without(&self, names: &[&str]) -> Vec<(Bytes, Bytes)> {
        let is_left_out = |known: &Bytes| names.iter().any(|name| known.as_ref() == name.as_bytes());
        let others = self.iter().filter(|(known, _)| !is_left_out(known));
        others.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Returns the names and values in the order of the wire.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        let ids = TRACE_IDS.map(str::as_bytes);
        self.all().filter(move |(name, _)| !ids.contains(&name.as_ref()))
    }

    /// Returns the number of headers.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there are no headers.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns the names and values in the order of the wire, with the ids of the trace first.
    pub(crate) fn to_pairs(&self) -> Vec<(Bytes, Bytes)> {
        let ids = self.ids.iter().flat_map(|ids| TRACE_IDS.into_iter().zip(ids));
        let ids =
            ids.map(|(name, id)| (Bytes::from_static(name.as_bytes()), id.to_le_bytes().to_vec().into()));
        ids.chain(self.all().map(|(name, value)| (name.clone(), value.clone()))).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.others.iter().flat_map(|headers| headers.iter()).map(|(name, value)| (name, value))
    }

    /// Returns the memory that the headers occupy.
    pub(crate) fn weight(&self) -> usize {
        self.all().map(|(name, value)| name.len() + value.len() + ENTRY_OVERHEAD).sum()
    }

    /// Returns the ids of the trace, in the order of [`TRACE_IDS`], or `None` unless all three are there.
    ///
    /// # Errors
    /// Fails if an id is not eight bytes long.
    pub(crate) fn trace_ids(&self) -> Result<Option<[u64; 3]>, &'static str> {
        if self.ids.is_some() {
            return Ok(self.ids);
        }
        let find = |name: &str| self.all().find(|(known, _)| known.as_ref() == name.as_bytes());
        let [Some(trace), Some(span), Some(parent)] = TRACE_IDS.map(find) else { return Ok(None) };
        Ok(Some([id(trace.1)?, id(span.1)?, id(parent.1)?]))
    }
}

/// The names of the headers that carry the ids of a trace.
pub(super) const TRACE_IDS: [&str; 3] = ["trace_id", "span_id", "parent_id"];

/// The header array that a server writes on an untraced channel: three ids of zero, as literals that are not stored
/// (`protocol.md` 5.1). It carries no information, and most replies have it.
pub(crate) const UNTRACED: &[u8] = b"\x93\x93\xc2\xa8trace_id\xa8\0\0\0\0\0\0\0\0\
    \x93\xc2\xa7span_id\xa8\0\0\0\0\0\0\0\0\
    \x93\xc2\xa9parent_id\xa8\0\0\0\0\0\0\0\0";

/// The overhead that HPACK adds to the length of the name and the value of an entry (RFC 7541, 4.1).
pub(super) const ENTRY_OVERHEAD: usize = 32;

impl FromIterator<(Bytes, Bytes)> for Headers {
    fn from_iter<I: IntoIterator<Item = (Bytes, Bytes)>>(headers: I) -> Self {
        let others: Vec<_> = headers.into_iter().collect();
        Self { ids: None, others: (!others.is_empty()).then(|| Arc::new(others)) }
    }
}

fn id(value: &Bytes) -> Result<u64, &'static str> {
    let bytes = value.as_ref().try_into().map_err(|_| "a trace id is not eight bytes long")?;
    Ok(u64::from_le_bytes(bytes))
}
