/// Languages and domains that fit a request.
///
/// **Inferred**: no source of this service is public, only the names of its methods. The version, the ids and that each
/// method answers once are a guess, and so are the types of two methods by their names; nobody knows what the other
/// three take, so they take anything (`services.md` 23). Where the service at hand differs, describe it in a catalogue
/// of your own.
#[service(name = "langdetect")]
trait Langdetect {
    /// Returns the domain, and the region, that fit a request best (inferred). What it takes is unknown: it is made of
    /// the domain that was asked, the cookie, the `Accept-Language`, the region and the languages to choose from.
    ///
    /// # Errors
    ///
    /// Unknown.
    fn find_domain(args: Args) -> Value;

    /// Returns the language that fits a request best (inferred). What it takes is unknown, as of `find_domain`.
    ///
    /// # Errors
    ///
    /// Unknown.
    fn find_language(args: Args) -> Value;

    /// Returns the languages that fit a request (inferred). What it takes is unknown, as of `find_domain`.
    ///
    /// # Errors
    ///
    /// Unknown.
    fn list_languages(args: Args) -> Value;

    /// Returns the language for which the number `cookie` stands (inferred).
    ///
    /// # Errors
    ///
    /// Unknown.
    fn cookie2language(cookie: i32) -> String;

    /// Returns the number that stands for `language` (inferred).
    ///
    /// # Errors
    ///
    /// Unknown.
    fn language2cookie(language: &str) -> i32;
}
