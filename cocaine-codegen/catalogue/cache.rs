/// Blobs that are kept in memory, until there is no room for those that were not used for longest.
#[service(name = "cache", version = 1)]
trait Cache {
    /// Returns the blob stored under `key`, if it is there.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn get(key: &str) -> FlaggedOption<Bytes>;

    /// Stores `value` under `key`, replacing what was there.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn put(key: &str, value: &Bytes);
}
