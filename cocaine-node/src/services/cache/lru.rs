//! A least-recently-used cache of blobs.

use std::fmt;

use cocaine::Bytes;
use lru::LruCache;

/// Blobs by key, limited in number and in bytes. Both `put` and `get` count as use.
pub(super) struct LruBlobs {
    blobs: LruCache<Box<str>, Bytes>,
    bytes: usize,
    max_size: usize,
    max_bytes: usize,
}

/// A blob exceeds the size of the whole cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key and a blob of {bytes} bytes do not fit into a cache of {max_bytes} (`cache.max_bytes`)")]
pub(super) struct TooLargeError {
    bytes: usize,
    max_bytes: usize,
}

impl LruBlobs {
    pub(super) fn new(max_size: usize, max_bytes: usize) -> Self {
        Self { blobs: LruCache::unbounded(), bytes: 0, max_size, max_bytes }
    }

    /// Returns the blob of a key.
    pub(super) fn get(&mut self, key: &str) -> Option<Bytes> {
        self.blobs.get(key).cloned()
    }

    /// Stores a blob, replacing an older one, and evicts the least recently used blobs until it fits.
    pub(super) fn put(&mut self, key: &str, blob: Bytes) -> Result<(), TooLargeError> {
        let bytes = key.len() + blob.len();
        if bytes > self.max_bytes {
            return Err(TooLargeError { bytes, max_bytes: self.max_bytes });
        }
        self.bytes += bytes;
        if let Some(replaced) = self.blobs.put(key.into(), blob) {
            self.bytes -= key.len() + replaced.len();
        }
        while self.blobs.len() > self.max_size || self.bytes > self.max_bytes {
            let Some((key, blob)) = self.blobs.pop_lru() else { break };
            self.bytes -= key.len() + blob.len();
        }
        Ok(())
    }
}

impl fmt::Debug for LruBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LruBlobs")
            .field("blobs", &self.blobs.len())
            .field("bytes", &self.bytes)
            .field("max_size", &self.max_size)
            .field("max_bytes", &self.max_bytes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn least_recently_used_blob_is_evicted() {
        let mut cache = LruBlobs::new(2, 1000);
        cache.put("a", "1".into()).unwrap();
        cache.put("b", "2".into()).unwrap();
        assert_eq!(cache.get("a").unwrap(), "1");
        cache.put("c", "3".into()).unwrap();
        assert_eq!(cache.get("b"), None, "`a` was used since");
        assert_eq!((cache.get("a").unwrap(), cache.get("c").unwrap()), ("1".into(), "3".into()));
    }

    #[test]
    fn large_blob_evicts_until_it_fits() {
        let mut cache = LruBlobs::new(100, 10);
        for key in ["a", "b", "c"] {
            cache.put(key, "22".into()).unwrap();
        }
        cache.put("d", "55555".into()).unwrap();
        assert_eq!((cache.get("a"), cache.get("b")), (None, None));
        assert_eq!((cache.get("c").unwrap(), cache.get("d").unwrap()), ("22".into(), "55555".into()));
    }

    #[test]
    fn oversized_blob_is_refused_without_change() {
        let mut cache = LruBlobs::new(100, 10);
        cache.put("a", "22".into()).unwrap();
        let refused = cache.put("a", "1234567890".into()).unwrap_err();
        assert_eq!(refused, TooLargeError { bytes: 11, max_bytes: 10 });
        assert_eq!(cache.get("a").unwrap(), "22");
    }

    /// The expected content of a cache, in order of use.
    #[derive(Default)]
    struct Model(Vec<(String, usize)>);

    impl Model {
        fn touch(&mut self, key: &str) -> Option<usize> {
            let at = self.0.iter().position(|(known, _)| known == key)?;
            let entry = self.0.remove(at);
            self.0.push(entry);
            Some(self.0.last()?.1)
        }

        fn put(&mut self, key: &str, len: usize, (size, bytes): (usize, usize)) {
            if key.len() + len > bytes {
                return;
            }
            self.0.retain(|(known, _)| known != key);
            self.0.push((key.to_owned(), len));
            while self.0.len() > size || self.bytes() > bytes {
                self.0.remove(0);
            }
        }

        fn bytes(&self) -> usize {
            self.0.iter().map(|(key, len)| key.len() + len).sum()
        }
    }

    proptest! {
        #[test]
        fn every_history_matches_the_model(
            limits in (1usize..6, 1usize..40),
            steps in prop::collection::vec(("[a-h]", prop::option::of(0usize..24)), 0..80),
        ) {
            let (mut cache, mut model) = (LruBlobs::new(limits.0, limits.1), Model::default());
            for (key, put) in steps {
                if let Some(len) = put {
                    let fits = key.len() + len <= limits.1;
                    prop_assert_eq!(cache.put(&key, vec![0; len].into()).is_ok(), fits);
                    model.put(&key, len, limits);
                } else {
                    prop_assert_eq!(cache.get(&key).map(|blob| blob.len()), model.touch(&key));
                }
                prop_assert_eq!(cache.bytes, model.bytes());
                prop_assert_eq!(cache.blobs.len(), model.0.len());
            }
        }
    }
}
