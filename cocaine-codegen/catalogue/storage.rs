/// Blobs kept in collections and indexed by tags.
///
/// A collection comes into being with its first blob. What a blob holds is up to its writer; the cloud's own
/// records (manifests, profiles, runlists, groups) are maps in msgpack.
#[service(version = 1)]
trait Storage {
    /// Returns the blob stored under `key`.
    ///
    /// # Errors
    ///
    /// Category 12, code 2 if there is no such blob; 12, 13 if the collection belongs to somebody else.
    fn read(collection: &str, key: &str) -> Bytes;

    /// Stores `blob` under `key`, replacing what was there, and indexes it by `tags` too.
    ///
    /// Tags only ever add up: those of an earlier write stay. Without any, the blob is stored but not found.
    ///
    /// # Errors
    ///
    /// Category 12, code 13 if the collection belongs to somebody else, or the key cannot be used.
    fn write(collection: &str, key: &str, blob: &Bytes, tags: Option<&[&str]>);

    /// Removes the blob stored under `key`; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// Category 12, code 13 if the collection belongs to somebody else.
    fn remove(collection: &str, key: &str);

    /// Returns the keys, in the order of their bytes, of the blobs that carry every one of `tags`.
    ///
    /// Without tags, or with a collection or a tag that nobody has written, there are none.
    ///
    /// # Errors
    ///
    /// Category 12, code 13 if the collection belongs to somebody else.
    fn find(collection: &str, tags: &[&str]) -> Vec<String>;
}
