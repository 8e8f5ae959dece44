/// The apps of this node: started, stopped, looked at, and called by name.
#[service(version = 1)]
trait Node {
    /// Starts the app `app` with `profile`; both are names in storage. Answers once the app runs or has failed.
    ///
    /// # Errors
    ///
    /// Category 20991 (`0x51FF`), code 5 if it runs already; 12, 2 if there is no such manifest or profile.
    fn start_app(app: &str, profile: &str);

    /// Stops the app `app`.
    ///
    /// # Errors
    ///
    /// Category 20991 (`0x51FF`), code 6 if it does not run.
    fn pause_app(app: &str);

    /// Returns the names of the running apps, as a sorted list.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn list() -> Value;

    /// Returns the state of the app `app`, as a map.
    ///
    /// `flags` add up: 1 for queue, requests and workers, 2 for the manifest, 4 for the profile.
    ///
    /// # Errors
    ///
    /// Category 12, code 22 if there is no such app.
    fn info(app: &str, flags: Option<u32>) -> Value;

    /// Keeps as many workers of `app` alive as the last number sent says, for as long as the channel stays open;
    /// zero or less leaves it to the node. Nothing ever answers.
    ///
    /// # Errors
    ///
    /// The connection is closed if there is no such app.
    fn control(app: &str) -> Session<Stream<i32>, Reply<()>>;

    /// Hands `event` to a worker of `app`: chunks go both ways, and the caller ends its side too.
    ///
    /// # Errors
    ///
    /// As of the app itself; category 20991 (`0x51FF`), code 6 if the app does not run. Runtimes before August
    /// 2017 lack the method.
    fn enqueue(app: &str, event: &str) -> Duplex<Bytes, Bytes>;
}
