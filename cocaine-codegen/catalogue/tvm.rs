/// Tickets with which services authorize their callers: a ticket goes into the header `authorization`, after `TVM `.
///
/// **Inferred**: no source of this service is public. Known from its clients are the name, the id, the arguments and the
/// answer of `ticket_full`; the version and the rest of the graph are not, nor is the method with id 0
/// (`services.md` 21).
#[service(name = "tvm")]
trait Tvm {
    /// Returns a ticket for the client `client_id`, which proves itself with `secret`.
    ///
    /// `grant_type` is `client_credentials` in all known clients; `args` is what that kind of grant needs.
    ///
    /// # Errors
    ///
    /// What the service says, if it gives no ticket; its codes are unknown.
    fn ticket_full(
        client_id: u32,
        secret: &str,
        grant_type: &str,
        args: &BTreeMap<String, String>,
    ) -> String;
}
