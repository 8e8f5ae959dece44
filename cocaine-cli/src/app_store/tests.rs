use std::{
    collections::BTreeSet,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use cocaine::Code;
use tokio::task::yield_now;

use super::*;

/// A storage in memory, of which some writes fail. Others can do something before each of its calls.
#[derive(Clone, Default)]
struct FailingStorage(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    blobs: BTreeMap<(String, String), Bytes>,
    tags: BTreeSet<(String, String)>,
    /// Whether each of the next writes is done, and what its answer is.
    writes: Vec<Write>,
    written: Vec<String>,
    /// How many reads fail, since nobody listens there.
    unreachable: u32,
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
    fn fail(&self, writes: &[Write]) {
        let mut writes = writes.to_vec();
        writes.reverse();
        let mut contents = self.0.lock().unwrap();
        contents.writes = writes;
        contents.written.clear();
    }

    fn blob(&self, collection: &str) -> Option<Bytes> {
        self.0.lock().unwrap().blobs.get(&(collection.to_owned(), "shop".to_owned())).cloned()
    }

    /// Returns the collections that were written since the last call of [`Self::fail`].
    fn written(&self) -> Vec<String> {
        self.0.lock().unwrap().written.clone()
    }

    fn store(&self) -> AppStore<Self> {
        AppStore { storage: self.clone() }
    }

    /// Checks what is uploaded.
    fn assert_uploaded(&self, expected: &Uploaded) {
        assert_eq!(self.blob(PACKAGES), expected.package);
        assert_eq!(self.blob(MANIFESTS).as_ref(), expected.manifest_blob());
    }

    /// Returns the packages of the versions that are kept, and checks that each can be read.
    async fn kept(&self) -> Vec<(u64, String)> {
        let (store, mut kept) = (self.store(), Vec::new());
        for version in store.versions("shop").await.unwrap().iter() {
            let package = store.read_version("shop", version).await.unwrap().package.unwrap();
            kept.push((version.number, package.as_str().unwrap().to_owned()));
        }
        kept
    }
}

impl Storage for FailingStorage {
    async fn read(&self, collection: &str, key: &str) -> CloudResult<Bytes> {
        yield_now().await;
        let mut contents = self.0.lock().unwrap();
        if let Some(left) = contents.unreachable.checked_sub(1) {
            contents.unreachable = left;
            return Err(cocaine::Error::service(Code::SERVICE_NOT_AVAILABLE, "nobody listens"));
        }
        let blob = contents.blobs.get(&(collection.to_owned(), key.to_owned()));
        blob.cloned().ok_or_else(|| cocaine::Error::service(Code::NOT_FOUND, "no such file"))
    }

    async fn write(
        &self,
        collection: &str,
        key: &str,
        blob: &Bytes,
        tags: Option<&[&str]>,
    ) -> CloudResult<()> {
        yield_now().await;
        let mut contents = self.0.lock().unwrap();
        contents.written.push(collection.to_owned());
        let (stored, result) = match contents.writes.pop().unwrap_or(Write::Done) {
            Write::Done => (Some(blob.clone()), Ok(())),
            Write::Refused => {
                (None, Err(cocaine::Error::service(Code::NOT_SUPPORTED, "No space left on device")))
            }
            Write::Torn => (Some(blob[..1].into()), Ok(())),
        };
        if let Some(stored) = stored {
            for tag in tags.into_iter().flatten() {
                contents.tags.insert((format!("{collection}/{tag}"), key.to_owned()));
            }
            contents.blobs.insert((collection.to_owned(), key.to_owned()), stored);
        }
        result
    }

    async fn remove(&self, collection: &str, key: &str) -> CloudResult<()> {
        yield_now().await;
        let mut contents = self.0.lock().unwrap();
        contents.blobs.remove(&(collection.to_owned(), key.to_owned()));
        contents.tags.retain(|(tag, tagged)| !tag.starts_with(collection) || tagged != key);
        Ok(())
    }

    async fn find(&self, collection: &str, tags: &[&str]) -> CloudResult<Vec<String>> {
        yield_now().await;
        let [tag] = tags else { panic!("several tags") };
        let tag = format!("{collection}/{tag}");
        let contents = self.0.lock().unwrap();
        Ok(contents.tags.iter().filter(|(tagged, _)| *tagged == tag).map(|(_, key)| key.clone()).collect())
    }
}

fn version(package: &str, program: &str) -> Uploaded {
    let manifest = Manifest::new(None, &BTreeMap::new(), program, None).unwrap();
    Uploaded { package: Some(package.into()), manifest: Some(manifest) }
}

/// Returns a storage in which this is uploaded, by another tool.
fn storage_with(uploaded: &Uploaded) -> FailingStorage {
    let storage = FailingStorage::default();
    for (collection, blob) in [(PACKAGES, &uploaded.package), (MANIFESTS, &uploaded.manifest_blob().cloned())]
    {
        if let Some(blob) = blob {
            let key = (collection.to_owned(), "shop".to_owned());
            storage.0.lock().unwrap().blobs.insert(key, blob.clone());
        }
    }
    storage
}

/// Uploads as the command does.
async fn upload(storage: &FailingStorage, new: &Uploaded, keep: usize) -> Result<()> {
    let store = storage.store();
    let former = store.uploaded_as_it_is("shop").await?;
    store.switch("shop", &former, new, keep).await?;
    store.remove_older_versions("shop", new, keep).await
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let old = version("old", "run");
    for (new, writes) in [
        (version("old", "run"), &[][..]),
        (version("new", "run"), &[PACKAGES]),
        (version("old", "go"), &[MANIFESTS]),
        (version("new", "go"), &[PACKAGES, MANIFESTS]),
    ] {
        let storage = storage_with(&old);
        storage.store().switch("shop", &old, &new, 0).await.unwrap();
        assert_eq!(storage.written(), writes);
        storage.assert_uploaded(&new);
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
            let storage = storage_with(&former);
            storage.fail(writes);
            let error = storage.store().switch("shop", &former, &new, 0).await.unwrap_err().to_string();
            assert!(error.ends_with("; `shop` is what it was"), "{error}");
            storage.assert_uploaded(&former);
        }
    }
}

#[tokio::test]
async fn failed_restoration_says_what_to_do() {
    let (old, new) = (version("old", "run"), version("new", "go"));
    let storage = storage_with(&old);
    // Both versions are kept, the package is written; then the disk is full.
    storage.fail(&[Write::Done, Write::Done, Write::Done, Write::Refused, Write::Refused]);
    let error = upload(&storage, &new, 5).await.unwrap_err().to_string();
    assert!(
        error.contains("manifests/shop cannot be written") && error.contains("`cocaine app rollback shop`"),
        "{error}"
    );
    assert_eq!(storage.kept().await, [(1, "old".to_owned()), (2, "new".to_owned())]);
    let hashes = VersionHashes::of(&storage.store().uploaded_as_it_is("shop").await.unwrap());
    let versions = storage.store().versions("shop").await.unwrap();
    assert_eq!(versions.before(hashes).map(|version| version.number), Some(1));
}

#[tokio::test(start_paused = true)]
async fn storage_that_is_away_is_waited_for() {
    let (old, new) = (version("old", "run"), version("new", "go"));
    for (unreachable, words) in [(20, "`shop` is what it was"), (u32::MAX, "cannot be restored (")] {
        let storage = storage_with(&old);
        storage.fail(&[Write::Done, Write::Refused]);
        storage.0.lock().unwrap().unreachable = unreachable;
        let error = storage.store().switch("shop", &old, &new, 0).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn version_that_cannot_be_kept_changes_nothing() {
    let old = version("old", "run");
    for writes in
        [&[Write::Refused][..], &[Write::Torn], &[Write::Done, Write::Refused], &[Write::Done, Write::Torn]]
    {
        let storage = storage_with(&old);
        storage.fail(writes);
        let error = upload(&storage, &version("new", "go"), 5).await.unwrap_err().to_string();
        assert!(error.contains("cannot be kept, so that nothing is changed"), "{error}");
        storage.assert_uploaded(&old);
        assert!(storage.kept().await.iter().all(|(_, package)| package == "old"));
    }
}

#[tokio::test]
async fn failed_upload_leaves_no_version() {
    let old = version("old", "run");
    let storage = storage_with(&Uploaded::default());
    upload(&storage, &old, 5).await.unwrap();
    storage.fail(&[Write::Done, Write::Done, Write::Refused]);
    upload(&storage, &version("new", "go"), 5).await.unwrap_err();
    storage.assert_uploaded(&old);
    assert_eq!(storage.kept().await, [(1, "old".to_owned())]);
}

#[tokio::test]
async fn last_versions_are_kept() {
    let storage = storage_with(&version("0", "run"));
    for package in ["1", "2", "2", "3", "1", "4"] {
        upload(&storage, &version(package, "run"), 2).await.unwrap();
    }
    let kept = storage.kept().await;
    let packages: Vec<_> = kept.iter().map(|(number, package)| (*number, package.as_str())).collect();
    assert_eq!(packages, [(3, "2"), (4, "3"), (5, "4")]);
    upload(&storage, &version("5", "run"), 0).await.unwrap();
    assert_eq!(storage.kept().await, []);
}

#[tokio::test]
async fn interrupted_switch_is_mended() {
    let (old, new) = (version("old", "run"), version("new", "go"));
    for polls in 0.. {
        let storage = storage_with(&Uploaded::default());
        upload(&storage, &old, 5).await.unwrap();
        {
            let mut first = pin!(upload(&storage, &new, 5));
            if run_for(first.as_mut(), polls) {
                assert!(polls > 10);
                return;
            }
        }
        let (store, second) = (storage.store(), FailingStorage(Arc::new(Mutex::new(storage.copy()))));
        let former = store.uploaded_as_it_is("shop").await.unwrap();
        let versions = store.versions("shop").await.unwrap();
        if !former.is_same(&old) {
            let before = versions.before(VersionHashes::of(&former)).unwrap();
            let target = store.read_version("shop", before).await.unwrap();
            store.switch("shop", &former, &target, usize::MAX).await.unwrap();
        }
        storage.assert_uploaded(&old);
        upload(&second, &new, 5).await.unwrap();
        second.assert_uploaded(&new);
        assert_eq!(second.kept().await, [(1, "old".to_owned()), (2, "new".to_owned())], "{polls}");
    }
}

#[tokio::test]
async fn simultaneous_uploads_never_mix() {
    let old = version("old", "run");
    for mut order in 0..4096_u64 {
        let storage = storage_with(&Uploaded::default());
        upload(&storage, &old, 5).await.unwrap();
        let (one, two) = (version("one", "go"), version("two", "fly"));
        let (mut first, mut second) = (pin!(upload(&storage, &one, 5)), pin!(upload(&storage, &two, 5)));
        let (mut first_ended, mut second_ended) = (false, false);
        while !first_ended || !second_ended {
            order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (order >> 62, first_ended) {
                (0 | 1, false) => first_ended = run_for(first.as_mut(), 1),
                _ if !second_ended => second_ended = run_for(second.as_mut(), 1),
                _ => {}
            }
        }
        let uploaded = storage.store().uploaded_as_it_is("shop").await.unwrap();
        assert!(uploaded.is_same(&one) || uploaded.is_same(&two), "{uploaded:?}");
        let packages: BTreeSet<_> = storage.kept().await.into_iter().map(|(_, package)| package).collect();
        assert_eq!(packages, BTreeSet::from(["old", "one", "two"].map(str::to_owned)));
    }
}

/// Polls an upload so many times, and returns whether it has ended.
fn run_for(mut upload: Pin<&mut impl Future<Output = Result<()>>>, polls: u32) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).any(|_| matches!(upload.as_mut().poll(&mut context), Poll::Ready(_)))
}

impl FailingStorage {
    fn copy(&self) -> Contents {
        let contents = self.0.lock().unwrap();
        Contents { blobs: contents.blobs.clone(), tags: contents.tags.clone(), ..Contents::default() }
    }
}
