//! The app `greeter`: built, uploaded, started, called, killed, and called again.

use std::process::Command;

use cocaine::{Bytes, Category, Client, Code, Duplex, DynReceiver, DynSender, Value, msgpack};
use cocaine_bindings::{App, AppClient, Node, NodeClient};

use crate::{
    program::{Program, encode},
    step::{Step, check, show, title},
};

/// The name of the app.
const APP: &str = "greeter";

const PROGRAM: Program = Program { kind: "--bin", name: APP, folder: "" };

pub(crate) async fn tour(cloud: &Client) -> Step {
    title(8, "A worker is built, uploaded and started");
    PROGRAM.upload(cloud, APP).await?;
    let node: NodeClient = cloud.service().await?;
    node.start_app(APP, "default").await?;
    show(format!("node.start_app({APP:?}, \"default\"); it runs {}", node.list().await?));

    let app: AppClient = cloud.service_named(APP).await?;
    call(cloud, &app).await?;
    stream(&app).await?;
    kill(&node, &app).await?;
    node.pause_app(APP).await?;
    show(format!("node.pause_app({APP:?}): its workers finish what they have, and end"));
    Ok(())
}

async fn call(cloud: &Client, app: &AppClient) -> Step {
    title(9, "Its events are called, typed and untyped");
    let greeting = greet(app, "Ada").await?;
    show(format!("typed:    greet(\"Ada\") = {greeting:?}"));
    check(greeting == "hello Ada, you are number 1", "the worker greets")?;

    let untyped = cloud.dynamic(APP).await?;
    let mut event: Duplex<DynSender, DynReceiver> = untyped.open("enqueue", ("greet",)).await?;
    event.tx.send("write", (encode(&"Grace")?,)).await?;
    event.tx.send("close", ()).await?;
    let (message, payload) = event.rx.recv().await.ok_or("no answer came")??;
    check(message == "write", "the worker writes first")?;
    let greeting: String = msgpack::from_slice(&payload.decode::<Bytes>()?)?;
    show(format!("untyped:  greet(\"Grace\") = {greeting:?}"));
    check(greeting == "hello Grace, you are number 2", "the worker keeps its state")?;

    let error = greet(app, "").await.err().ok_or("nobody was greeted")?;
    show(format!("an error: {error}"));
    check(error.code() == Some(Code::new(Category::WORKER_USER, 1)), "the worker chooses its own codes")
}

/// Calls the event `greet` with one argument and returns its reply.
async fn greet(app: &AppClient, name: &str) -> cocaine::Result<String> {
    let mut event = app.enqueue("greet", None).await?;
    event.send(encode(&name)?).await?;
    let mut answer = event.finish()?;
    let chunk = answer.recv().await.transpose()?.unwrap_or_default();
    msgpack::from_slice(&chunk)
}

async fn stream(app: &AppClient) -> Step {
    title(10, "An event streams both ways");
    let mut party = app.enqueue("party", None).await?;
    for (name, number) in [("Alan", 3), ("Edsger", 4)] {
        party.send(encode(&name)?).await?;
        let greeting = party.recv().await.ok_or("the stream has ended")??;
        let greeting: String = msgpack::from_slice(&greeting)?;
        show(format!("{name} is answered before the next comes: {greeting:?}"));
        check(greeting.ends_with(&format!("number {number}")), "each chunk is answered")?;
    }
    let mut rest = party.finish()?;
    check(rest.recv().await.is_none(), "the worker ends its stream when the client does")
}

async fn kill(node: &NodeClient, app: &AppClient) -> Step {
    title(11, "Its process is killed, and the app called again");
    let pid = whoami(app).await?;
    show(format!("the worker is process {pid}; kill -9 {pid}"));
    let killed = Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status()?;
    check(killed.success(), "the process is killed")?;
    let next = loop {
        match whoami(app).await {
            Ok(pid) => break pid,
            Err(error) if error.wire_code() == Some(Code::EOF) => show(format!("lost with it: {error}")),
            Err(error) => return Err(error.into()),
        }
    };
    show(format!("the next call is answered by process {next}"));
    check(pid != next, "another process has taken over")?;
    let info = node.info(APP, Some(1)).await?;
    let pool = info.get("pool").ok_or("the report has no pool")?;
    let count = |key| pool.get(key).and_then(Value::as_i64);
    let (started, crashed) = (count("total:spawned").unwrap_or(0), count("total:crashed").unwrap_or(0));
    show(format!("node.info says: {started} workers started, {crashed} crashed"));
    check(crashed == 1, "the crash is reported")
}

async fn whoami(app: &AppClient) -> cocaine::Result<String> {
    let event = app.enqueue("whoami", None).await?;
    let mut answer = event.finish()?;
    let chunk = answer.recv().await.transpose()?.unwrap_or_default();
    Ok(chunk.as_str().unwrap_or_default().to_owned())
}
