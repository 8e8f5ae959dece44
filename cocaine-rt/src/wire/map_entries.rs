//! A map as its entries.

use std::{fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The entries of a map, in the order in which they travel: for keys that neither a `BTreeMap` nor a `HashMap` takes, such
/// as floats.
///
/// ```
/// use cocaine::{MapEntries, msgpack};
///
/// let steps = MapEntries(vec![(0.5, "half"), (0.25, "quarter")]);
/// let bytes = msgpack::to_vec(&steps)?;
/// assert_eq!(bytes[0], 0x82, "a map of two");
/// # Ok::<(), cocaine::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapEntries<K, V>(
    /// The keys and values. A key that stands there twice is written, and read, twice.
    pub Vec<(K, V)>,
);

impl<K, V> MapEntries<K, V> {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K, V> Default for MapEntries<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K, V> FromIterator<(K, V)> for MapEntries<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<K: Serialize, V: Serialize> Serialize for MapEntries<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for MapEntries<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> de::Visitor<'de> for EntriesVisitor<K, V> {
    type Value = MapEntries<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    /// Reserves nothing by the length that a peer announces.
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(MapEntries(entries))
    }
}
