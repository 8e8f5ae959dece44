/// The log of the cloud: messages with a severity, a source and attributes.
#[service(version = 2)]
trait Logging {
    /// Logs `message`, unless `severity` is below the service's verbosity.
    ///
    /// `source` says who speaks, by convention `app/` and the app's name. Nothing answers: the call is over as soon
    /// as the message is queued.
    ///
    /// # Errors
    ///
    /// If the connection is lost; a service closes it for arguments that it cannot read.
    fn emit(
        severity: Severity,
        #[lossy] source: &str,
        #[lossy] message: &str,
        attributes: Option<&[(&str, Scalar)]>,
    );

    /// Returns the least severity that is logged.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn verbosity() -> Severity;

    /// Changes the least severity that is logged.
    ///
    /// # Errors
    ///
    /// Always with the original service, which announces this method without serving it: it closes the connection.
    fn set_verbosity(severity: Severity);
}
