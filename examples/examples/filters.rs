//! A filter on the log of the cloud while it runs, and the number of lines that it drops.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example filters`.

use cocaine::{Client, Duplex, Result, Scalar, Severity, Value};
use cocaine_bindings::{LoggingV2, LoggingV2Client, Metrics, MetricsClient};

/// The lifetime of the filter in seconds; it ends earlier when it is removed.
const TTL: u64 = 60;

fn list<const N: usize>(parts: [Value; N]) -> Value {
    Value::Array(parts.into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cloud = Client::from_env()?;
    let (logging, metrics): (LoggingV2Client, MetricsClient) = cloud.services().await?;

    // Keep the warnings of the shop, and every line about one customer.
    let severe = list(["severity".into(), 2_u64.into()]);
    let ada = list(["==".into(), "customer".into(), "Ada".into()]);
    let filter = list(["||".into(), severe, ada]);
    let id = logging.set_filter("app/shop", &filter, TTL).await?;

    let Duplex { mut tx, mut rx } = logging.get("app/shop").await?;
    let customer = |name: &str| [("customer", Scalar::from(name))];
    let lines = [(Severity::Info, "Bob"), (Severity::Info, "Ada"), (Severity::Error, "Bob")];
    for (severity, name) in lines {
        tx = tx.emit_ack(severity, "an order", Some(&customer(name))).await?;
    }
    for (severity, name) in lines {
        let passed = rx.recv().await.transpose()?.unwrap_or_default();
        println!("{severity:?} of {name}: {}", if passed { "logged" } else { "filtered out" });
    }

    let name = list([Value::Map(vec![("name".into(), list([]))]), constant("logging.app/shop")]);
    let query = Value::Map(vec![("contains".into(), name)]);
    println!("{}", metrics.fetch(Some("json"), Some(&query)).await?);
    logging.remove_filter(id).await?;
    Ok(())
}

fn constant(text: &str) -> Value {
    Value::Map(vec![("const".into(), list([text.into()]))])
}
