/// Regions of the earth, by address, by place and by each other.
///
/// **Inferred**: no source of this service is public, only the names of its methods, and that the first takes an
/// address and answers with a number. The version, the ids and every other type are a reading of the names
/// (`services.md` 22): where the service at hand differs, describe it in a catalogue of your own. A list is read
/// whether it is the answer's only value or its elements are the answer's values.
///
/// The node of this project answers with category 12, code 22 for a region that it does not know, and for what is no
/// address; what other services answer with is unknown.
#[service(name = "geobase")]
trait Geobase {
    /// Returns the region of the address `ip`.
    ///
    /// # Errors
    ///
    /// If `ip` is no address, or of no known region.
    fn region_id(ip: &str) -> i32;

    /// Returns the chief town of the region `id` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn chief_region_id(id: i32) -> i32;

    /// Returns the regions right below `id` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn children(id: i32) -> MaybeFlatVec<i32>;

    /// Returns whether the address `ip` is in the region `id` (inferred).
    ///
    /// # Errors
    ///
    /// If `ip` is no address, or there is no such region.
    fn ip_in(ip: &str, id: i32) -> bool;

    /// Returns whether the region `id` is in the region `parent` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn id_in(id: i32, parent: i32) -> bool;

    /// Returns the region right above `id` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn parent_id(id: i32) -> i32;

    /// Returns the regions from `id` itself up to the root (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn parents(id: i32) -> MaybeFlatVec<i32>;

    /// Returns the region of a place, given in degrees (inferred).
    ///
    /// # Errors
    ///
    /// If the place is of no known region.
    fn region_id_by_location(latitude: f64, longitude: f64) -> i32;

    /// Returns the region `id` and all below it (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn subtree(id: i32) -> MaybeFlatVec<i32>;

    /// Returns the languages in which regions have names (inferred).
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn supported_linguistics() -> MaybeFlatVec<String>;

    /// Returns the name of the time zone of the region `id`, such as `Europe/Moscow` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn timezone_name(id: i32) -> String;

    /// Returns the time zone `name` as it is now (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such time zone.
    fn timezone(name: &str) -> Timezone;

    /// Returns the time zone `name` as it is at `time`, in seconds since 1970 (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such time zone.
    fn timezone_for_time(name: &str, time: i64) -> Timezone;

    /// Returns the forms of the name of the region `id` in the language `lang`, the nominative first (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region or language.
    fn linguistics_for_region(id: i32, lang: &str) -> MaybeFlatVec<String>;

    /// Returns the services of the region `id` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn get_services(id: i32) -> MaybeFlatVec<String>;

    /// Returns whether the region `id` has `service` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn have_service(id: i32, service: &str) -> bool;

    /// Gives `service` to the region `id`, or takes it away (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn set_service(id: i32, service: &str, enabled: bool);

    /// Returns the region right above `id`, as `parent_id` does (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn parent(id: i32) -> i32;

    /// Returns where the region `id` is: latitude and longitude in degrees, and whatever the service adds (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn coordinates(id: i32) -> MaybeFlatVec<f64>;

    /// Returns the names of the region `id` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn names(id: i32) -> MaybeFlatVec<String>;

    /// Returns the codes of the region `id`, such as those for its telephones (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn codes(id: i32) -> MaybeFlatVec<String>;

    /// Returns all that is known of the region `id` (inferred).
    ///
    /// # Errors
    ///
    /// If there is no such region.
    fn region_data(id: i32) -> Value;

    /// Returns where a request comes from, by what is known of it (inferred).
    ///
    /// # Errors
    ///
    /// If it cannot be found out.
    fn pinpoint_geolocation(request: &BTreeMap<String, String>) -> Value;

    /// Returns at most `max` regions that have the name `name` (inferred).
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    fn region_ids_by_name(name: &str, max: i32) -> MaybeFlatVec<i32>;
}

/// A time zone at one time (inferred).
#[flat]
struct Timezone {
    /// Its name, such as `Europe/Moscow`.
    name: String,
    /// What it is called for short, such as `MSK`.
    abbreviation: String,
    /// Whether it is summer time.
    dst: bool,
    /// How many seconds it is ahead of UTC.
    offset: i32,
}
