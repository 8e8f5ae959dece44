use cocaine::Schema;

#[derive(Schema)]
struct Wide {
    id: u128,
    ids: Vec<Option<i128>>,
    #[serde(with = "text")]
    fine: u128,
}

#[derive(Schema)]
struct Skips(#[serde(skip_serializing_if = "Option::is_none")] Option<u8>, #[serde(skip_serializing)] u8, u8);

#[derive(Schema)]
struct Renamed {
    #[serde(rename(serialize = "a", deserialize = "b"))]
    name: String,
}

#[derive(Schema)]
#[serde(into = "String")]
struct OneWay(String);

#[derive(Schema)]
#[serde(try_from = "String", into = "u64")]
struct TwoWays(u64);

#[derive(Schema)]
#[serde(remote = "std::time::Duration")]
struct Remote {
    secs: u64,
}

#[derive(Schema)]
#[serde(tag = "type")]
enum Tagged {
    Pair(u8, u8),
}

#[derive(Schema)]
#[serde(untagged)]
enum Untagged {
    Some { name: String, note: Option<String> },
    More { name: String, size: u64 },
}

#[derive(Schema)]
enum Partly {
    Name(String),
    #[serde(untagged)]
    Rest(u64),
}

#[derive(Schema)]
struct Misspelt {
    #[schema(opaqe)]
    name: String,
}

#[derive(Schema)]
union Overlaid {
    a: u8,
    b: i8,
}

fn main() {}
