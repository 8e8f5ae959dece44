#![allow(unused_variables)]

use cocaine::{Bytes, SessionReceiver, Context, SessionSender, Session, worker};

type Whole = Session;

#[worker]
async fn session_after_value(name: String, who: Context, session: Whole) {}

#[worker]
async fn value_after_session(session: Whole, who: Context, name: String) {}

#[worker]
async fn session_and_chunks(session: Session, chunks: SessionReceiver<Bytes>) {}

#[worker]
async fn output_and_session(output: SessionSender<Bytes>, session: Session) {}

#[worker]
async fn two_sessions(one: Session, another: Session) {}

#[worker]
async fn two_chunks(numbers: SessionReceiver<u8>, name: String, texts: SessionReceiver<String>) {}

#[worker]
async fn two_outputs(numbers: SessionSender<u8>, texts: SessionSender<String>) {}

fn main() {}
