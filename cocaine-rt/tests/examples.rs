//! The worked examples of `protocol.md` 12, each read from its bytes and written to them.

use cocaine::{Value, msgpack};
use serde_json::{Value as Json, json};

/// Turns JSON into a value: keys of digits are integers, and `hex:` leads bytes.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => (*truth).into(),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            _ => number.as_f64().unwrap().into(),
        },
        Json::String(text) => match text.strip_prefix("hex:") {
            Some(digits) => Value::Raw(test_support::hex::decode(digits).into()),
            None => text.as_str().into(),
        },
        Json::Array(items) => Value::Array(items.iter().map(value).collect()),
        Json::Object(entries) => {
            let key = |key: &str| key.parse::<u64>().map_or_else(|_| Value::from(key), Value::from);
            Value::Map(entries.iter().map(|(name, item)| (key(name), value(item))).collect())
        }
    }
}

/// The three trace headers, by literal names.
fn traced(trace: &str, span: &str) -> Json {
    json!([
        [false, "trace_id", format!("hex:{trace}")],
        [false, "span_id", format!("hex:{span}")],
        [false, "parent_id", "hex:0000000000000000"]
    ])
}

fn primitive() -> Json {
    json!({"0": ["value", {}], "1": ["error", {}]})
}

const ZERO: &str = "0000000000000000";
const ID: &str = "3412000000000000";

const PING: &str = "81 00 93 a4 70 69 6e 67 80 82 00 92 a5 76 61 6c 75 65 80 01 92 a5 65 72 72 6f 72 80";

#[test]
fn locator_messages_are_their_examples() {
    let ping = json!({"0": ["ping", {}, primitive()]});
    check("93 01 00 91 a7 73 74 6f 72 61 67 65", &json!([1, 0, ["storage"]]));
    let seeded = "94 01 00 92 a7 73 74 6f 72 61 67 65 a7 75 73 65 72 2d 34 32 90";
    check(seeded, &json!([1, 0, ["storage", "user-42"], []]));
    let found = "93 01 00 93 92 92 a3 3a 3a 31 cd 27 46 92 a9 31 32 37 2e 30 2e 30 2e 31 cd 27 46 01";
    let endpoints = json!([["::1", 10054], ["127.0.0.1", 10054]]);
    check(&format!("{found} {PING}"), &json!([1, 0, [endpoints, 1, ping]]));
    let goaway =
        "81 cd ff fc 93 a6 67 6f 61 77 61 79 80 82 00 92 a5 76 61 6c 75 65 80 01 92 a5 65 72 72 6f 72 80";
    check(goaway, &json!({"65532": ["goaway", {}, primitive()]}));
    let missing =
        "93 01 01 92 92 0a 01 b8 73 65 72 76 69 63 65 20 69 73 20 6e 6f 74 20 61 76 61 69 6c 61 62 6c 65";
    check(missing, &json!([1, 1, [[10, 1], "service is not available"]]));
    let removed = "93 01 00 92 a6 75 75 69 64 2d 31 81 a4 65 63 68 6f 93 90 01";
    check(&format!("{removed} {PING}"), &json!([1, 0, ["uuid-1", {"echo": [[], 1, ping]}]]));
    let routing =
        "93 02 00 91 81 a3 61 70 70 92 92 05 a6 61 70 70 5f 76 31 92 ce ee 6b 28 00 a6 61 70 70 5f 76 32";
    check(routing, &json!([2, 0, [{"app": [[5, "app_v1"], [4_000_000_000_u64, "app_v2"]]}]]));
}

#[test]
fn storage_and_log_messages_are_their_examples() {
    check("93 03 01 94 a1 63 a1 6b a1 76 91 a2 74 31", &json!([3, 1, ["c", "k", "v", ["t1"]]]));
    check("93 03 00 90", &json!([3, 0, []]));
    let text = "/var/lib/cocaine/c/k: No such file or directory";
    let digits: Vec<_> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let digits = digits.concat();
    check(&format!("93 02 01 92 92 0c 02 da 00 2f {digits}"), &json!([2, 1, [[12, 2], text]]));
    check(&format!("da 00 20 {}", "78".repeat(32)), &json!("x".repeat(32)));
    let emit = "93 04 00 94 01 a8 61 70 70 2f 65 63 68 6f a2 68 69 91 92 a3 70 69 64 07";
    check(emit, &json!([4, 0, [1, "app/echo", "hi", [["pid", 7]]]]));
}

#[test]
fn app_and_control_messages_are_their_examples() {
    check("93 07 00 91 a4 70 69 6e 67", &json!([7, 0, ["ping"]]));
    check("93 07 00 91 a4 64 61 74 61", &json!([7, 0, ["data"]]));
    check("93 07 02 90", &json!([7, 2, []]));
    check("93 07 01 92 92 2b cd 01 f4 a4 62 6f 6f 6d", &json!([7, 1, [[43, 500], "boom"]]));
    check("93 05 cd ff fd 90", &json!([5, 65533, []]));
    check("93 06 cd ff ff 92 04 92 07 04", &json!([6, 65535, [4, [7, 4]]]));
}

#[test]
fn headers_are_their_examples() {
    let names = ["a8 74 72 61 63 65 5f 69 64", "a7 73 70 61 6e 5f 69 64", "a9 70 61 72 65 6e 74 5f 69 64"];
    let literals = |trace: &str| {
        let ids = [trace, trace, ZERO];
        let headers: Vec<_> =
            names.iter().zip(ids).map(|(name, id)| format!("93 c2 {name} a8 {id}")).collect();
        headers.concat()
    };
    let hello = format!("94 01 00 91 a5 68 65 6c 6c 6f 93 {}", literals(ZERO));
    check(&hello, &json!([1, 0, ["hello"], traced(ZERO, ZERO)]));
    let call = format!("94 08 00 92 a1 63 a1 6b 93 {}", literals(ID));
    check(&call, &json!([8, 0, ["c", "k"], traced(ID, ID)]));
    let indexed = format!("94 08 00 92 a1 63 a1 6b 93 93 c2 50 a8 {ID} 93 c2 51 a8 {ID} 52");
    let entries = json!([[false, 80, format!("hex:{ID}")], [false, 81, format!("hex:{ID}")], 82]);
    check(&indexed, &json!([8, 0, ["c", "k"], entries]));
    let stored = "94 09 03 91 a4 2f 63 66 67 91 93 c3 17 a7 54 56 4d 20 61 62 63";
    check(stored, &json!([9, 3, ["/cfg"], [[true, 23, "TVM abc"]]]));
    check("94 0a 03 91 a4 2f 63 66 67 91 53", &json!([10, 3, ["/cfg"], [83]]));
    let timeout = "94 0b 00 91 a4 68 74 74 70 91 93 c2 af 72 65 71 75 65 73 74 5f 74 69 6d 65 6f 75 74 a8";
    let header = json!([[false, "request_timeout", "hex:3075000000000000"]]);
    check(&format!("{timeout} 30 75 00 00 00 00 00 00"), &json!([11, 0, ["http"], header]));
}

#[test]
fn numbers_are_their_examples() {
    check("cb 40 4b e0 00 00 00 00 00", &json!(55.75));
    check("ff", &json!(-1));
    check("cc c8", &json!(200));
}

#[track_caller]
fn check(hex: &str, json: &Json) {
    let (bytes, value) = (test_support::hex::decode(hex), value(json));
    assert_eq!(msgpack::from_slice::<Value>(&bytes).unwrap(), value);
    assert_eq!(msgpack::to_vec(&value).unwrap(), bytes, "{value}");
}
