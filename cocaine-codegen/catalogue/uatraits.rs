/// What a browser is, by what it says of itself.
///
/// **Inferred**: no source of this service is public, only the names of its methods, and that `detect` takes the text of
/// a browser and answers with one value. The version, the ids and every other type are a guess (`services.md` 24): where
/// the service at hand differs, describe it in a catalogue of your own.
#[service(name = "uatraits")]
trait Uatraits {
    /// Returns the traits of the browser that calls itself `user_agent`, by name (inferred).
    ///
    /// # Errors
    ///
    /// Unknown.
    fn detect(user_agent: &str) -> BTreeMap<String, Scalar>;

    /// Returns the traits of the browser that sends these headers, by name (inferred).
    ///
    /// # Errors
    ///
    /// Unknown.
    fn detect_by_headers(headers: &BTreeMap<String, String>) -> BTreeMap<String, Scalar>;
}
