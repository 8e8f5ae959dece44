#![allow(unused_variables)]

use cocaine::{Result, worker};

#[worker]
fn not_async(_: u64) -> u64 {
    1
}

#[worker]
async fn generic<'a, T: Copy, const N: usize>(value: T, list: [&'a T; N]) -> Result<T>
where
    T: Default,
{
    Ok(value)
}

#[worker]
async unsafe extern "C" fn not_safe() {}

#[worker]
async fn borrows(text: &str, blob: &[u8], list: Option<&[String]>, map: &mut std::collections::BTreeMap<u8, u8>) {}

#[worker]
async fn not_concrete(text: impl Into<String>, number: u64) {}

struct Counter;

impl Counter {
    #[worker]
    async fn add(&self) {}
}

fn main() {
    let _ = cocaine::events![not_async, generic, not_safe, borrows, not_concrete];
}
