/// A tree of values with versions, by which programs of the cloud agree: settings, counters, announcements, locks.
///
/// Paths begin with `/` and do not end with it. A value is anything. The first version of a value is 0, and each
/// change adds one; −1 stands for a node that is not there. Errors are those of category 11; a denial by the
/// authorization of the service is 12, 13 everywhere (`services.md` 8).
///
/// Whoever calls may send `close` on every channel. The runtime does so when the call, the stream or the lock is let go
/// of, since until then the service keeps the channel.
#[service(name = "unicorn", version = 1)]
trait Unicorn {
    /// Streams the value at `path`: as it is now, and again after each change. A node that is not there is nil with
    /// version −1, until it is created.
    ///
    /// # Errors
    ///
    /// On the stream: category 11, code 1 if the node has children; 6 for a path that cannot be; 8 once it is removed;
    /// 10 if the service loses its backend.
    fn subscribe(path: &str) -> Stream<Versioned>;

    /// Streams the names of the children of `path`: as they are now, and again after each change.
    ///
    /// # Errors
    ///
    /// On the stream: category 11, code 6 for a path that cannot be; 8 if the node is not there, or once it is removed.
    fn children_subscribe(path: &str) -> Stream<Children>;

    /// Replaces the value at `path` if its version is still `version`.
    ///
    /// Returns what is stored then, or, as an `Err` of its own, what is there instead, with which one may try again.
    ///
    /// # Errors
    ///
    /// Category 11, code 6 for a path that cannot be; 7 if `version` is negative; 8 if the node is not there.
    fn put(path: &str, value: &Value, version: i64) -> FlaggedResult<Versioned>;

    /// Returns the value at `path`; a node that is not there is nil with version −1.
    ///
    /// # Errors
    ///
    /// Category 11, code 1 if the node has children; 6 or 11 for a path that cannot be.
    fn get(path: &str) -> Versioned;

    /// Creates a node at `path` with `value`, which gets version 0, and its parents, which are empty, where they are
    /// missing. Returns `true`.
    ///
    /// # Errors
    ///
    /// Category 11, code 6 for a path that cannot be; 9 if the node is there already.
    fn create(path: &str, value: &Value) -> bool;

    /// As `remove`, its older name.
    ///
    /// # Errors
    ///
    /// As of `remove`.
    fn del(path: &str, version: i64) -> bool;

    /// Removes the node at `path` if its version is still `version`; −1 removes it whatever its version is. Returns
    /// `true`.
    ///
    /// # Errors
    ///
    /// Category 11, code 6 for a path that cannot be; 7 if the version is another; 8 if the node is not there; 11 if it
    /// has children.
    fn remove(path: &str, version: i64) -> bool;

    /// Adds the number `value` to the one at `path`, or creates the node with it; returns the sum.
    ///
    /// The sum is a float if one of both is. Integers wrap around at 64 bits.
    ///
    /// # Errors
    ///
    /// Category 11, code 2 if `value` or what is stored is no number; 6 for a path that cannot be.
    fn increment(path: &str, value: &Value) -> Versioned;

    /// Waits for the lock at `path` and returns it. Dropping it releases it, and so does the end of the connection;
    /// dropping the call gives up the wait.
    ///
    /// The lock belongs to the call: a second one for the same path waits, on the same connection too.
    ///
    /// # Errors
    ///
    /// Category 11, code 6 for a path that cannot be. A lock that is lost later tells it by `lost`.
    fn lock(path: &str) -> Guard;

    /// As `lock`, with a `value` that others can read where the lock is kept.
    ///
    /// # Errors
    ///
    /// As of `lock`. With authorization on, the original may crash (inferred from its sources).
    fn named_lock(path: &str, value: &Value) -> Guard;
}

/// A value and its version.
struct Versioned {
    /// The value: nil if the node is not there, or is empty.
    value: Value,
    /// How often it was changed; −1 if the node is not there.
    version: i64,
}

/// The names of a node's children.
#[flat]
struct Children {
    /// How often the list was changed.
    version: i64,
    /// The names, in no order.
    names: Vec<String>,
}
