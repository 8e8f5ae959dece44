//! What is in the sample.

use super::{Area, Point, Spot};

const fn area(id: u32, code: &'static str, names: [&'static str; 5]) -> Area {
    Area { id, code: Some(code), names }
}

const fn town(id: u32, names: [&'static str; 5]) -> Area {
    Area { id, code: None, names }
}

const fn point(latitude: f64, longitude: f64, radius: u16, zone: &'static str) -> Point {
    Point { latitude, longitude, radius, zone: Some(zone) }
}

static AFRICA: Area = area(6_255_146, "AF", ["Afrika", "Africa", "Afrique", "アフリカ", "Африка"]);
static ASIA: Area = area(6_255_147, "AS", ["Asien", "Asia", "Asie", "アジア", "Азия"]);
static EUROPE: Area = area(6_255_148, "EU", ["Europa", "Europe", "Europe", "ヨーロッパ", "Европа"]);
static NORTH_AMERICA: Area = area(
    6_255_149,
    "NA",
    ["Nordamerika", "North America", "Amérique du Nord", "北アメリカ", "Северная Америка"],
);
static SOUTH_AMERICA: Area =
    area(6_255_150, "SA", ["Südamerika", "South America", "Amérique du Sud", "南アメリカ", "Южная Америка"]);
static OCEANIA: Area = area(6_255_151, "OC", ["Ozeanien", "Oceania", "Océanie", "オセアニア", "Океания"]);

static AUSTRALIA: Area =
    area(2_077_456, "AU", ["Australien", "Australia", "Australie", "オーストラリア", "Австралия"]);
static BRAZIL: Area = area(3_469_034, "BR", ["Brasilien", "Brazil", "Brésil", "ブラジル", "Бразилия"]);
static GERMANY: Area = area(2_921_044, "DE", ["Deutschland", "Germany", "Allemagne", "ドイツ", "Германия"]);
static BRITAIN: Area = area(
    2_635_167,
    "GB",
    ["Vereinigtes Königreich", "United Kingdom", "Royaume-Uni", "イギリス", "Великобритания"],
);
static JAPAN: Area = area(1_861_060, "JP", ["Japan", "Japan", "Japon", "日本", "Япония"]);
static KENYA: Area = area(192_950, "KE", ["Kenia", "Kenya", "Kenya", "ケニア", "Кения"]);
static RUSSIA: Area = area(2_017_370, "RU", ["Russland", "Russia", "Russie", "ロシア", "Россия"]);
static UNITED_STATES: Area =
    area(6_252_001, "US", ["Vereinigte Staaten", "United States", "États-Unis", "アメリカ合衆国", "США"]);

static NEW_SOUTH_WALES: Area = area(
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
static SAO_PAULO_STATE: Area =
    area(3_448_433, "SP", ["São Paulo", "São Paulo", "São Paulo", "サンパウロ州", "Сан-Паулу"]);
static BERLIN_STATE: Area = area(2_950_157, "BE", ["Berlin", "Berlin", "Berlin", "ベルリン", "Берлин"]);
static ENGLAND: Area = area(6_269_131, "ENG", ["England", "England", "Angleterre", "イングランド", "Англия"]);
static OXFORDSHIRE: Area = area(
    2_640_726,
    "OXF",
    ["Oxfordshire", "Oxfordshire", "Oxfordshire", "オックスフォードシャー", "Оксфордшир"],
);
static TOKYO_PREFECTURE: Area = area(1_850_144, "13", ["Tokio", "Tokyo", "Tokyo", "東京都", "Токио"]);
static NAIROBI_COUNTY: Area = area(184_742, "30", ["Nairobi", "Nairobi", "Nairobi", "ナイロビ", "Найроби"]);
static MOSCOW_AREA: Area = area(524_894, "MOW", ["Moskau", "Moscow", "Moscou", "モスクワ", "Москва"]);
static PETERSBURG_AREA: Area = area(536_203, "SPE", PETERSBURG.names);
static CALIFORNIA: Area =
    area(5_332_921, "CA", ["Kalifornien", "California", "Californie", "カリフォルニア州", "Калифорния"]);
static NEW_YORK_STATE: Area =
    area(5_128_638, "NY", ["New York", "New York", "New York", "ニューヨーク州", "Нью-Йорк"]);

static BERLIN: Area = town(2_950_159, ["Berlin", "Berlin", "Berlin", "ベルリン", "Берлин"]);
static LONDON: Area = town(2_643_743, ["London", "London", "Londres", "ロンドン", "Лондон"]);
static LOS_ANGELES: Area =
    town(5_368_361, ["Los Angeles", "Los Angeles", "Los Angeles", "ロサンゼルス", "Лос-Анджелес"]);
static MOSCOW: Area = town(524_901, ["Moskau", "Moscow", "Moscou", "モスクワ", "Москва"]);
static NAIROBI: Area = town(184_745, ["Nairobi", "Nairobi", "Nairobi", "ナイロビ", "Найроби"]);
static NEW_YORK: Area =
    town(5_128_581, ["New York City", "New York", "New York", "ニューヨーク", "Нью-Йорк"]);
static OXFORD: Area = town(2_640_729, ["Oxford", "Oxford", "Oxford", "オックスフォード", "Оксфорд"]);
static PETERSBURG: Area = town(
    498_817,
    ["Sankt Petersburg", "Saint Petersburg", "Saint-Pétersbourg", "サンクトペテルブルク", "Санкт-Петербург"],
);
static SAO_PAULO: Area = town(3_448_439, ["São Paulo", "São Paulo", "São Paulo", "サンパウロ", "Сан-Паулу"]);
static SYDNEY: Area = town(2_147_714, ["Sydney", "Sydney", "Sydney", "シドニー", "Сидней"]);
static TOKYO: Area = town(1_850_147, ["Tokio", "Tokyo", "Tokyo", "東京", "Токио"]);

pub(super) static SPOTS: &[Spot] = &[
    Spot {
        networks: &[("192.0.2.0", 25), ("2001:db8::", 34)],
        continent: &EUROPE,
        country: &RUSSIA,
        subdivisions: &[&MOSCOW_AREA],
        city: Some(&MOSCOW),
        postal: Some("101000"),
        place: point(55.752_22, 37.615_56, 20, "Europe/Moscow"),
    },
    Spot {
        networks: &[("192.0.2.128", 26)],
        continent: &EUROPE,
        country: &RUSSIA,
        subdivisions: &[&PETERSBURG_AREA],
        city: Some(&PETERSBURG),
        postal: Some("190000"),
        place: point(59.938_63, 30.314_13, 20, "Europe/Moscow"),
    },
    Spot {
        networks: &[("192.0.2.192", 26)],
        continent: &EUROPE,
        country: &RUSSIA,
        subdivisions: &[],
        city: None,
        postal: None,
        place: Point { latitude: 60.0, longitude: 100.0, radius: 1000, zone: None },
    },
    Spot {
        networks: &[("198.51.100.0", 26), ("2001:db8:4000::", 34)],
        continent: &EUROPE,
        country: &BRITAIN,
        subdivisions: &[&ENGLAND],
        city: Some(&LONDON),
        postal: Some("SW1A"),
        place: point(51.508_53, -0.125_74, 20, "Europe/London"),
    },
    Spot {
        networks: &[("198.51.100.64", 27)],
        continent: &EUROPE,
        country: &BRITAIN,
        subdivisions: &[&ENGLAND, &OXFORDSHIRE],
        city: Some(&OXFORD),
        postal: Some("OX1"),
        place: point(51.752_22, -1.255_96, 5, "Europe/London"),
    },
    Spot {
        networks: &[("198.51.100.96", 27)],
        continent: &EUROPE,
        country: &GERMANY,
        subdivisions: &[&BERLIN_STATE],
        city: Some(&BERLIN),
        postal: Some("10115"),
        place: point(52.524_37, 13.410_53, 20, "Europe/Berlin"),
    },
    Spot {
        networks: &[("198.51.100.128", 26), ("2001:db8:8000::", 34)],
        continent: &NORTH_AMERICA,
        country: &UNITED_STATES,
        subdivisions: &[&NEW_YORK_STATE],
        city: Some(&NEW_YORK),
        postal: Some("10001"),
        place: point(40.714_27, -74.005_97, 20, "America/New_York"),
    },
    Spot {
        networks: &[("198.51.100.192", 26)],
        continent: &NORTH_AMERICA,
        country: &UNITED_STATES,
        subdivisions: &[&CALIFORNIA],
        city: Some(&LOS_ANGELES),
        postal: Some("90001"),
        place: point(34.052_23, -118.243_68, 20, "America/Los_Angeles"),
    },
    Spot {
        networks: &[("203.0.113.0", 25), ("2001:db8:c000::", 34)],
        continent: &ASIA,
        country: &JAPAN,
        subdivisions: &[&TOKYO_PREFECTURE],
        city: Some(&TOKYO),
        postal: Some("100-0001"),
        place: point(35.689_5, 139.691_71, 20, "Asia/Tokyo"),
    },
    Spot {
        networks: &[("203.0.113.128", 26)],
        continent: &OCEANIA,
        country: &AUSTRALIA,
        subdivisions: &[&NEW_SOUTH_WALES],
        city: Some(&SYDNEY),
        postal: Some("2000"),
        place: point(-33.867_85, 151.207_32, 20, "Australia/Sydney"),
    },
    Spot {
        networks: &[("203.0.113.192", 27)],
        continent: &SOUTH_AMERICA,
        country: &BRAZIL,
        subdivisions: &[&SAO_PAULO_STATE],
        city: Some(&SAO_PAULO),
        postal: Some("01000"),
        place: point(-23.547_5, -46.636_11, 20, "America/Sao_Paulo"),
    },
    Spot {
        networks: &[("203.0.113.224", 27)],
        continent: &AFRICA,
        country: &KENYA,
        subdivisions: &[&NAIROBI_COUNTY],
        city: Some(&NAIROBI),
        postal: Some("00100"),
        place: point(-1.283_33, 36.816_67, 20, "Africa/Nairobi"),
    },
];
