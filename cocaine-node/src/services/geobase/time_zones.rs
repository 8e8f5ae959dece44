//! Time zones, whose rules are part of the program: nothing of the machine's own is read.

use cocaine_bindings::geobase::Timezone;
use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

/// The rules of all time zones.
#[derive(Clone, Debug)]
pub(super) struct Zones(TimeZoneDatabase);

impl Zones {
    pub(super) fn new() -> Self {
        Self(TimeZoneDatabase::bundled())
    }

    /// Returns the time zone `name`, whatever its letters' case, as it is now.
    pub(super) fn now(&self, name: &str) -> Option<Timezone> {
        Some(describe(&self.find(name)?, Timestamp::now()))
    }

    /// Returns the time zone `name` as it is `time` seconds after the start of 1970, if that is a time.
    pub(super) fn at(&self, name: &str, time: i64) -> Option<Result<Timezone, String>> {
        let zone = self.find(name)?;
        let time = Timestamp::from_second(time).map_err(|error| error.to_string());
        Some(time.map(|time| describe(&zone, time)))
    }

    fn find(&self, name: &str) -> Option<TimeZone> {
        self.0.get(name).ok().filter(|zone| !zone.is_unknown())
    }
}

fn describe(zone: &TimeZone, time: Timestamp) -> Timezone {
    let info = zone.to_offset_info(time);
    Timezone {
        name: zone.iana_name().unwrap_or_default().to_owned(),
        abbreviation: info.abbreviation().to_owned(),
        dst: info.dst().is_dst(),
        offset: info.offset().seconds(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, time: i64) -> (String, String, bool, i32) {
        let zone = Zones::new().at(name, time).unwrap().unwrap();
        (zone.name, zone.abbreviation, zone.dst, zone.offset)
    }

    fn zone(name: &str, abbreviation: &str, dst: bool, offset: i32) -> (String, String, bool, i32) {
        (name.into(), abbreviation.into(), dst, offset)
    }

    #[test]
    fn offsets_are_those_of_the_time() {
        // 2024-01-10 and 2024-07-10.
        let (winter, summer) = (1_704_844_800, 1_720_569_600);
        assert_eq!(at("America/New_York", winter), zone("America/New_York", "EST", false, -18_000));
        assert_eq!(at("America/New_York", summer), zone("America/New_York", "EDT", true, -14_400));
        assert_eq!(at("Australia/Sydney", winter), zone("Australia/Sydney", "AEDT", true, 39_600));
        assert_eq!(at("Australia/Sydney", summer), zone("Australia/Sydney", "AEST", false, 36_000));
        assert_eq!(at("Asia/Kathmandu", summer).3, 20_700);
        assert_eq!(at("UTC", summer), zone("UTC", "UTC", false, 0));
    }

    #[test]
    fn summer_time_starts_with_its_second() {
        // 2024-03-31 01:00 UTC.
        assert_eq!(at("Europe/Berlin", 1_711_846_799), zone("Europe/Berlin", "CET", false, 3600));
        assert_eq!(at("Europe/Berlin", 1_711_846_800), zone("Europe/Berlin", "CEST", true, 7200));
    }

    #[test]
    fn laws_change() {
        // Moscow had four hours from 2011-03-27 to 2014-10-26, and has three since.
        assert_eq!(at("Europe/Moscow", 1_388_534_400), zone("Europe/Moscow", "MSK", false, 14_400));
        assert_eq!(at("Europe/Moscow", 1_420_070_400), zone("Europe/Moscow", "MSK", false, 10_800));
        assert_eq!(at("Europe/Moscow", -3_000_000_000).3, 9017, "the sun's, before there were zones");
    }

    #[test]
    fn names_have_no_case_and_must_be_known() {
        assert_eq!(at("europe/moscow", 0).0, "Europe/Moscow");
        for name in ["", "Mars/Olympus", "../etc/passwd", "Etc/Unknown"] {
            assert!(Zones::new().now(name).is_none(), "{name}");
        }
        assert!(Zones::new().at("UTC", i64::MAX).unwrap().is_err());
        assert_eq!(Zones::new().now("Asia/Tokyo").unwrap().offset, 32_400);
    }
}
