/// The log of the cloud, with filters that can be set while it runs, and answers that tell what they let pass.
///
/// Its name is that of its type, since it usually stands in for `logging` or beside it under any name (inferred:
/// `services.md` 1). Its first three methods are those of `logging`.
///
/// A filter is a list: `["empty"]` lets everything pass, `["traced"]` what has a trace, `["severity", n]` what is at
/// least so severe, `["e", attribute]` and `["!e", attribute]` what has the attribute or not, `[op, attribute, value]`
/// what compares by `==`, `!=`, `>`, `<`, `>=` or `<=` (an attribute that is not there never does), and `["&&", f, g]`,
/// `["||", f, g]` and `["xor", f, g]` join two filters.
#[service(name = "logging::v2", version = 2, any_name)]
trait LoggingV2 {
    /// Logs `message`, if the filter of `backend` lets it pass.
    ///
    /// Nothing answers: the call is over as soon as the message is queued.
    ///
    /// # Errors
    ///
    /// If the connection is lost; a service closes it for arguments that it cannot read, among which is a negative
    /// severity.
    fn emit(
        severity: Severity,
        #[lossy] backend: &str,
        #[lossy] message: &str,
        attributes: Option<&[(&str, Scalar)]>,
    );

    /// Returns `Severity::Debug`: filters decide.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn verbosity() -> Severity;

    /// Does nothing: filters decide.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn set_verbosity(severity: Severity);

    /// As `emit`, and returns whether the message passed.
    ///
    /// # Errors
    ///
    /// As of `emit`.
    fn emit_ack(
        severity: Severity,
        #[lossy] backend: &str,
        #[lossy] message: &str,
        attributes: Option<&[(&str, Scalar)]>,
    ) -> bool;

    /// Opens the logger `name`: a channel for messages of one backend. Each `emit_ack` on it is answered with whether
    /// the message passed, in their order; nothing else is.
    ///
    /// There is no message that ends it: a sender that is dropped revokes the channel.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn get(#[lossy] name: &str) -> Session<Logger, Stream<bool>>;

    /// Returns the names for which filters are known; `core` and `default` at first.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn list_loggers() -> Vec<String>;

    /// Adds a filter for the logger `name` that lasts for `ttl` seconds, and returns its id.
    ///
    /// # Errors
    ///
    /// If the connection is lost; a service closes it for a filter that it does not know.
    fn set_filter(name: &str, filter: &Value, ttl: u64) -> u64;

    /// Removes a filter, and returns whether it was there.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn remove_filter(id: u64) -> bool;

    /// Returns all filters, by the names of their loggers.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn list_filters() -> Vec<LogFilter>;

    /// As `set_filter`, for all nodes of the cluster: it is kept in unicorn, below `/cocaine/logging_v2/filters`.
    ///
    /// # Errors
    ///
    /// As of `set_filter`, and those of unicorn (inferred).
    fn set_cluster_filter(name: &str, filter: &Value, ttl: u64) -> u64;
}

/// What may be said to a logger.
trait Logger {
    /// Logs `message`, if the filter lets it pass; nothing answers.
    fn emit(severity: Severity, #[lossy] message: &str, attributes: Option<&[(&str, Scalar)]>);

    /// Logs `message`, if the filter lets it pass; the channel answers with whether it did.
    fn emit_ack(severity: Severity, #[lossy] message: &str, attributes: Option<&[(&str, Scalar)]>);
}

/// A filter that is set.
struct LogFilter {
    /// The logger that it is for.
    logger: String,
    /// What it lets pass.
    filter: Value,
    /// What names it.
    id: u64,
    /// When it ends, in seconds since 1970; 2⁶³ − 1 for never.
    deadline: u64,
    /// Where it is known.
    disposition: Disposition,
}

/// Where a filter is known.
enum Disposition {
    /// To one service.
    Local = 0,
    /// To all of the cluster.
    Cluster = 1,
}
