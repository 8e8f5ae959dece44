/// Fetches over HTTP, from where the service runs.
#[service(name = "urlfetch", version = 1)]
trait Urlfetch {
    /// Requests `url` with GET and returns the answer.
    ///
    /// `timeout` is in milliseconds, 5000 if it is left out. Redirects are followed unless `follow_location` is
    /// `false`. To give one of the options, give all before it.
    ///
    /// # Errors
    ///
    /// Category 12 and the system's error code if there is no answer in HTTP: 111 if nobody listens, 110 if it took
    /// too long. An answer of any status is no error.
    fn get(
        url: &str,
        timeout: Option<i32>,
        cookies: Option<&BTreeMap<String, String>>,
        headers: Option<&BTreeMap<String, String>>,
        follow_location: Option<bool>,
    ) -> Fetched;

    /// Requests `url` with POST and `body`, and returns the answer; the rest is as of `get`.
    ///
    /// # Errors
    ///
    /// As of `get`.
    fn post(
        url: &str,
        body: &Bytes,
        timeout: Option<i32>,
        cookies: Option<&BTreeMap<String, String>>,
        headers: Option<&BTreeMap<String, String>>,
        follow_location: Option<bool>,
    ) -> Fetched;
}

/// An answer over HTTP.
#[flat]
struct Fetched {
    /// Whether the status is none of 400 to 599.
    ok: bool,
    /// The body.
    body: Bytes,
    /// The status.
    code: i32,
    /// The headers; of several with one name there is one.
    headers: BTreeMap<String, Bytes>,
}
