//! The schemas of the apps that are called by the names of their events.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cocaine::{
    Bytes, Code, MemoryBudget, MemoryReservation, Result, Service, Value,
    schema::{AppSchema, HASH_HEADER, MANIFEST_KEY, hash_text},
};
use quick_cache::{Weighter, sync::Cache};
use tokio::task::spawn_blocking;

use super::lease_pool::LeasePool;

/// How many bytes of manifests are cached.
const MAX_CACHED_BYTES: u64 = 8 << 20;

/// What an app without a schema counts in the cache.
const ENTRY_BYTES: u64 = 1 << 10;

/// The largest manifest that is read, which is the largest that a node reads.
const MAX_MANIFEST: usize = 1 << 20;

/// How much larger a schema is in memory than in a manifest.
const DECODED_FACTOR: usize = 10;

/// The size of a manifest from which on it is decoded on a thread for blocking work.
const LARGE_MANIFEST: usize = 32 << 10;

/// How long a schema is used before the app is asked for it again.
const REFRESH: Duration = Duration::from_secs(2);

/// How long an answer may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The schemas of apps by name, as far as they are known.
#[derive(Debug)]
pub(crate) struct AppSchemas {
    cache: Cache<String, CachedSchema, SchemaWeighter>,
    memory: MemoryBudget,
}

/// The schema of an app, or why it has none.
pub(crate) type KnownSchema = std::result::Result<Arc<LoadedSchema>, Arc<str>>;

/// A schema, and the memory that is counted for it.
#[derive(Debug)]
pub(crate) struct LoadedSchema {
    pub(crate) schema: AppSchema,
    /// The hashes of the events that were called, as the header [`HASH_HEADER`] has them.
    hashes: Mutex<BTreeMap<String, Bytes>>,
    is_large: bool,
    _reservation: MemoryReservation,
}

impl LoadedSchema {
    /// Returns the hash of an event, if the schema has it.
    pub(crate) async fn event_hash(self: &Arc<Self>, event: &str) -> Option<Bytes> {
        let known = self.hashes.lock().unwrap_or_else(PoisonError::into_inner).get(event).cloned();
        if known.is_some() {
            return known;
        }
        let hash = if self.is_large {
            let (loaded, event) = (self.clone(), event.to_owned());
            spawn_blocking(move || loaded.schema.event_hash(&event)).await.ok().flatten()?
        } else {
            self.schema.event_hash(event)?
        };
        let text = Bytes::from(hash_text(hash));
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).insert(event.to_owned(), text.clone());
        Some(text)
    }
}

#[derive(Clone, Debug)]
struct CachedSchema {
    /// What it was read from.
    manifest: Bytes,
    schema: KnownSchema,
    since: Instant,
}

#[derive(Clone, Debug)]
struct SchemaWeighter;

impl Weighter<String, CachedSchema> for SchemaWeighter {
    fn weight(&self, name: &String, cached: &CachedSchema) -> u64 {
        ENTRY_BYTES + (name.len() + cached.manifest.len()) as u64
    }
}

impl AppSchemas {
    pub(crate) fn new(memory: MemoryBudget) -> Self {
        let items = usize::try_from(MAX_CACHED_BYTES / ENTRY_BYTES).unwrap_or_default();
        Self { cache: Cache::with_weighter(items, MAX_CACHED_BYTES, SchemaWeighter), memory }
    }

    /// Returns the schema of the app that `service` is a connection to. The first of several callers asks for it.
    ///
    /// # Errors
    /// Neither the app nor the storage says whether it has one.
    pub(crate) async fn get(&self, pool: &LeasePool, service: &Service) -> Result<KnownSchema> {
        let name = service.name();
        let cached = self.cache.get(name);
        if let Some(cached) = &cached {
            if cached.since.elapsed() < REFRESH {
                return Ok(cached.schema.clone());
            }
            self.cache.remove_if(name, |stale| stale.since == cached.since);
        }
        let load = async {
            let manifest = find_manifest(pool, service).await?;
            let schema = match cached {
                Some(cached) if cached.manifest == manifest => cached.schema,
                _ => self.decode(manifest.clone()).await,
            };
            Ok(CachedSchema { manifest, schema, since: Instant::now() })
        };
        Ok(self.cache.get_or_insert_async(name, load).await?.schema)
    }

    /// Forgets the schema of an app, which a worker has refused.
    pub(crate) fn remove(&self, name: &str) {
        self.cache.remove(name);
    }

    async fn decode(&self, manifest: Bytes) -> KnownSchema {
        if manifest.len() > MAX_MANIFEST {
            return Err(format!("its manifest has more than {MAX_MANIFEST} bytes").into());
        }
        let reservation = self.memory.charge(manifest.len() * DECODED_FACTOR);
        let is_large = manifest.len() > LARGE_MANIFEST;
        let decoded = if is_large {
            let decoded = spawn_blocking(move || AppSchema::from_manifest(&manifest)).await;
            decoded.map_err(|error| -> Arc<str> { error.to_string().into() })?
        } else {
            AppSchema::from_manifest(&manifest)
        };
        match decoded {
            Ok(Some(schema)) => Ok(Arc::new(LoadedSchema {
                schema,
                hashes: Mutex::default(),
                is_large,
                _reservation: reservation,
            })),
            Ok(None) => Err("it was uploaded without a schema".into()),
            Err(error) => Err(format!("its schema cannot be read: {error}").into()),
        }
    }
}

/// Returns the manifest of an app, or what a node of this project gives of it: the app that runs is asked first, since what
/// is stored may have changed.
async fn find_manifest(pool: &LeasePool, service: &Service) -> Result<Bytes> {
    let app = service.with_header(HASH_HEADER, "").with_deadline(LOOKUP_TIMEOUT);
    let info: Result<Value> = app.call("info", ()).await;
    match &info {
        Ok(info) => match info.get(MANIFEST_KEY) {
            Some(Value::Raw(manifest)) => return Ok(manifest.clone()),
            Some(_) => return Ok(EMPTY_MANIFEST.into()),
            // An original node says nothing of it.
            None => {}
        },
        Err(error) if error.code().is_some() => {}
        Err(_) => return info.map(|_| Bytes::default()),
    }
    let storage = pool.lease("storage").await?;
    let stored = storage.service().with_deadline(LOOKUP_TIMEOUT);
    let stored = stored.call::<_, Bytes>("read", ("manifests", service.name())).await;
    match stored {
        Err(error) if error.code() == Some(Code::NOT_FOUND) => {
            storage.release();
            Ok(EMPTY_MANIFEST.into())
        }
        stored => {
            if stored.is_ok() {
                storage.release();
            }
            stored
        }
    }
}

/// A map without entries.
const EMPTY_MANIFEST: &[u8] = b"\x80";
