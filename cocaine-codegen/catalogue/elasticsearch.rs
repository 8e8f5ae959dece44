/// Documents in an Elasticsearch server.
///
/// Documents, queries and hits are JSON, as the server has them. What the server refuses is no error of the call: it is
/// told beside the answer. The graph is that of the original's headers; nobody has recorded the service.
#[service(name = "elasticsearch", version = 1)]
trait Elasticsearch {
    /// Returns the document `id`, or, as an `Err` of its own, why there is none.
    ///
    /// # Errors
    ///
    /// If the server answers with no JSON: the system's code for a cancelled operation (inferred).
    fn get(index: &str, doc_type: &str, id: &str) -> FlaggedResult<String>;

    /// Stores the document `data`, under `id` or under one that the server chooses. Returns the id, or, as an `Err` of
    /// its own, why it was refused.
    ///
    /// # Errors
    ///
    /// As of `get`.
    fn index(data: &str, index: &str, doc_type: &str, id: Option<&str>) -> FlaggedResult<String>;

    /// Returns the documents that `query` selects, at most `size` of them: 10 if it is left out.
    ///
    /// # Errors
    ///
    /// As of `get`.
    fn search(index: &str, doc_type: &str, query: &str, size: Option<i32>) -> Hits;

    /// Deletes the document `id`; returns whether the server did.
    ///
    /// # Errors
    ///
    /// As of `get`.
    fn delete(index: &str, doc_type: &str, id: &str) -> bool;
}

/// What a query has found.
#[flat]
struct Hits {
    /// Whether the server took the query.
    ok: bool,
    /// How many documents there are, those beyond `size` too.
    total: i32,
    /// The documents, as a list in JSON.
    hits: String,
}
