//! The regions and networks of the sample.

use super::{SampleLocation, SampleNetwork, SampleRegion};

const fn region(id: u32, code: &'static str, names: [&'static str; 5]) -> SampleRegion {
    SampleRegion { id, code: Some(code), names }
}

const fn city(id: u32, names: [&'static str; 5]) -> SampleRegion {
    SampleRegion { id, code: None, names }
}

const fn location(latitude: f64, longitude: f64, radius: u16, zone: &'static str) -> SampleLocation {
    SampleLocation { latitude, longitude, radius, zone: Some(zone) }
}

static AFRICA: SampleRegion = region(6_255_146, "AF", ["Afrika", "Africa", "Afrique", "アフリカ", "Африка"]);
static ASIA: SampleRegion = region(6_255_147, "AS", ["Asien", "Asia", "Asie", "アジア", "Азия"]);
static EUROPE: SampleRegion = region(6_255_148, "EU", ["Europa", "Europe", "Europe", "ヨーロッパ", "Европа"]);
static NORTH_AMERICA: SampleRegion = region(
    6_255_149,
    "NA",
    ["Nordamerika", "North America", "Amérique du Nord", "北アメリカ", "Северная Америка"],
);
static SOUTH_AMERICA: SampleRegion = region(
    6_255_150,
    "SA",
    ["Südamerika", "South America", "Amérique du Sud", "南アメリカ", "Южная Америка"],
);
static OCEANIA: SampleRegion =
    region(6_255_151, "OC", ["Ozeanien", "Oceania", "Océanie", "オセアニア", "Океания"]);

static AUSTRALIA: SampleRegion =
    region(2_077_456, "AU", ["Australien", "Australia", "Australie", "オーストラリア", "Австралия"]);
static BRAZIL: SampleRegion =
    region(3_469_034, "BR", ["Brasilien", "Brazil", "Brésil", "ブラジル", "Бразилия"]);
static GERMANY: SampleRegion =
    region(2_921_044, "DE", ["Deutschland", "Germany", "Allemagne", "ドイツ", "Германия"]);
static BRITAIN: SampleRegion = region(
    2_635_167,
    "GB",
    ["Vereinigtes Königreich", "United Kingdom", "Royaume-Uni", "イギリス", "Великобритания"],
);
static JAPAN: SampleRegion = region(1_861_060, "JP", ["Japan", "Japan", "Japon", "日本", "Япония"]);
static KENYA: SampleRegion = region(192_950, "KE", ["Kenia", "Kenya", "Kenya", "ケニア", "Кения"]);
static RUSSIA: SampleRegion = region(2_017_370, "RU", ["Russland", "Russia", "Russie", "ロシア", "Россия"]);
static UNITED_STATES: SampleRegion =
    region(6_252_001, "US", ["Vereinigte Staaten", "United States", "États-Unis", "アメリカ合衆国", "США"]);

static NEW_SOUTH_WALES: SampleRegion = region(
    2_155_400,
    "NSW",
    [
        "New South Wales",
        "New South Wales",
        "Nouvelle-Galles du Sud",
        "ニューサウスウェールズ州",
        "Новый Южный Уэльс",
    ],
);
static SAO_PAULO_STATE: SampleRegion =
    region(3_448_433, "SP", ["São Paulo", "São Paulo", "São Paulo", "サンパウロ州", "Сан-Паулу"]);
static BERLIN_STATE: SampleRegion =
    region(2_950_157, "BE", ["Berlin", "Berlin", "Berlin", "ベルリン", "Берлин"]);
static ENGLAND: SampleRegion =
    region(6_269_131, "ENG", ["England", "England", "Angleterre", "イングランド", "Англия"]);
static OXFORDSHIRE: SampleRegion = region(
    2_640_726,
    "OXF",
    ["Oxfordshire", "Oxfordshire", "Oxfordshire", "オックスフォードシャー", "Оксфордшир"],
);
static TOKYO_PREFECTURE: SampleRegion =
    region(1_850_144, "13", ["Tokio", "Tokyo", "Tokyo", "東京都", "Токио"]);
static NAIROBI_COUNTY: SampleRegion =
    region(184_742, "30", ["Nairobi", "Nairobi", "Nairobi", "ナイロビ", "Найроби"]);
static MOSCOW_AREA: SampleRegion =
    region(524_894, "MOW", ["Moskau", "Moscow", "Moscou", "モスクワ", "Москва"]);
static PETERSBURG_AREA: SampleRegion = region(536_203, "SPE", PETERSBURG.names);
static CALIFORNIA: SampleRegion =
    region(5_332_921, "CA", ["Kalifornien", "California", "Californie", "カリフォルニア州", "Калифорния"]);
static NEW_YORK_STATE: SampleRegion =
    region(5_128_638, "NY", ["New York", "New York", "New York", "ニューヨーク州", "Нью-Йорк"]);

static BERLIN: SampleRegion = city(2_950_159, ["Berlin", "Berlin", "Berlin", "ベルリン", "Берлин"]);
static LONDON: SampleRegion = city(2_643_743, ["London", "London", "Londres", "ロンドン", "Лондон"]);
static LOS_ANGELES: SampleRegion =
    city(5_368_361, ["Los Angeles", "Los Angeles", "Los Angeles", "ロサンゼルス", "Лос-Анджелес"]);
static MOSCOW: SampleRegion = city(524_901, ["Moskau", "Moscow", "Moscou", "モスクワ", "Москва"]);
static NAIROBI: SampleRegion = city(184_745, ["Nairobi", "Nairobi", "Nairobi", "ナイロビ", "Найроби"]);
static NEW_YORK: SampleRegion =
    city(5_128_581, ["New York City", "New York", "New York", "ニューヨーク", "Нью-Йорк"]);
static OXFORD: SampleRegion = city(2_640_729, ["Oxford", "Oxford", "Oxford", "オックスフォード", "Оксфорд"]);
static PETERSBURG: SampleRegion = city(
    498_817,
    ["Sankt Petersburg", "Saint Petersburg", "Saint-Pétersbourg", "サンクトペテルブルク", "Санкт-Петербург"],
);
static SAO_PAULO: SampleRegion =
    city(3_448_439, ["São Paulo", "São Paulo", "São Paulo", "サンパウロ", "Сан-Паулу"]);
static SYDNEY: SampleRegion = city(2_147_714, ["Sydney", "Sydney", "Sydney", "シドニー", "Сидней"]);
static TOKYO: SampleRegion = city(1_850_147, ["Tokio", "Tokyo", "Tokyo", "東京", "Токио"]);

pub(super) static NETWORKS: &[SampleNetwork] = &[
    SampleNetwork {
        networks: &[("192.0.2.0", 25), ("2001:db8::", 34)],
        continent: &EUROPE,
        country: &RUSSIA,
        subdivisions: &[&MOSCOW_AREA],
        city: Some(&MOSCOW),
        postal: Some("101000"),
        location: location(55.752_22, 37.615_56, 20, "Europe/Moscow"),
    },
    SampleNetwork {
        networks: &[("192.0.2.128", 26)],
        continent: &EUROPE,
        country: &RUSSIA,
        subdivisions: &[&PETERSBURG_AREA],
        city: Some(&PETERSBURG),
        postal: Some("190000"),
        location: location(59.938_63, 30.314_13, 20, "Europe/Moscow"),
    },
    SampleNetwork {
        networks: &[("192.0.2.192", 26)],
        continent: &EUROPE,
        country: &RUSSIA,
        subdivisions: &[],
        city: None,
        postal: None,
        location: SampleLocation { latitude: 60.0, longitude: 100.0, radius: 1000, zone: None },
    },
    SampleNetwork {
        networks: &[("198.51.100.0", 26), ("2001:db8:4000::", 34)],
        continent: &EUROPE,
        country: &BRITAIN,
        subdivisions: &[&ENGLAND],
        city: Some(&LONDON),
        postal: Some("SW1A"),
        location: location(51.508_53, -0.125_74, 20, "Europe/London"),
    },
    SampleNetwork {
        networks: &[("198.51.100.64", 27)],
        continent: &EUROPE,
        country: &BRITAIN,
        subdivisions: &[&ENGLAND, &OXFORDSHIRE],
        city: Some(&OXFORD),
        postal: Some("OX1"),
        location: location(51.752_22, -1.255_96, 5, "Europe/London"),
    },
    SampleNetwork {
        networks: &[("198.51.100.96", 27)],
        continent: &EUROPE,
        country: &GERMANY,
        subdivisions: &[&BERLIN_STATE],
        city: Some(&BERLIN),
        postal: Some("10115"),
        location: location(52.524_37, 13.410_53, 20, "Europe/Berlin"),
    },
    SampleNetwork {
        networks: &[("198.51.100.128", 26), ("2001:db8:8000::", 34)],
        continent: &NORTH_AMERICA,
        country: &UNITED_STATES,
        subdivisions: &[&NEW_YORK_STATE],
        city: Some(&NEW_YORK),
        postal: Some("10001"),
        location: location(40.714_27, -74.005_97, 20, "America/New_York"),
    },
    SampleNetwork {
        networks: &[("198.51.100.192", 26)],
        continent: &NORTH_AMERICA,
        country: &UNITED_STATES,
        subdivisions: &[&CALIFORNIA],
        city: Some(&LOS_ANGELES),
        postal: Some("90001"),
        location: location(34.052_23, -118.243_68, 20, "America/Los_Angeles"),
    },
    SampleNetwork {
        networks: &[("203.0.113.0", 25), ("2001:db8:c000::", 34)],
        continent: &ASIA,
        country: &JAPAN,
        subdivisions: &[&TOKYO_PREFECTURE],
        city: Some(&TOKYO),
        postal: Some("100-0001"),
        location: location(35.689_5, 139.691_71, 20, "Asia/Tokyo"),
    },
    SampleNetwork {
        networks: &[("203.0.113.128", 26)],
        continent: &OCEANIA,
        country: &AUSTRALIA,
        subdivisions: &[&NEW_SOUTH_WALES],
        city: Some(&SYDNEY),
        postal: Some("2000"),
        location: location(-33.867_85, 151.207_32, 20, "Australia/Sydney"),
    },
    SampleNetwork {
        networks: &[("203.0.113.192", 27)],
        continent: &SOUTH_AMERICA,
        country: &BRAZIL,
        subdivisions: &[&SAO_PAULO_STATE],
        city: Some(&SAO_PAULO),
        postal: Some("01000"),
        location: location(-23.547_5, -46.636_11, 20, "America/Sao_Paulo"),
    },
    SampleNetwork {
        networks: &[("203.0.113.224", 27)],
        continent: &AFRICA,
        country: &KENYA,
        subdivisions: &[&NAIROBI_COUNTY],
        city: Some(&NAIROBI),
        postal: Some("00100"),
        location: location(-1.283_33, 36.816_67, 20, "Africa/Nairobi"),
    },
];
