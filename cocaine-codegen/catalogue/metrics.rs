/// What the runtime counts and measures.
#[service(name = "metrics", version = 1)]
trait Metrics {
    /// Returns the metrics that `query` selects, or all of them.
    ///
    /// `format` is `plain` for a map from names such as `storage.timer[read].count` to numbers, which an empty text
    /// means too, or `json` for maps within maps, cut at the dots. Counters are integers, the rest floats.
    ///
    /// A query is a map of one entry: a filter and the list of what it applies to. Filters are `and` and `or` of
    /// filters, and `eq`, `ge` and `contains` of two extractors; extractors are `name`, `type`, `tag` of a text, and
    /// `const` of a value. So `{"contains": [{"name": []}, {"const": ["timer"]}]}` are all whose name has `timer` in
    /// it. `ge` lets everything pass. A query of nil is none.
    ///
    /// # Errors
    ///
    /// Category 12, code 22 for another format, or a query that is none of these.
    fn fetch(format: Option<&str>, query: Option<&Value>) -> Value;
}
