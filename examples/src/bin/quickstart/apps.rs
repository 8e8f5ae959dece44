//! The app `greeter`: built, uploaded, started, called, killed, and called again.

use std::process::Command;

use cocaine::{Bytes, Category, Client, Code, Duplex, DynReceiver, DynSender, Value, msgpack};
use cocaine_bindings::{Node, NodeClient};
use examples::clients::{GreetError, Greeter, GreeterClient, Greeting};

use crate::{
    changes,
    program::{Program, encode},
    step::{Step, check, show, title},
};

/// The name of the app.
const APP: &str = "greeter";

const PROGRAM: Program = Program { kind: "--bin", name: APP };

pub(crate) async fn tour(cloud: &Client) -> Step {
    title(8, "A worker is built, uploaded with the schema of its events, and started");
    let program = PROGRAM.build()?;
    let schema = program.describe()?;
    show(format!("greeter --describe prints the schema of {:?}", schema.events.keys().collect::<Vec<_>>()));
    program.upload(cloud, APP, &schema).await?;
    let node: NodeClient = cloud.service().await?;
    node.start_app(APP, "default").await?;
    show(format!("node.start_app({APP:?}, \"default\"); it runs {}", node.list().await?));

    let greeter: GreeterClient = cloud.service().await?;
    call(cloud, &greeter).await?;
    stream(&greeter).await?;
    kill(&node, &greeter).await?;
    changes::tour(&program, &schema)?;
    node.pause_app(APP).await?;
    show(format!("node.pause_app({APP:?}): its workers finish what they have, and end"));
    Ok(())
}

async fn call(cloud: &Client, greeter: &GreeterClient) -> Step {
    title(9, "Its events are called, typed and untyped");
    let greeting = greeter.greet("Ada").await?;
    show(format!("typed:    greeter.greet(\"Ada\") = {greeting:?}"));
    check(greeting == Greeting { text: "hello Ada".to_owned(), number: 1 }, "the worker greets")?;

    let untyped = cloud.dynamic(APP).await?;
    let mut event: Duplex<DynSender, DynReceiver> = untyped.open("enqueue", ("greet",)).await?;
    event.tx.send("write", (encode(&"Grace")?,)).await?;
    event.tx.send("close", ()).await?;
    let (message, payload) = event.rx.recv().await.ok_or("no answer came")??;
    check(message == "write", "the worker writes first")?;
    let greeting: Value = msgpack::from_slice(&payload.decode::<Bytes>()?)?;
    show(format!("untyped:  enqueue(\"greet\"), \"Grace\" = {greeting}"));
    check(greeting.get("number") == Some(&Value::from(2)), "the worker keeps its state")?;

    let Err(GreetError::NoName(error)) = greeter.greet("").await else {
        return Err("this does not hold: a declared error has a type".into());
    };
    show(format!("an error: GreetError::NoName: {error}"));
    check(error.code() == Some(Code::new(Category::WORKER_USER, 1)), "on the wire it is a code")
}

async fn stream(greeter: &GreeterClient) -> Step {
    title(10, "An event streams both ways");
    let mut party = greeter.party().await?;
    for (name, number) in [("Alan", 3), ("Edsger", 4)] {
        party.send(name).await?;
        let greeting = party.recv().await.ok_or("the stream has ended")??;
        show(format!("{name} is answered before the next comes: {greeting:?}"));
        check(greeting.number == number, "each chunk is answered")?;
    }
    let mut rest = party.finish()?;
    check(rest.recv().await.is_none(), "the worker ends its stream when the client does")
}

async fn kill(node: &NodeClient, greeter: &GreeterClient) -> Step {
    title(11, "Its process is killed, and the app called again");
    let pid = whoami(greeter).await?;
    show(format!("the worker is process {pid}; kill -9 {pid}"));
    let killed = Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status()?;
    check(killed.success(), "the process is killed")?;
    let next = loop {
        match whoami(greeter).await {
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

async fn whoami(greeter: &GreeterClient) -> cocaine::Result<String> {
    let pid = greeter.whoami().await?;
    Ok(pid.as_str().unwrap_or_default().to_owned())
}
