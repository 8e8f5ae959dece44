//! A fixed set of nasty trees, compiled: what the compiler lets be said is what was read from the text.
//!
//! `trees.walk.rs` has an arm for each message of each state, made from what is read from `trees.rs`: it compiles if each
//! message leads to the state that was read, and a message without an arm is one that does not compile.

use std::{fs, path::Path};

use cocaine::ServiceClient as _;
use cocaine_codegen::{Metadata, Method};
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::{
    cloud::{Cloud, scripted, without_last},
    graphs::{self, Choice},
    machine::{Verdict, by_graph},
};

mod generated {
    include!("../golden/trees.rs");
}

#[allow(clippy::too_many_lines, reason = "an arm for each message of each state")]
mod walk {
    include!("../golden/trees.walk.rs");
}

/// Returns what the compiled code says of `ids`, sent one after the other.
async fn by_compiled_sender(cloud: &Cloud, method: &str, ids: &[u64]) -> Vec<Verdict> {
    let client = cloud.client.service_named("service").await.unwrap();
    let (mut sender, _receiver) = walk::open(&client, method).await.unwrap();
    let mut verdicts = Vec::new();
    for id in ids {
        match walk::send(sender, *id).await.unwrap() {
            Ok(walk::Sender::Ended) => {
                verdicts.push(Verdict::Last);
                sender = walk::Sender::Ended;
            }
            Ok(next) => {
                verdicts.push(Verdict::Allowed);
                sender = next;
            }
            Err(_) => {
                verdicts.push(Verdict::Refused);
                break;
            }
        }
    }
    verdicts
}

/// Returns what the compiled code says of `ids` as they come, one after the other.
async fn by_compiled_receiver(id: u64, method: &str, ids: &[u64]) -> Vec<Verdict> {
    let graph = generated::TreesClient::SPEC.graph();
    let (_cloud, client, mut peer) = scripted::<generated::TreesClient>(graph).await;
    let (_sender, mut receiver) = walk::open(&client, method).await.unwrap();
    peer.skip_opening(u8::try_from(id).unwrap()).await;
    let mut verdicts = Vec::new();
    for id in ids {
        if let walk::Receiver::Ended = receiver {
            verdicts.push(Verdict::Refused);
            break;
        }
        peer.send(1, *id).await;
        match walk::recv(receiver).await {
            Ok((read, next)) => {
                assert_eq!(read, *id, "another message");
                let ended = matches!(next, walk::Receiver::Ended);
                verdicts.push(if ended { Verdict::Last } else { Verdict::Allowed });
                receiver = next;
            }
            Err(error) => {
                assert!(error.to_string().contains("is not allowed"), "{error}");
                verdicts.push(Verdict::Refused);
                break;
            }
        }
    }
    verdicts
}

async fn compare(id: u64, method: &Method, choices: &[Choice]) -> Result<(), TestCaseError> {
    let sent = graphs::walk(&method.1, choices);
    let expected = by_graph(&method.1, &sent);
    let cloud = Cloud::serving(generated::TreesClient::SPEC).await;
    prop_assert_eq!(&by_compiled_sender(&cloud, &method.0, &sent).await, &expected, "the compiled sender");
    prop_assert_eq!(cloud.by_server(id, &sent).await, without_last(&expected), "the server");
    let come = graphs::walk(&method.2, choices);
    let expected = by_graph(&method.2, &come);
    prop_assert_eq!(by_compiled_receiver(id, &method.0, &come).await, expected, "the compiled receiver");
    Ok(())
}

fn sessions() -> Vec<(u64, Method)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/trees.json");
    let metadata = Metadata::from_json(&fs::read_to_string(path).unwrap()).unwrap();
    let trees = metadata.services["trees"].clone();
    trees.graph.into_iter().filter(|(_, method)| crate::cloud::is_session(method)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compiled_code_agrees_with_the_graph(
        (id, method) in prop::sample::select(sessions()),
        choices in graphs::choices(),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(id, &method, &choices))?;
    }
}
