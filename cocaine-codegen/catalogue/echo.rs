/// Says what it is told.
#[service(name = "echo", version = 1)]
trait Echo {
    /// Returns `message`, which may be any bytes.
    ///
    /// It is no control message, which `ping` is elsewhere: the two are told apart by their ids.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn ping(message: &Bytes) -> Bytes;
}
