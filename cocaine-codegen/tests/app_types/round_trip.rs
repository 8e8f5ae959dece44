//! Random types become Rust that compiles, has the schema that it was made from, and reads and writes what the schema says.
//!
//! `PROPTEST_CASES` is the number of types, and `PROPTEST_RNG_SEED` chooses others.

use std::{env, fmt::Write as _};

use cocaine::schema::{AppSchema, Type, TypeSchema, bounded_hash};
use cocaine_codegen::generate_types;

use crate::{
    compilers::Compilers,
    random::{Choices, definitions::random_types, values::ValueChoices},
};

/// How many types are in one module, and how many values of each are tried.
const TYPES: usize = 12;
const VALUES: usize = 8;

/// Reads the bytes of each line as the type that it names, and compares what is written again.
const DRIVER: &str = r#"
#![allow(dead_code)]

fn check<T>(name: &str, digits: &str)
where
    T: ::cocaine::bind::Serialize + ::cocaine::bind::DeserializeOwned + ::cocaine::Schema + ::std::fmt::Debug + ::std::clone::Clone + ::std::cmp::PartialEq,
{
    let byte = |at: usize| ::std::primitive::u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let bytes: ::std::vec::Vec<_> = (0..digits.len()).step_by(2).map(byte).collect();
    let value: T = match ::cocaine::msgpack::from_slice(&bytes) {
        Ok(value) => value,
        Err(error) => panic!("{name} of {bytes:x?}: {error}"),
    };
    assert_eq!(value.clone(), value);
    let written = ::cocaine::msgpack::to_vec(&value).unwrap();
    assert!(written == bytes, "{name}: {value:?} was read from\n{bytes:x?} and became\n{written:x?}");
    let named = ::rmp_serde::to_vec_named(&value).unwrap();
    let again: T = ::cocaine::msgpack::from_slice(&named).unwrap();
    assert_eq!(::cocaine::msgpack::to_vec(&again).unwrap(), bytes, "{name} as rmp-serde writes it");
}

fn hash<T: ::cocaine::Schema>() -> ::std::primitive::u64 {
    ::cocaine::schema::TypeSchema::of::<T>().hash()
}

use ::cocaine::schema::bounded_hash::of as bounded_hash;

fn main() {
    check_hashes();
    let mut values = 0;
    for line in ::std::io::stdin().lines() {
        let line = line.unwrap();
        let (name, digits) = line.split_once(' ').unwrap();
        check_value(name, digits);
        values += 1;
    }
    println!("{values}");
}
"#;

/// What compiles with a build of `rmp-serde` that has the runtime's build of `serde`.
const PROBE: &str =
    "pub fn write<T: ::cocaine::bind::Serialize>(value: &T) { ::rmp_serde::to_vec_named(value).unwrap(); }";

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Returns the code of a module with the types of `schema`.
fn module(index: usize, schema: &AppSchema) -> String {
    let text = generate_types("shop", schema).unwrap_or_else(|error| panic!("{error}\n{schema:#?}"));
    format!("/// Types.\n#[allow(dead_code, unreachable_pub)] pub mod m{index} {{ {text} }}\n")
}

#[test]
fn clippy_and_rustdoc_accept_random_types() {
    let modules = setting("PROPTEST_CASES", 72_usize).div_ceil(TYPES).max(1);
    let mut choices = Choices::new(setting("PROPTEST_RNG_SEED", 1));
    let mut code = "//! Types.\n".to_owned();
    for index in 0..modules {
        let types = random_types(&mut choices, TYPES).types;
        code.push_str(&module(index, &AppSchema { types, ..AppSchema::default() }));
    }
    let compilers = Compilers::find();
    compilers.clippy(&code);
    compilers.rustdoc(&code);
}

#[test]
fn random_types_read_and_write_their_values() {
    let modules = setting("PROPTEST_CASES", 72_usize).div_ceil(TYPES).max(1);
    let mut choices = Choices::new(setting("PROPTEST_RNG_SEED", 1));
    let (mut code, mut hashes, mut arms) = (DRIVER.to_owned(), String::new(), String::new());
    let mut values = Vec::new();
    for module in 0..modules {
        let random = random_types(&mut choices, TYPES);
        let schema = AppSchema { types: random.types.clone(), ..AppSchema::default() };
        code.push_str(&self::module(module, &schema));
        for name in &random.roots {
            let rust = format!("m{module}::{}", name.trim_start_matches("shop::"));
            let root = Type::Named(name.clone());
            let hash = TypeSchema { root: root.clone(), types: random.types.clone() }.hash();
            writeln!(hashes, "assert_eq!(hash::<{rust}>(), {hash}, {rust:?});").unwrap();
            let bounded_hash = bounded_hash::hash_types(&random.types, &[&root])[0];
            writeln!(hashes, "assert_eq!(const {{ bounded_hash::<{rust}>() }}, {bounded_hash}, {rust:?});")
                .unwrap();
            writeln!(arms, "{rust:?} => check::<{rust}>(name, digits),").unwrap();
            for _ in 0..VALUES {
                let mut value = ValueChoices { choices: &mut choices, types: &random.types, depth: 8 };
                if let Some(bytes) = value.value(&root) {
                    values.push(format!("{rust} {}", hexadecimal(&bytes)));
                }
            }
        }
    }
    writeln!(code, "fn check_hashes() {{ {hashes} }}").unwrap();
    writeln!(
        code,
        "fn check_value(name: &str, digits: &str) {{ match name {{ {arms} _ => unreachable!() }} }}"
    )
    .unwrap();
    let compilers = Compilers::find();
    let rmp_serde = compilers.find_crate("rmp_serde", PROBE);
    let output = compilers.run(&code, &[&rmp_serde], &values.join("\n"));
    assert_eq!(output.trim(), values.len().to_string());
    assert!(values.len() > modules * TYPES, "most types have values");
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
