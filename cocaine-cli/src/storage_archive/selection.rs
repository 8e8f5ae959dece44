//! Which blobs of a storage go into a file. They are found by tags alone, and so their tags are those by which they were found.

use std::collections::{BTreeMap, BTreeSet};

use cocaine_bindings::{Storage as _, StorageClient};
use jiff::Timestamp;

use crate::{
    app_store::{VERSIONS, version_tag},
    error::{Error, Result},
    records::{CRASHLOGS, CrashlogKey, RecordKind},
};

/// The keys of blobs with their tags, by collection.
pub(crate) type BlobSelection = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Finds all blobs that nodes and this program write.
pub(crate) async fn select_all(storage: &StorageClient) -> Result<BlobSelection> {
    let kinds = RecordKind::ALL.iter().map(|kind| kind.collection.to_owned());
    let all: Vec<_> = kinds.chain([VERSIONS, CRASHLOGS].map(str::to_owned)).collect();
    select_collections(storage, &all, &[]).await
}

/// Finds the blobs of collections that have one of these tags. Without tags they are those that the collections are known for.
///
/// # Errors
/// A collection is not known for any tags.
pub(crate) async fn select_collections(
    storage: &StorageClient,
    collections: &[String],
    tags: &[String],
) -> Result<BlobSelection> {
    let mut selection = BlobSelection::new();
    for collection in collections {
        let tags = if tags.is_empty() { known_tags(storage, collection).await? } else { tags.to_vec() };
        let mut blobs = find(storage, collection, &tags).await?;
        if collection == CRASHLOGS {
            for (key, tags) in find(storage, collection, &days(blobs.keys())).await? {
                blobs.entry(key).or_default().extend(tags);
            }
        }
        selection.insert(collection.clone(), blobs);
    }
    Ok(selection)
}

/// Returns the tags that a collection is known for.
async fn known_tags(storage: &StorageClient, collection: &str) -> Result<Vec<String>> {
    if let Some(kind) = RecordKind::of_collection(collection) {
        return Ok(kind.tags.iter().map(|tag| (*tag).to_owned()).collect());
    }
    if collection != CRASHLOGS && collection != VERSIONS {
        return Err(Error::Usage(format!(
            "it is not known by which tags the blobs of `{collection}` are found: `--tag TAG`"
        )));
    }
    // Those of each app, which may have left no more than a package.
    let mut apps = BTreeSet::new();
    for kind in [RecordKind::MANIFEST, RecordKind::PACKAGE] {
        apps.extend(find(storage, kind.collection, &["app".to_owned()]).await?.into_keys());
    }
    let tag = |app: String| if collection == VERSIONS { version_tag(&app) } else { app };
    Ok(apps.into_iter().map(tag).collect())
}

/// Finds blobs that have one of these tags.
async fn find(
    storage: &StorageClient,
    collection: &str,
    tags: &[String],
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for tag in tags {
        let keys = storage.find(collection, &[tag]).await;
        for key in keys.map_err(Error::while_doing(format!("`{collection}` cannot be listed")))? {
            found.entry(key).or_default().insert(tag.clone());
        }
    }
    Ok(found)
}

/// Returns the tags of the days of crashlogs (`node.md` 1).
fn days<'a>(keys: impl Iterator<Item = &'a String>) -> Vec<String> {
    let day = |key: &String| {
        let micros = CrashlogKey::new(key.clone()).micros?;
        let time = Timestamp::from_microsecond(micros.try_into().ok()?).ok()?;
        Some(time.strftime("cocaine-%Y-%m-%d").to_string())
    };
    keys.filter_map(day).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashlogs_have_the_tags_of_their_days() {
        let keys = ["1700000000000000:a", "1700000000000001:b", "0:c", "x", "18446744073709551615:d"];
        let days = days(keys.map(str::to_owned).iter());
        assert_eq!(days, ["cocaine-1970-01-01", "cocaine-2023-11-14"]);
    }
}
