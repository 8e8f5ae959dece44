/// Where services are: names to endpoints, routing groups, and the nodes of a cluster.
#[service(version = 3)]
trait Locator {
    /// Returns where the service `name` listens, the version of its protocol and its graph.
    ///
    /// `name` may also be a routing group. Its members then take turns by weight; with `seed`, the same seed gives
    /// the same member for as long as the group stays as it is.
    ///
    /// # Errors
    ///
    /// Category 10, code 1 if there is no such service, nor the chosen member of such a group.
    fn resolve(name: &str, seed: Option<&str>) -> ServiceInfo;

    /// Streams the services of this node: all of them at first, then one for each change.
    ///
    /// An item is the node's uuid and services by name; one that is gone has no endpoints. The locator itself and
    /// other restricted services are left out. `uuid` names who asks: asking again under the same name ends the
    /// older stream without a word. A node without a cluster ends the stream at once.
    ///
    /// # Errors
    ///
    /// If the connection is lost; that is also how a node that stops ends the stream.
    fn connect(uuid: &str) -> Stream<(String, BTreeMap<String, ServiceInfo>)>;

    /// Reads the named routing groups anew from storage, and sends the whole table to every router.
    ///
    /// A group that storage no longer lists is forgotten.
    ///
    /// # Errors
    ///
    /// Category 10, code 2 if a group has no positive weight or storage fails; 7, 7 if it cannot be read. Then
    /// nothing changes.
    fn refresh(groups: &[&str]);

    /// Returns the other nodes of the cluster, by uuid; one that is still being connected to has address 0.0.0.0
    /// and port 0.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn cluster() -> BTreeMap<String, Endpoint>;

    /// Announces a service that runs elsewhere, for as long as the channel stays open.
    ///
    /// `metadata` is the version and the graph of the service; without it, the service speaks another protocol.
    ///
    /// # Errors
    ///
    /// The connection is closed if a graph comes with version 0, or if a gateway knows the name already.
    fn publish(
        name: &str,
        endpoints: &[Endpoint],
        metadata: Option<(u64, Graph)>,
    ) -> Session<Announcement, Reply<()>>;

    /// Streams the table of all routing groups: at once, and again whenever it changes.
    ///
    /// A group is a list of points on a ring, in ascending order, with the member that owns each. `router` names
    /// who asks: asking again under the same name ends the older stream.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn routing(router: &str) -> Session<Subscription, Stream<BTreeMap<String, Vec<(u32, String)>>>>;

    /// Returns the uuid of this node.
    ///
    /// # Errors
    ///
    /// If the connection is lost; runtimes before 0.12.14.16 lack the method.
    fn uuid() -> String;
}

/// What may be said about an announced service.
trait Announcement {
    /// Withdraws the service.
    fn discard();
}

/// What may be said about a stream of routing tables.
trait Subscription {
    /// Ends the stream; nothing answers.
    fn discard();
}
