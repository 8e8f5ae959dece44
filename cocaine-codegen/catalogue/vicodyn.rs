/// The gateway that hands the events of apps to other nodes: what it knows of them.
///
/// The graph is that of the original's headers; nobody has recorded the service.
#[service(name = "vicodyn", version = 1)]
trait Vicodyn {
    /// Returns what the gateway knows, as a map: `apps` and `peers`, as `apps` and `peers` return them.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn info() -> Value;

    /// Returns `{"peers": {uuid: {extra, connected, endpoints, last_active, uuid}}}` for all nodes, or for the node
    /// `uuid`; one that is not known gives `{"peers": nil}`.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn peers(uuid: Option<&str>) -> Value;

    /// Returns `{"apps": {app: [uuid, …]}}`: the nodes of all apps, or of `app`.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn apps(app: Option<&str>) -> Value;
}
