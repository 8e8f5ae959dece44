//! `cocaine-node`: a whole Cocaine cloud on this machine.

use std::{env, process::ExitCode};

use cocaine_node::{helper, program};

fn main() -> ExitCode {
    helper::exec_worker_if_requested();
    program::run("cocaine-node", env::args_os().skip(1))
}
