//! The compilers of the toolchain, started without cargo.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::SystemTime,
};

/// The compilers, and the runtime that cargo has built.
pub(crate) struct Compilers {
    bin: PathBuf,
    runtime: PathBuf,
}

impl Compilers {
    /// Finds the compilers of the toolchain, and the newest build of the runtime that has doubles.
    pub(crate) fn find() -> Self {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc).args(["--print", "sysroot"]).output().unwrap();
        let bin = Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("bin");
        let found =
            runtimes().into_iter().map(|runtime| Self { bin: bin.clone(), runtime }).find(Self::has_doubles);
        found.expect("the runtime is built beside this test")
    }

    fn has_doubles(&self) -> bool {
        let code = "pub use cocaine::{double::Double, bind::ServiceSpec};";
        self.compile("rustc", "probe", code, &["--emit=metadata"]).status.success()
    }

    /// Checks with the default lints and the pedantic ones; any warning fails the test.
    pub(crate) fn clippy(&self, code: &str) {
        // A service can have as many methods as it likes.
        let lints = ["--emit=metadata", "-Dwarnings", "-Wclippy::pedantic", "-Aclippy::too_many_lines"];
        succeeds(&self.compile("clippy-driver", "clippy", code, &lints));
    }

    /// Writes the docs; any warning fails the test.
    pub(crate) fn rustdoc(&self, code: &str) {
        succeeds(&self.compile("rustdoc", "rustdoc", code, &["-Dwarnings"]));
    }

    fn compile(&self, compiler: &str, name: &str, code: &str, options: &[&str]) -> Output {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile_names");
        fs::create_dir_all(&folder).unwrap();
        let source = folder.join(format!("{name}.rs"));
        fs::write(&source, code).unwrap();
        let mut command = Command::new(self.bin.join(compiler));
        command.args(["--edition=2024", "--crate-type=lib", "--out-dir"]).arg(&folder).args(options);
        command.arg(format!("--extern=cocaine={}", self.runtime.display()));
        command.arg(format!("-Ldependency={}", deps().display()));
        command.arg(&source).output().unwrap()
    }
}

fn succeeds(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    let first: String = text.lines().take(60).collect::<Vec<_>>().join("\n");
    assert!(output.status.success(), "{first}");
}

/// Returns the folder in which cargo has built what this test depends on.
fn deps() -> PathBuf {
    env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Returns the builds of the runtime, the newest first.
fn runtimes() -> Vec<PathBuf> {
    let paths = fs::read_dir(deps()).unwrap().map(|file| file.unwrap().path());
    let is_runtime = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libcocaine-") && path.extension().is_some_and(|extension| extension == "rlib")
    };
    let mut runtimes: Vec<(SystemTime, PathBuf)> = (paths.filter(|path| is_runtime(path)))
        .map(|path| (fs::metadata(&path).unwrap().modified().unwrap(), path))
        .collect();
    runtimes.sort();
    runtimes.into_iter().rev().map(|(_, path)| path).collect()
}
