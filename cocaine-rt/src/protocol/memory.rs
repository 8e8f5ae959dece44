//! The memory that the connections of a process use together.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use crate::protocol::error::{Error, ErrorKind};

/// A limit on the memory that connections use together, whatever their peers send. Clones share it.
///
/// A connection counts what it keeps for its peer in a budget once that is more than [`MemoryBudget::UNCOUNTED_BYTES`]:
/// frames that have not arrived completely, messages that were not read, the arguments of calls that run, and the output
/// that the peer has not read. While memory is scarce, connections that have counted anything read no further and begin no
/// further calls until that is less, and large frames wait for room; small calls and control messages go on.
///
/// ```
/// let memory = cocaine::MemoryBudget::new(1 << 30);
/// assert_eq!((memory.limit(), memory.used()), (Some(1 << 30), 0));
/// assert_eq!(cocaine::MemoryBudget::unlimited().limit(), None);
/// ```
#[derive(Clone, Default)]
pub struct MemoryBudget(Option<Arc<BudgetState>>);

struct BudgetState {
    limit: usize,
    /// Whether others than small users have to wait, readable without the lock.
    is_scarce: AtomicBool,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    used: usize,
    /// The requests that wait, in the order in which they came; those of the last stage and the others.
    last_stage: VecDeque<QueuedRequest>,
    first_stage: VecDeque<QueuedRequest>,
}

struct QueuedRequest {
    bytes: usize,
    sender: oneshot::Sender<MemoryReservation>,
}

/// The stage of what needs memory, on its way through the process.
///
/// What a process passes on from one of its connections to another is in memory at both. If the first ones could use up the
/// budget, none could be passed on, so a quarter of it is left to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryStage {
    /// What arrives from elsewhere, and what is loaded for an answer.
    First,
    /// What this process reads as a client.
    Last,
}

impl MemoryBudget {
    /// What each connection may keep in addition to the budget: 64 KiB. Connections that keep more are counted in steps of
    /// this size.
    pub const UNCOUNTED_BYTES: usize = 64 << 10;

    /// Returns a budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let ledger = Mutex::new(Ledger::default());
        Self(Some(Arc::new(BudgetState { limit, is_scarce: AtomicBool::new(false), ledger })))
    }

    /// Returns a budget without a limit, in which nothing is counted.
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// Returns how many bytes are counted for a user of `used` bytes.
    pub(crate) fn counted_bytes(used: usize) -> usize {
        if used <= Self::UNCOUNTED_BYTES { 0 } else { used.next_multiple_of(Self::UNCOUNTED_BYTES) }
    }

    /// Returns the limit in bytes, if there is one.
    pub fn limit(&self) -> Option<usize> {
        self.0.as_ref().map(|state| state.limit)
    }

    /// Returns how many bytes are in use or reserved.
    pub fn used(&self) -> usize {
        self.0.as_ref().map_or(0, |state| state.lock().used)
    }

    /// Returns whether memory is scarce: three quarters of it are in use, or somebody waits for it.
    #[inline]
    pub fn is_scarce(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.is_scarce.load(Ordering::Relaxed))
    }

    /// Reserves bytes, unless that would make memory scarce or it is scarce already.
    pub fn try_reserve(&self, bytes: usize) -> Option<MemoryReservation> {
        let Some(state) = &self.0 else { return Some(MemoryReservation::default()) };
        let mut ledger = state.lock();
        let fits = ledger.first_stage.is_empty() && state.fits(&ledger, bytes, MemoryStage::First);
        fits.then(|| self.take(state, &mut ledger, bytes))
    }

    /// Counts bytes that are in use already, even if they exceed the limit.
    pub fn charge(&self, bytes: usize) -> MemoryReservation {
        self.add(bytes);
        MemoryReservation { budget: self.clone(), bytes }
    }

    /// Returns a reservation to wait for. Requests of a stage are granted in the order in which they were made.
    ///
    /// # Errors
    /// More bytes than the budget can ever have.
    pub(crate) fn request(&self, bytes: usize, stage: MemoryStage) -> Result<MemoryRequest, Error> {
        let (sender, receiver) = oneshot::channel();
        let request = MemoryRequest { budget: self.clone(), receiver };
        let Some(shared) = &self.0 else {
            // The receiver is in `request`.
            drop(sender.send(MemoryReservation::default()));
            return Ok(request);
        };
        if bytes > shared.stage_limit(stage) {
            return Err(self.refusal(bytes));
        }
        let queued = QueuedRequest { bytes, sender };
        match stage {
            MemoryStage::First => shared.lock().first_stage.push_back(queued),
            MemoryStage::Last => shared.lock().last_stage.push_back(queued),
        }
        self.grant();
        Ok(request)
    }

    /// Returns the error for bytes that there is no room for.
    pub(crate) fn refusal(&self, bytes: usize) -> Error {
        let (used, limit) = (self.used(), self.limit().unwrap_or(usize::MAX));
        Error::new(ErrorKind::LimitExceeded(format!(
            "no memory for {bytes} bytes: all connections together use {used} of {limit} bytes (`max_memory_bytes`), a \
             quarter of which is kept for what is under way; try again later or raise it"
        )))
    }

    /// Counts bytes that are in use already.
    pub(crate) fn add(&self, bytes: usize) {
        if let Some(state) = &self.0 {
            let mut ledger = state.lock();
            ledger.used = ledger.used.saturating_add(bytes);
            state.update_scarcity(&ledger);
        }
    }

    /// Returns bytes to the budget, and grants the requests that they suffice for. Wakes tasks: no lock may be held.
    pub(crate) fn subtract(&self, bytes: usize) {
        if let Some(state) = &self.0 {
            let mut ledger = state.lock();
            ledger.used -= bytes;
            drop(ledger);
            self.grant();
        }
    }

    fn take(&self, state: &BudgetState, ledger: &mut Ledger, bytes: usize) -> MemoryReservation {
        ledger.used += bytes;
        state.update_scarcity(ledger);
        MemoryReservation { budget: self.clone(), bytes }
    }

    /// Grants the requests for which there is room.
    fn grant(&self) {
        let Some(state) = &self.0 else { return };
        let mut granted = Vec::new();
        let mut ledger = state.lock();
        for stage in [MemoryStage::Last, MemoryStage::First] {
            while let Some(request) = state.next_request(&mut ledger, stage) {
                granted.push((request.sender, self.take(state, &mut ledger, request.bytes)));
            }
        }
        state.update_scarcity(&ledger);
        drop(ledger);
        for (sender, reservation) in granted {
            // Whoever has stopped waiting returns the bytes by this.
            drop(sender.send(reservation));
        }
    }
}

impl BudgetState {
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stage_limit(&self, stage: MemoryStage) -> usize {
        match stage {
            MemoryStage::First => self.limit - self.limit / 4,
            MemoryStage::Last => self.limit,
        }
    }

    fn fits(&self, ledger: &Ledger, bytes: usize, stage: MemoryStage) -> bool {
        ledger.used.saturating_add(bytes) <= self.stage_limit(stage)
    }

    /// Removes and returns the oldest request of a stage, if there is room for it. Those that nobody waits for are dropped.
    fn next_request(&self, ledger: &mut Ledger, stage: MemoryStage) -> Option<QueuedRequest> {
        let used = ledger.used;
        let queue = match stage {
            MemoryStage::First => &mut ledger.first_stage,
            MemoryStage::Last => &mut ledger.last_stage,
        };
        while queue.front().is_some_and(|request| request.sender.is_closed()) {
            queue.pop_front();
        }
        let bytes = queue.front()?.bytes;
        if used.saturating_add(bytes) > self.stage_limit(stage) {
            return None;
        }
        queue.pop_front()
    }

    fn update_scarcity(&self, ledger: &Ledger) {
        let is_scarce = ledger.used > self.stage_limit(MemoryStage::First)
            || !ledger.first_stage.is_empty()
            || !ledger.last_stage.is_empty();
        self.is_scarce.store(is_scarce, Ordering::Relaxed);
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget").field("limit", &self.limit()).field("used", &self.used()).finish()
    }
}

/// Bytes of a [`MemoryBudget`], which gets them back on drop.
#[derive(Debug, Default)]
pub struct MemoryReservation {
    budget: MemoryBudget,
    bytes: usize,
}

impl MemoryReservation {
    /// Returns how many bytes are reserved.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts what a user of `used` bytes takes, in steps and beyond [`MemoryBudget::UNCOUNTED_BYTES`], as connections do.
    /// Returns false, and counts nothing more, if there is no room for it.
    pub fn try_count(&mut self, used: usize) -> bool {
        let counted = MemoryBudget::counted_bytes(used);
        if counted > self.bytes {
            return self.try_grow(counted - self.bytes);
        }
        if counted == 0 || counted + MemoryBudget::UNCOUNTED_BYTES < self.bytes {
            self.shrink_to(counted);
        }
        true
    }

    /// Counts further bytes if they can be reserved. Returns whether they could.
    pub fn try_grow(&mut self, bytes: usize) -> bool {
        let Some(mut more) = self.budget.try_reserve(bytes) else { return false };
        self.bytes += std::mem::take(&mut more.bytes);
        true
    }

    /// Returns what exceeds `bytes` bytes to the budget.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes.saturating_sub(bytes);
        if surplus > 0 {
            self.bytes = bytes;
            self.budget.subtract(surplus);
        }
    }

    /// Returns the number of bytes, which stay counted.
    pub(crate) fn into_bytes(mut self) -> usize {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.subtract(self.bytes);
        }
    }
}

/// A request for memory: a future. Dropping it withdraws the request.
#[derive(Debug)]
pub(crate) struct MemoryRequest {
    budget: MemoryBudget,
    receiver: oneshot::Receiver<MemoryReservation>,
}

impl Future for MemoryRequest {
    type Output = MemoryReservation;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<MemoryReservation> {
        // The budget, which has the sender, is in `self`, and drops the sender only with a reservation.
        Pin::new(&mut self.receiver).poll(cx).map(Result::unwrap_or_default)
    }
}

impl Drop for MemoryRequest {
    fn drop(&mut self) {
        self.receiver.close();
        // Others may have waited behind this request.
        self.budget.grant();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn poll(request: &mut MemoryRequest) -> Poll<usize> {
        Pin::new(request).poll(&mut Context::from_waker(Waker::noop())).map(MemoryReservation::into_bytes)
    }

    #[test]
    fn requests_are_granted_in_their_order() {
        let memory = MemoryBudget::new(400);
        let request = |bytes| memory.request(bytes, MemoryStage::First).unwrap();
        let mut first = request(200);
        assert_eq!((poll(&mut first), memory.used(), memory.is_scarce()), (Poll::Ready(200), 200, false));
        let (mut large, mut small) = (request(150), request(10));
        assert!(memory.is_scarce(), "somebody waits");
        assert!(memory.try_reserve(1).is_none(), "nobody overtakes them");
        assert!(poll(&mut large).is_pending() && poll(&mut small).is_pending());
        memory.subtract(60);
        assert_eq!((poll(&mut large), poll(&mut small)), (Poll::Ready(150), Poll::Ready(10)));
        assert_eq!((memory.used(), memory.is_scarce()), (300, false));
    }

    #[test]
    fn withdrawn_request_lets_others_go_on() {
        let memory = MemoryBudget::new(400);
        let used = memory.try_reserve(200).unwrap();
        let large = memory.request(300, MemoryStage::First).unwrap();
        let mut small = memory.request(100, MemoryStage::First).unwrap();
        assert!(poll(&mut small).is_pending());
        drop(large);
        assert_eq!(poll(&mut small), Poll::Ready(100));
        memory.subtract(100);
        let granted = memory.request(50, MemoryStage::First).unwrap();
        drop(granted);
        assert_eq!(memory.used(), 200, "what was granted and not taken is returned");
        drop(used);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn last_stage_has_room_of_its_own() {
        let memory = MemoryBudget::new(400);
        let mut used = memory.try_reserve(300).unwrap();
        assert!(!used.try_grow(1));
        used.shrink_to(200);
        assert_eq!((memory.used(), used.try_grow(100), used.bytes()), (200, true, 300));
        let mut waiting = memory.request(1, MemoryStage::First).unwrap();
        let mut last = memory.request(100, MemoryStage::Last).unwrap();
        assert!(poll(&mut waiting).is_pending());
        assert_eq!(poll(&mut last), Poll::Ready(100));
        assert!(memory.is_scarce());
        drop(used);
        assert_eq!(poll(&mut waiting), Poll::Ready(1));
    }

    #[test]
    fn impossible_request_names_limit_and_setting() {
        let memory = MemoryBudget::new(400);
        let error = memory.request(301, MemoryStage::First).unwrap_err().to_string();
        assert!(error.contains("no memory for 301 bytes") && error.contains("0 of 400 bytes"), "{error}");
        assert!(error.contains("`max_memory_bytes`"), "{error}");
        assert!(memory.request(301, MemoryStage::Last).is_ok());
    }

    #[test]
    fn steps_are_counted_beyond_the_first() {
        const STEP: usize = MemoryBudget::UNCOUNTED_BYTES;
        let memory = MemoryBudget::new(8 * STEP);
        let mut counted = memory.charge(0);
        for (used, expected) in [
            (STEP, 0),
            (STEP + 1, 2 * STEP),
            (2 * STEP, 2 * STEP),
            (4 * STEP, 4 * STEP),
            (3 * STEP, 4 * STEP),
            (2 * STEP, 2 * STEP),
            (1, 0),
        ] {
            assert!(counted.try_count(used));
            assert_eq!(memory.used(), expected, "{used}");
        }
        assert!(!counted.try_count(7 * STEP), "the last quarter is not for it");
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn use_beyond_the_limit_is_counted() {
        let memory = MemoryBudget::new(400);
        let used = memory.charge(1000);
        assert_eq!((memory.used(), memory.is_scarce()), (1000, true));
        assert!(memory.try_reserve(1).is_none());
        drop(used);
        assert_eq!((memory.used(), memory.is_scarce()), (0, false));
    }

    #[test]
    fn unlimited_budget_counts_nothing() {
        let memory = MemoryBudget::unlimited();
        let (_used, mut request) =
            (memory.charge(usize::MAX), memory.request(usize::MAX, MemoryStage::First).unwrap());
        assert_eq!(poll(&mut request), Poll::Ready(0));
        assert!(memory.try_reserve(usize::MAX).is_some());
        assert_eq!((memory.used(), memory.is_scarce()), (0, false));
    }
}
