//! Time zones. The rules are compiled in; the machine's time zone database is not read.

use cocaine_bindings::geobase::Timezone;
use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

/// The rules of all time zones.
#[derive(Clone, Debug)]
pub(super) struct TimeZones(TimeZoneDatabase);

impl TimeZones {
    pub(super) fn new() -> Self {
        Self(TimeZoneDatabase::bundled())
    }

    /// Returns the state of the time zone now. The name is case-insensitive.
    pub(super) fn now(&self, name: &str) -> Option<Timezone> {
        Some(describe(&self.find(name)?, Timestamp::now()))
    }

    /// Returns the state of the time zone at a Unix time, or an error if the time is out of range.
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
        let zone = TimeZones::new().at(name, time).unwrap().unwrap();
        (zone.name, zone.abbreviation, zone.dst, zone.offset)
    }

    fn zone(name: &str, abbreviation: &str, dst: bool, offset: i32) -> (String, String, bool, i32) {
        (name.into(), abbreviation.into(), dst, offset)
    }

    #[test]
    fn offset_depends_on_time() {
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
    fn summer_time_starts_on_the_second() {
        // 2024-03-31 01:00 UTC.
        assert_eq!(at("Europe/Berlin", 1_711_846_799), zone("Europe/Berlin", "CET", false, 3600));
        assert_eq!(at("Europe/Berlin", 1_711_846_800), zone("Europe/Berlin", "CEST", true, 7200));
    }

    #[test]
    fn historic_rules_are_applied() {
        // Moscow was four hours ahead of UTC from 2011-03-27 to 2014-10-26, and has been three since.
        assert_eq!(at("Europe/Moscow", 1_388_534_400), zone("Europe/Moscow", "MSK", false, 14_400));
        assert_eq!(at("Europe/Moscow", 1_420_070_400), zone("Europe/Moscow", "MSK", false, 10_800));
        assert_eq!(at("Europe/Moscow", -3_000_000_000).3, 9017, "solar time, before there were zones");
    }

    #[test]
    fn names_are_case_insensitive_unknown_ones_fail() {
        assert_eq!(at("europe/moscow", 0).0, "Europe/Moscow");
        for name in ["", "Mars/Olympus", "../etc/passwd", "Etc/Unknown"] {
            assert!(TimeZones::new().now(name).is_none(), "{name}");
        }
        assert!(TimeZones::new().at("UTC", i64::MAX).unwrap().is_err());
        assert_eq!(TimeZones::new().now("Asia/Tokyo").unwrap().offset, 32_400);
    }
}
