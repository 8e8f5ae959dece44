/// A running app, published under its own name.
#[service(name = "app", version = 1, any_name)]
trait App {
    /// Hands `event` to a worker: chunks go both ways, and the caller ends its side too.
    ///
    /// A worker's slot stays taken until both sides have ended. `tag` is not used.
    ///
    /// # Errors
    ///
    /// On the stream: category 21247 (`0x52FF`), code 1 if the queue is full; 20991 (`0x51FF`), code 1 if the event
    /// expired before a worker took it, 3 if the worker took too long; 12, 32 if the app has been stopped; 42 for
    /// what the worker's framework reports, 43 for what the app itself does.
    fn enqueue(event: &str, tag: Option<&str>) -> Duplex<Bytes, Bytes>;

    /// Returns what the app does: its queue, requests and workers, as a map.
    ///
    /// # Errors
    ///
    /// Category 12, code 32 if the app has been stopped.
    fn info() -> Value;

    /// Keeps as many workers alive as the last number sent says, for as long as the channel stays open. Nothing
    /// ever answers, and the sending side is never ended but by letting go of the channel. Of a node, `control` does
    /// the same.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    #[revoke_on_drop]
    fn control() -> Session<Stream<i32>, Reply<()>>;
}
