#![allow(unused_variables)]

use cocaine::{Bytes, Chunks, Context, Output, Session, worker};

type Whole = Session;

#[worker]
async fn session_after_value(name: String, who: Context, session: Whole) {}

#[worker]
async fn value_after_session(session: Whole, who: Context, name: String) {}

#[worker]
async fn session_and_chunks(session: Session, chunks: Chunks<Bytes>) {}

#[worker]
async fn output_and_session(output: Output<Bytes>, session: Session) {}

#[worker]
async fn two_sessions(one: Session, another: Session) {}

#[worker]
async fn two_chunks(numbers: Chunks<u8>, name: String, texts: Chunks<String>) {}

#[worker]
async fn two_outputs(numbers: Output<u8>, texts: Output<String>) {}

fn main() {}
