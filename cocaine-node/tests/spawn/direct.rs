//! Processes of workers that are started without a helper program, as tests start them.

use std::os::unix::process::ExitStatusExt;

use cocaine_node::helper::Helper;

use crate::{
    read_all, shell,
    spawn::{ProcessSpec, Spawner},
    spawn_ready, spec, wait_for_exit,
};

fn spawner() -> Spawner {
    Spawner::start(Helper::direct().unwrap(), None).unwrap()
}

#[tokio::test]
async fn process_is_a_direct_child() {
    let script =
        "tr '\\0' ' ' < /proc/$$/cmdline; echo; pwd; ps -o ppid= -p $$ 2> /dev/null || echo $PPID; exit 7";
    let mut started = spec("/bin/sh", &["-c", script]);
    started.arg0 = "./my app".into();
    let (mut process, output) = spawner().spawn(started).await.unwrap();
    let printed = read_all(output).await;
    let lines: Vec<_> = printed.lines().map(str::trim).collect();
    assert_eq!(lines, [&format!("./my app -c {script}"), "/", &std::process::id().to_string()]);
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(7));
}

#[tokio::test]
async fn group_is_terminated_and_killed() {
    let spawner = spawner();
    let script = "trap 'echo bye; exit 3' TERM; echo ready; sleep 1000 & wait";
    let (mut process, output) = spawn_ready(&spawner, script).await;
    process.terminate();
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(3));
    assert_eq!(read_all(output).await, "bye\n");

    let stubborn = "sh -c 'trap \"\" TERM; exec sleep 1000' & echo ready";
    let (mut process, output) = spawn_ready(&spawner, &format!("{stubborn}; wait")).await;
    process.kill();
    assert_eq!(wait_for_exit(&mut process).await.signal(), Some(9));
    assert_eq!(read_all(output).await, "");

    // The leader ends by itself.
    let (mut process, output) = spawn_ready(&spawner, stubborn).await;
    assert_eq!(wait_for_exit(&mut process).await.code(), Some(0));
    assert_eq!(read_all(output).await, "");

    let (process, output) = spawn_ready(&spawner, &format!("{stubborn}; wait")).await;
    drop(process);
    assert_eq!(read_all(output).await, "");
}

#[tokio::test]
async fn unusable_program_is_an_error() {
    let started = ProcessSpec { program: "/no/such/program".into(), ..shell("") };
    let error = spawner().spawn(started).await.unwrap_err().to_string();
    let expected =
        "cannot run /no/such/program: No such file or directory (os error 2); a manifest's `slave`";
    assert!(error.starts_with(expected), "{error}");
}
