/// A daemon that starts the processes of apps for a node, in containers or as they are. The node is its client.
///
/// No locator knows it unless it is published: it listens on 127.0.0.1:29042, or where the node is told. The graph is
/// that of the original's headers; nobody has recorded the daemon.
#[service(name = "isolate", version = 1)]
trait Isolate {
    /// Fetches what is needed to start `app`; `args` is the `isolate` of its profile, as a map.
    ///
    /// Answers once all is there. Until then `cancel` stops it, and so does dropping the sender.
    ///
    /// # Errors
    ///
    /// What the daemon says.
    fn spool(args: &Value, app: &str) -> Session<Spooling, Reply<()>>;

    /// Starts `executable` for `app` with these arguments and this environment.
    ///
    /// The stream's first chunk is empty and says that the process runs; all others are what it prints. The stream ends
    /// with the process. Until then `kill` ends the process, and so does dropping the sender.
    ///
    /// # Errors
    ///
    /// On the stream: what the daemon says.
    fn spawn(
        args: &Value,
        app: &str,
        executable: &str,
        worker_args: &BTreeMap<String, String>,
        env: &BTreeMap<String, String>,
    ) -> Session<Running, Stream<Bytes>>;

    /// Returns what the processes of these uuids use, by uuid and by name.
    ///
    /// By its graph the channel takes methods of the service from then on, which nobody sends.
    ///
    /// # Errors
    ///
    /// What the daemon says.
    fn metrics(uuids: &[&str]) -> Session<Root, Reply<BTreeMap<String, BTreeMap<String, Value>>>>;
}

/// What may be said while an app is fetched.
trait Spooling {
    /// Stops it.
    fn cancel();
}

/// What may be said while a process runs.
trait Running {
    /// Ends the process.
    fn kill();
}
