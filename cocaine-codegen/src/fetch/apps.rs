//! The schemas of apps, which are in their manifests, which are in the service `storage`.

use std::collections::BTreeMap;

use cocaine::{Bytes, Client, Code, Error, Service, schema::AppSchema};
use tokio::task::JoinSet;

use super::AppSelection;
use crate::naming::shown;

const COLLECTION: &str = "manifests";
/// The tag of every manifest.
const TAG: &str = "app";

/// The most bytes of a manifest. A node takes 1 MiB.
const MAX_MANIFEST_BYTES: usize = 4 << 20;
/// The most bytes of all manifests together.
const MAX_TOTAL_BYTES: usize = 256 << 20;
/// How many manifests are read at once.
const CONCURRENT_READS: usize = 32;

/// Returns the schemas of the selected apps by name.
pub(super) async fn schemas(
    client: &Client,
    apps: AppSelection<'_>,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<String, AppSchema>, String> {
    let names = match apps {
        AppSelection::None | AppSelection::Each([]) | AppSelection::Present([]) => return Ok(BTreeMap::new()),
        AppSelection::All => None,
        AppSelection::Each(names) | AppSelection::Present(names) => Some(names.to_vec()),
    };
    let storage = client.dynamic("storage").await.map_err(|error| refused("be reached", &error))?;
    let names = match names {
        Some(names) => names,
        None => listed(&storage).await?,
    };
    let mut found = BTreeMap::new();
    for (name, manifest) in read_manifests(&storage, names).await? {
        let schema = match manifest {
            Some(manifest) => schema_in(&name, &manifest),
            None if matches!(apps, AppSelection::Each(_)) => Err(format!(
                "there is no app `{}`: upload it, or read its schema from a file with `--schema FILE`",
                shown(&name)
            )),
            None => Ok(None),
        };
        match (schema, apps) {
            (Ok(Some(schema)), _) => drop(found.insert(name, schema)),
            (Ok(None), AppSelection::Each(_)) => {
                return Err(format!(
                    "app `{}` has no schema: upload it with one, or read it from a file with `--schema FILE`",
                    shown(&name)
                ));
            }
            (Ok(None), _) => {}
            (Err(error), AppSelection::All) => notes.push(format!("{error}: it is left out")),
            (Err(error), _) => return Err(error),
        }
    }
    Ok(found)
}

async fn listed(storage: &Service) -> Result<Vec<String>, String> {
    storage.call("find", (COLLECTION, [TAG])).await.map_err(|error| refused("list its manifests", &error))
}

/// Reads some manifests at a time. One that is not there is `None`.
async fn read_manifests(
    storage: &Service,
    names: Vec<String>,
) -> Result<BTreeMap<String, Option<Bytes>>, String> {
    let mut names = names.into_iter();
    let mut reads = JoinSet::new();
    let (mut manifests, mut total) = (BTreeMap::new(), 0);
    loop {
        for name in names.by_ref().take(CONCURRENT_READS - reads.len()) {
            let storage = storage.clone();
            reads.spawn(async move {
                let manifest = storage.call::<_, Bytes>("read", (COLLECTION, &name)).await;
                (name, manifest)
            });
        }
        let Some(read) = reads.join_next().await else {
            return Ok(manifests);
        };
        let (name, manifest) = read.map_err(|error| error.to_string())?;
        let manifest = match manifest {
            Ok(manifest) => Some(bounded(&name, manifest, &mut total)?),
            Err(error) if error.code() == Some(Code::NOT_FOUND) => None,
            Err(error) => return Err(refused(&format!("read the manifest of `{}`", shown(&name)), &error)),
        };
        manifests.insert(name, manifest);
    }
}

fn bounded(name: &str, manifest: Bytes, total: &mut usize) -> Result<Bytes, String> {
    *total += manifest.len();
    if manifest.len() > MAX_MANIFEST_BYTES {
        let (name, len) = (shown(name), manifest.len());
        return Err(format!(
            "app `{name}`: its manifest has {len} bytes, and at most {MAX_MANIFEST_BYTES} are read"
        ));
    }
    if *total > MAX_TOTAL_BYTES {
        return Err(format!("the manifests have more than {MAX_TOTAL_BYTES} bytes: name apps with `--app`"));
    }
    Ok(manifest)
}

fn schema_in(name: &str, manifest: &Bytes) -> Result<Option<AppSchema>, String> {
    let schema = AppSchema::from_manifest(manifest);
    schema.map_err(|error| format!("app `{}`: its schema cannot be read: {error}", shown(name)))
}

fn refused(what: &str, error: &Error) -> String {
    format!(
        "the service `storage`, which has the manifests of apps, cannot {what}: {error}; allow it, ask another locator, or \
         read schemas from files with `--schema FILE`"
    )
}
