/// Timers. They do not belong to a client: any client that knows the id of a timer may cancel or restart it.
#[service(name = "chrono", version = 1)]
trait Chrono {
    /// Streams the id of a timer once, after `seconds`, and ends; at once if they are zero or less.
    ///
    /// With `send_id` the id comes twice, at first as soon as the timer runs.
    ///
    /// # Errors
    ///
    /// If the connection is lost. A timer that is cancelled ends the stream without an error.
    fn notify_after(seconds: f64, send_id: Option<bool>) -> Stream<TimerId>;

    /// Streams the id of a timer every `seconds`, until it is cancelled; once if they are zero.
    ///
    /// With `send_id` the id comes once more, as soon as the timer runs.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn notify_every(seconds: f64, send_id: Option<bool>) -> Stream<TimerId>;

    /// Cancels a timer, whose stream ends; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn cancel(id: TimerId);

    /// Restarts a timer: its whole interval has to pass again.
    ///
    /// The original service keeps no interval for a timer that fires once, and fires such a timer at once.
    ///
    /// # Errors
    ///
    /// Category 7, code 7 if there is no such timer.
    fn restart(id: TimerId);
}

/// What names a timer.
struct TimerId(i64);
