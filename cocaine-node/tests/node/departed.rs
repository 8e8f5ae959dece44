//! Changes whose callers leave before they are answered.

use cocaine_bindings::{Storage, StorageClient, Unicorn, UnicornClient};
use test_support::wait::wait_until;

use crate::{client, frame_client::FrameClient, node, service};

/// More calls than run at once for one connection.
const CALLS: usize = 1500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_departed_clients_are_finished() {
    let node = node().await;
    for (name, method) in [("storage", 1), ("unicorn", 4)] {
        let address = client(&node).resolve(name, None).await.unwrap().endpoints[0].0;
        let mut departing = FrameClient::connect(address).await;
        for channel in 1..=CALLS {
            match name {
                "storage" => {
                    departing.send(channel as u64, method, ("c", channel.to_string(), "v", ["t"])).await;
                }
                _ => departing.send(channel as u64, method, (format!("/c/{channel}"), "v")).await,
            }
        }
        departing.leave().await;
    }
    let storage: StorageClient = service(&node).await;
    let unicorn: UnicornClient = service(&node).await;
    let stored = async || storage.find("c", &["t"]).await.unwrap().len();
    let last = format!("/c/{CALLS}");
    let created = async || unicorn.get(&last).await.unwrap().version == 0;
    wait_until("all is stored", async || stored().await == CALLS && created().await).await;
    node.shutdown().await;
}
