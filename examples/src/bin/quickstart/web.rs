//! The example `web`, an axum app, as a worker behind the gateway.

use std::net::SocketAddr;

use cocaine::Client;
use cocaine_bindings::{Node, NodeClient};
use tokio::task::spawn_blocking;
use ureq::{Agent, http::Response};

use crate::{
    program::Program,
    step::{Step, check, show, title},
};

/// The name of the app.
const APP: &str = "shop";

const PROGRAM: Program = Program { kind: "--example", name: "web" };

pub(crate) async fn tour(cloud: &Client, gateway: SocketAddr) -> Step {
    title(14, "An axum app becomes a worker, without a change, and HTTP reaches it");
    let program = PROGRAM.build()?;
    program.upload(cloud, APP, &program.describe()?).await?;
    let node: NodeClient = cloud.service().await?;
    node.start_app(APP, "default").await?;
    // This HTTP client blocks.
    spawn_blocking(move || {
        // `web` is a tower service in the worker, `site` an axum server behind the worker's listener.
        for event in ["web", "site"] {
            browse(&format!("http://{gateway}/{APP}/{event}"))?;
        }
        title(15, "A service that the configuration lists is called over HTTP, as JSON-RPC");
        rpc(&format!("http://{gateway}/"))
    })
    .await??;
    node.pause_app(APP).await?;
    Ok(())
}

/// Fetches some pages of the app.
fn browse(site: &str) -> Step {
    let agent = Agent::new_with_defaults();
    let (_, text) = read(agent.get(format!("{site}/greet/Ada")).call()?)?;
    show(format!("GET  {site}/greet/Ada: {text:?}"));
    check(text == "hello Ada", "the app greets")?;

    let (_, text) = read(agent.post(format!("{site}/length")).send("some text")?)?;
    show(format!("POST {site}/length: {text:?}"));
    check(text == "body length is 9", "the app gets what is posted")?;

    let (head, _) = read(agent.get(format!("{site}/cookies")).call()?)?;
    let cookies: Vec<_> = head.headers().get_all("set-cookie").iter().collect();
    show(format!("GET  {site}/cookies: {cookies:?}"));
    check(cookies == ["seen=1", "theme=dark"], "no cookie is lost")?;

    let (_, text) = read(agent.get(format!("{site}/count")).call()?)?;
    show(format!("GET  {site}/count: {text:?}"));
    check(text == "1\n2\n3\n4\n5\n", "what is streamed arrives")
}

fn rpc(gateway: &str) -> Step {
    let call = r#"{"jsonrpc": "2.0", "method": "storage.find", "params": ["manifests", ["app"]], "id": 1}"#;
    let answer = Agent::new_with_defaults().post(gateway).header("X-Cocaine-JSON-RPC", "1").send(call)?;
    let (_, text) = read(answer)?;
    show(call);
    show(&text);
    check(text == r#"{"jsonrpc":"2.0","result":["greeter","shop"],"id":1}"#, "the service answers")
}

type Read = Result<(Response<()>, String), Box<dyn std::error::Error + Send + Sync>>;

fn read(answer: Response<ureq::Body>) -> Read {
    let (head, mut body) = answer.into_parts();
    Ok((Response::from_parts(head, ()), body.read_to_string()?))
}
