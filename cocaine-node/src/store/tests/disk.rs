//! A disk in memory that records its operations, and can block, fill up, fail, and lose power.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use redb::{Database, DatabaseError, StorageBackend};

use crate::store::{Store, StoreError, folder::database_builder, writer::Backend};

/// An event, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskEvent {
    Write,
    Sync,
    /// Noted by a test: an operation was acknowledged.
    Acknowledged(usize),
}

#[derive(Clone, Debug)]
enum DiskChange {
    Length(u64),
    Bytes(u64, Vec<u8>),
}

#[derive(Debug, Default)]
struct DiskState {
    /// The content that reads return.
    content: Vec<u8>,
    /// The content at the last sync.
    synced: Vec<u8>,
    /// The changes since.
    unsynced: Vec<DiskChange>,
    events: Vec<DiskEvent>,
    syncs: usize,
    syncs_blocked: bool,
    /// A sync is blocked.
    sync_waiting: bool,
    fault: Option<DiskFault>,
    /// The number of next syncs that fail. Reads still see what was written.
    failing_syncs: usize,
}

/// A fault of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DiskFault {
    /// It accepts no writes.
    Full,
    /// It cannot grow.
    Fixed,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk(Arc<(Mutex<DiskState>, Condvar)>);

impl FaultyDisk {
    pub(crate) fn store(&self) -> Store {
        let database = database_builder().create_with_backend(self.clone()).expect("the disk has a database");
        Store::start(database, Box::new(self.clone()), None).expect("the database has a store")
    }

    /// Blocks every sync from now on.
    pub(crate) fn block_syncs(&self) {
        self.state().syncs_blocked = true;
    }

    /// Waits until a sync is blocked.
    pub(crate) async fn wait_until_blocked(&self) {
        let disk = self.clone();
        let wait = move || {
            let (_, changed) = &*disk.0;
            let limit = Duration::from_mins(1);
            let (_state, result) =
                changed.wait_timeout_while(disk.state(), limit, |state| !state.sync_waiting).unwrap();
            assert!(!result.timed_out(), "no sync is blocked");
        };
        tokio::task::spawn_blocking(wait).await.unwrap();
    }

    pub(crate) fn unblock_syncs(&self) {
        self.state().syncs_blocked = false;
        self.0.1.notify_all();
    }

    pub(crate) fn set_full(&self, full: bool) {
        self.state().fault = full.then_some(DiskFault::Full);
    }

    pub(crate) fn set_fixed(&self, fixed: bool) {
        self.state().fault = fixed.then_some(DiskFault::Fixed);
    }

    /// Makes the next syncs fail.
    pub(crate) fn fail_syncs(&self, count: usize) {
        self.state().failing_syncs = count;
    }

    pub(crate) fn syncs(&self) -> usize {
        self.state().syncs
    }

    pub(crate) fn note(&self, event: DiskEvent) {
        self.state().events.push(event);
    }

    pub(crate) fn drain_events(&self) -> Vec<DiskEvent> {
        std::mem::take(&mut self.state().events)
    }

    /// Returns the disk after a power loss at this moment: all synced changes, and a random part of the others.
    pub(crate) fn after_power_loss(&self, random: &mut fastrand::Rng) -> Self {
        let state = self.state();
        let mut image = state.synced.clone();
        for change in &state.unsynced {
            match change {
                _ if random.bool() => {}
                DiskChange::Bytes(at, bytes) if random.bool() => {
                    // The write was interrupted.
                    apply(&mut image, &DiskChange::Bytes(*at, bytes[..random.usize(..=bytes.len())].into()));
                }
                change => apply(&mut image, change),
            }
        }
        let state = DiskState { content: image.clone(), synced: image, ..DiskState::default() };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    fn state(&self) -> MutexGuard<'_, DiskState> {
        self.0.0.lock().unwrap()
    }

    fn change(&self, change: DiskChange) -> io::Result<()> {
        let mut state = self.state();
        let grows = matches!(&change, DiskChange::Length(length) if *length > state.content.len() as u64);
        let refused = match state.fault {
            Some(DiskFault::Full) => true,
            Some(DiskFault::Fixed) => grows,
            None => false,
        };
        if refused {
            return Err(io::ErrorKind::StorageFull.into());
        }
        apply(&mut state.content, &change);
        state.unsynced.push(change);
        state.events.push(DiskEvent::Write);
        Ok(())
    }
}

fn apply(image: &mut Vec<u8>, change: &DiskChange) {
    match change {
        DiskChange::Length(length) => image.resize(usize::try_from(*length).unwrap(), 0),
        DiskChange::Bytes(at, bytes) => {
            let at = usize::try_from(*at).unwrap();
            if image.len() < at + bytes.len() {
                image.resize(at + bytes.len(), 0);
            }
            image[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}

impl Backend for FaultyDisk {
    fn reopen(&mut self) -> Result<Database, DatabaseError> {
        database_builder().create_with_backend(self.clone())
    }

    fn file_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.state().content.len() as u64)
    }

    fn create_replacement(&mut self) -> Result<Database, StoreError> {
        Err(StoreError::Unsupported("the disk has room for one database".into()))
    }

    fn adopt_replacement(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        let state = self.state();
        let bytes = state.content.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(DiskChange::Length(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        let (_, changed) = &*self.0;
        let mut state = self.state();
        state.sync_waiting = state.syncs_blocked;
        changed.notify_all();
        state = changed.wait_while(state, |state| state.syncs_blocked).unwrap();
        state.sync_waiting = false;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            return Err(io::Error::other("the sync failed"));
        }
        let DiskState { synced, unsynced, .. } = &mut *state;
        for change in unsynced.drain(..) {
            apply(synced, &change);
        }
        state.syncs += 1;
        state.events.push(DiskEvent::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(DiskChange::Bytes(offset, data.to_vec()))
    }
}
