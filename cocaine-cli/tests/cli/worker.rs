//! The worker of these tests: this program, run again by a script that is uploaded.

use std::env;

use cocaine::{Result, Worker};

const ARGS: &str = "TEST_WORKER_ARGS";
/// The variable with the first word of greetings.
pub(crate) const GREETING: &str = "TEST_WORKER_GREETING";

/// Returns a script that runs this program as a worker. What the test harness prints beside the schema is cut off.
pub(crate) fn script() -> String {
    let program = env::current_exe().unwrap();
    let run = format!("'{}' --ignored --exact --nocapture worker::process", program.display());
    format!(
        "#!/bin/sh\nexport {ARGS}=$(printf '%s\\n' \"$@\")\n\
         if [ \"$1\" = --describe ]; then {run} | sed -n '/^{{/,/^}}/p'; else exec {run}; fi\n"
    )
}

/// Makes a greeting.
#[cocaine::worker]
async fn greet(name: String) -> Result<String> {
    let greeting = env::var(GREETING).unwrap_or_else(|_| "Hello".to_owned());
    Ok(format!("{greeting}, {name}!"))
}

/// Says that it has been called, and never ends.
#[cocaine::worker]
async fn hang() -> Result<()> {
    eprintln!("it hangs");
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "run by the nodes of the other tests"]
fn process() {
    let args: Vec<String> = env::var(ARGS).expect("run by a script").lines().map(str::to_owned).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let served = runtime.block_on(async { Worker::new(&args)?.serve(cocaine::events![greet, hang]).await });
    if let Err(error) = served {
        eprintln!("{error}");
        std::process::exit(3);
    }
    std::process::exit(0);
}
