//! The compilers of the toolchain, started without cargo.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    rc::Rc,
    thread,
    time::SystemTime,
};

use tempfile::TempDir;

/// The compilers, and the runtime that cargo has built.
pub(crate) struct Compilers {
    bin: PathBuf,
    runtime: PathBuf,
    /// For the code and what becomes of it. Tests that run at the same time have one each.
    folder: Rc<TempDir>,
}

impl Compilers {
    /// Finds the compilers of the toolchain, and the newest build of the runtime that has doubles.
    pub(crate) fn find() -> Self {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc).args(["--print", "sysroot"]).output().unwrap();
        let bin = Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("bin");
        let folder = Rc::new(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        let compilers = |runtime| Self { bin: bin.clone(), runtime, folder: Rc::clone(&folder) };
        let found = builds("cocaine").into_iter().map(compilers).find(Self::has_doubles);
        found.expect("the runtime is built beside this test")
    }

    fn has_doubles(&self) -> bool {
        let code = "pub use cocaine::{double::Double, bind::ServiceSpec};";
        self.compile("rustc", "probe", code, &["--emit=metadata"]).status.success()
    }

    /// Checks with the default lints and the pedantic ones; any warning fails the test.
    #[allow(dead_code, reason = "each test uses a part of it")]
    pub(crate) fn clippy(&self, code: &str) {
        // A service can have as many methods as it likes.
        let lints = ["--emit=metadata", "-Dwarnings", "-Wclippy::pedantic", "-Aclippy::too_many_lines"];
        succeeds(&self.compile("clippy-driver", "clippy", code, &lints));
    }

    /// Writes the docs; any warning fails the test.
    #[allow(dead_code, reason = "each test uses a part of it")]
    pub(crate) fn rustdoc(&self, code: &str) {
        succeeds(&self.compile("rustdoc", "rustdoc", code, &["-Dwarnings"]));
    }

    /// Returns the option that names a build of a crate with which `code` compiles: one that has the same dependencies as the
    /// runtime.
    #[allow(dead_code, reason = "each test uses a part of it")]
    pub(crate) fn find_crate(&self, name: &str, code: &str) -> String {
        let options = builds(name).into_iter().map(|build| format!("--extern={name}={}", build.display()));
        let is_usable = |option: &String| {
            self.compile("rustc", "probe", code, &["--emit=metadata", option]).status.success()
        };
        options.into_iter().find(is_usable).expect("the crate is built beside this test")
    }

    /// Returns what the compiler says of code that is wrong; nothing if it compiles.
    #[allow(dead_code, reason = "each test uses a part of it")]
    pub(crate) fn error(&self, code: &str) -> String {
        let output = self.compile("rustc", "wrong", code, &["--emit=metadata"]);
        if output.status.success() {
            return String::new();
        }
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Compiles a program with these options, runs it with this input, and returns what it prints.
    #[allow(dead_code, reason = "each test uses a part of it")]
    pub(crate) fn run(&self, code: &str, options: &[&str], input: &str) -> String {
        let options = [options, &["--crate-type=bin"]].concat();
        succeeds(&self.compile("rustc", "program", code, &options));
        let mut program = Command::new(self.folder.path().join("program"));
        let mut program =
            program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = program.stdin.take().unwrap();
        let output = thread::scope(|scope| {
            // What does not read its input says why.
            scope.spawn(move || stdin.write_all(input.as_bytes()));
            program.wait_with_output().unwrap()
        });
        succeeds(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    fn compile(&self, compiler: &str, name: &str, code: &str, options: &[&str]) -> Output {
        let folder = self.folder.path();
        let source = folder.join(format!("{name}.rs"));
        fs::write(&source, code).unwrap();
        let mut command = Command::new(self.bin.join(compiler));
        let is_program = options.contains(&"--crate-type=bin");
        command.args(["--edition=2024", "--out-dir"]).arg(folder).args(options);
        command.args((!is_program).then_some("--crate-type=lib"));
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

/// Returns the builds of a crate, the newest first.
fn builds(name: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(deps()).unwrap().map(|file| file.unwrap().path());
    let start = format!("lib{name}-");
    let is_build = |path: &Path| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        file.starts_with(&start) && path.extension().is_some_and(|extension| extension == "rlib")
    };
    let mut builds: Vec<(SystemTime, PathBuf)> = (paths.filter(|path| is_build(path)))
        .map(|path| (fs::metadata(&path).unwrap().modified().unwrap(), path))
        .collect();
    builds.sort();
    builds.into_iter().rev().map(|(_, path)| path).collect()
}
