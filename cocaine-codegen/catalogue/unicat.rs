/// Who may use what: the access lists of storage and of unicorn.
#[service(name = "unicat", version = 1)]
trait Unicat {
    /// Gives `access` to each of `entities` to the clients `cids` and the users `uids`.
    ///
    /// # Errors
    ///
    /// Category 7, code 7 if an access list cannot be read or written; the text says why. For an entity of another
    /// scheme (7, 7) or of a service that is not there (8, 1) the original answers twice, first that all went well: that
    /// is what the call returns.
    fn grant(entities: &[Entity], cids: &[u32], uids: &[u64], access: Access);

    /// Takes `access` to each of `entities` from the clients `cids` and the users `uids`.
    ///
    /// It is no control message, which `revoke` is elsewhere: the two are told apart by their ids.
    ///
    /// # Errors
    ///
    /// As of `grant`.
    fn revoke(entities: &[Entity], cids: &[u32], uids: &[u64], access: Access);
}

/// Something that has an access list.
struct Entity {
    /// What kind of service has it: `storage` or `unicorn`.
    scheme: String,
    /// The name of that service, `core` if there is none here.
    service: Option<String>,
    /// The collection, or the path.
    name: String,
}

/// What one may do.
#[repr(u64)]
enum Access {
    /// Nothing.
    Nothing = 0,
    /// To read.
    Read = 1,
    /// To write.
    Write = 2,
    /// To read and to write.
    ReadWrite = 3,
}
