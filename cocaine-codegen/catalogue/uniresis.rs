/// What the machine of this node has.
#[service(name = "uniresis", version = 1)]
trait Uniresis {
    /// Returns how many processors there are.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn cpu_count() -> u32;

    /// Returns how many bytes of memory there are.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn memory_count() -> u64;

    /// Returns the uuid of this node, as the locator does.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn uuid() -> String;
}
