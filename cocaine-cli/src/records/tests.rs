use std::sync::{Arc, Mutex};

use cocaine::Result as CloudResult;

use super::*;

/// A storage of one blob, which somebody else replaces after each of the first writes.
#[derive(Clone, Default)]
struct SharedStorage(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    blob: Bytes,
    /// What others add, one after each write.
    additions: Vec<&'static str>,
}

impl Storage for SharedStorage {
    async fn read(&self, _: &str, _: &str) -> CloudResult<Bytes> {
        Ok(self.0.lock().unwrap().blob.clone())
    }

    async fn write(&self, _: &str, _: &str, blob: &Bytes, _: Option<&[&str]>) -> CloudResult<()> {
        let mut contents = self.0.lock().unwrap();
        match contents.additions.pop() {
            None => contents.blob = blob.clone(),
            // The other has read before this write.
            Some(addition) => {
                let mut entries: RecordEntries = msgpack::from_bytes(&contents.blob)?;
                entries.insert(addition.to_owned(), "default".into());
                contents.blob = msgpack::to_vec(&entries)?.into();
            }
        }
        Ok(())
    }

    async fn remove(&self, _: &str, _: &str) -> CloudResult<()> {
        unreachable!()
    }

    async fn find(&self, _: &str, _: &[&str]) -> CloudResult<Vec<String>> {
        unreachable!()
    }
}

fn runlist(apps: &[&str]) -> RecordEntries {
    apps.iter().map(|app| ((*app).to_owned(), "default".into())).collect()
}

fn shared(additions: &[&'static str]) -> Records<SharedStorage> {
    let blob = msgpack::to_vec(&runlist(&["shop"])).unwrap().into();
    let contents = Contents { blob, additions: additions.to_vec() };
    Records { storage: SharedStorage(Arc::new(Mutex::new(contents))), kind: RecordKind::RUNLIST }
}

async fn add_links(records: &Records<SharedStorage>) -> Result<RecordEntries> {
    let add = |entries: &mut RecordEntries| {
        entries.insert("links".to_owned(), "default".into());
    };
    records.update("main", add).await
}

#[tokio::test]
async fn changes_of_two_people_are_both_made() {
    let records = shared(&["other", "third"]);
    let expected = runlist(&["links", "other", "shop", "third"]);
    assert_eq!(add_links(&records).await.unwrap(), expected);
    assert_eq!(records.read("main").await.unwrap(), expected);
}

#[tokio::test]
async fn record_that_always_changes_is_an_error() {
    let records = shared(&["a", "b", "c", "d", "e", "f"]);
    let error = add_links(&records).await.unwrap_err().to_string();
    assert!(error.contains("the runlist `main` is written by somebody else all the time"), "{error}");
}

#[tokio::test]
async fn names_that_are_tags_are_refused() {
    let records = shared(&[]);
    for error in [
        records.write("runlist", &runlist(&[])).await.unwrap_err(),
        records.remove("runlist").await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("no runlist can be called `runlist`"), "{error}");
    }
}
