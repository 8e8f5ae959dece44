use std::sync::{Arc, Mutex};

use cocaine::Code;

use super::*;

/// A storage in memory, of which some writes fail.
#[derive(Clone, Default)]
struct FailingStorage(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    blobs: BTreeMap<(String, String), Bytes>,
    /// Whether each of the next writes is done, and what its answer is.
    writes: Vec<Write>,
    count: usize,
}

#[derive(Clone, Copy)]
enum Write {
    Done,
    /// Nothing is written.
    Refused,
    /// A part is written, as on a full disk.
    Torn,
}

impl FailingStorage {
    fn new(writes: &[Write]) -> Self {
        let mut writes = writes.to_vec();
        writes.reverse();
        Self(Arc::new(Mutex::new(Contents { writes, ..Contents::default() })))
    }

    fn blob(&self, collection: &str) -> Option<Bytes> {
        self.0.lock().unwrap().blobs.get(&(collection.to_owned(), "shop".to_owned())).cloned()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().count
    }
}

impl Storage for FailingStorage {
    async fn read(&self, collection: &str, key: &str) -> CloudResult<Bytes> {
        let contents = self.0.lock().unwrap();
        let blob = contents.blobs.get(&(collection.to_owned(), key.to_owned()));
        blob.cloned().ok_or_else(|| cocaine::Error::service(Code::NOT_FOUND, "no such file"))
    }

    async fn write(&self, collection: &str, key: &str, blob: &Bytes, _: Option<&[&str]>) -> CloudResult<()> {
        let mut contents = self.0.lock().unwrap();
        contents.count += 1;
        let (stored, result) = match contents.writes.pop().unwrap_or(Write::Done) {
            Write::Done => (Some(blob.clone()), Ok(())),
            Write::Refused => {
                (None, Err(cocaine::Error::service(Code::NOT_SUPPORTED, "No space left on device")))
            }
            Write::Torn => (Some(blob[..1].into()), Ok(())),
        };
        if let Some(stored) = stored {
            contents.blobs.insert((collection.to_owned(), key.to_owned()), stored);
        }
        result
    }

    async fn remove(&self, collection: &str, key: &str) -> CloudResult<()> {
        self.0.lock().unwrap().blobs.remove(&(collection.to_owned(), key.to_owned()));
        Ok(())
    }

    async fn find(&self, _: &str, _: &[&str]) -> CloudResult<Vec<String>> {
        Ok(Vec::new())
    }
}

fn version(package: &str, program: &str) -> Uploaded {
    let manifest = Manifest::new(None, &BTreeMap::new(), program, None).unwrap();
    Uploaded { package: Some(package.into()), manifest: Some(manifest) }
}

/// Uploads a version where another one is, and returns the error and the storage.
async fn replace(former: &Uploaded, new: &Uploaded, writes: &[Write]) -> (Result<()>, FailingStorage) {
    let storage = FailingStorage::new(writes);
    for (collection, blob) in [(PACKAGES, &former.package), (MANIFESTS, &former.manifest_blob().cloned())] {
        if let Some(blob) = blob {
            let key = (collection.to_owned(), "shop".to_owned());
            storage.0.lock().unwrap().blobs.insert(key, blob.clone());
        }
    }
    let replaced = AppStore(storage.clone()).replace("shop", former, new).await;
    (replaced, storage)
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let old = version("old", "run");
    for (new, writes) in [(version("old", "run"), 0), (version("new", "run"), 1), (version("old", "go"), 1)] {
        let (replaced, storage) = replace(&old, &new, &[]).await;
        replaced.unwrap();
        assert_eq!(storage.count(), writes);
        assert_eq!(storage.blob(PACKAGES), new.package);
        assert_eq!(storage.blob(MANIFESTS).as_ref(), new.manifest_blob());
    }
}

#[tokio::test]
async fn failed_write_restores_former_version() {
    let new = version("new", "go");
    for former in [version("old", "run"), Uploaded::default()] {
        for writes in [
            &[Write::Refused][..],
            &[Write::Torn],
            &[Write::Done, Write::Refused],
            &[Write::Done, Write::Torn],
        ] {
            let (replaced, storage) = replace(&former, &new, writes).await;
            let error = replaced.unwrap_err().to_string();
            assert!(error.ends_with("; `shop` is what it was"), "{error}");
            assert_eq!(storage.blob(PACKAGES), former.package);
            assert_eq!(storage.blob(MANIFESTS).as_ref(), former.manifest_blob());
        }
    }
}

#[tokio::test]
async fn failed_restoration_says_what_to_do() {
    let (old, new) = (version("old", "run"), version("new", "go"));
    let writes = [Write::Done, Write::Refused, Write::Refused];
    let (replaced, _storage) = replace(&old, &new, &writes).await;
    let error = replaced.unwrap_err().to_string();
    assert!(
        error.contains("manifests/shop cannot be written") && error.contains("upload it again"),
        "{error}"
    );
}
