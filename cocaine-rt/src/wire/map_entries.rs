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
        deserializer.deserialize_map(MapEntriesVisitor(PhantomData))
    }
}

struct MapEntriesVisitor<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> de::Visitor<'de> for MapEntriesVisitor<K, V> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode::from_slice, encode::to_vec};

    #[test]
    fn entries_travel_in_their_order() {
        let entries = MapEntries(vec![(2.0, true), (1.0, false), (2.0, false)]);
        let bytes = to_vec(&entries).unwrap();
        assert_eq!(from_slice::<MapEntries<f64, bool>>(&bytes).unwrap(), entries);
        assert!(!entries.is_empty());
        let empty: MapEntries<u8, u8> = from_slice(&[0x80]).unwrap();
        assert!(empty.is_empty());
    }
}
