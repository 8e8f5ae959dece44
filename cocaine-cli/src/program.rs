//! For which machine a program is, by the beginning of its file.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// How much of a file is read: the header of an ELF file, and the path of an interpreter.
const HEAD: u64 = 256;

const ELF_MAGIC: &[u8] = b"\x7fELF";
const CLASS: usize = 4;
const DATA: usize = 5;
const SYSTEM: usize = 7;
const KIND: usize = 16;
const MACHINE: usize = 18;

/// Systems whose programs run on Linux: those that name none, and those that name Linux.
const SYSTEMS: [u8; 2] = [0, 3];
/// Files that can be started: programs, and programs that may lie anywhere in memory.
const KINDS: [u16; 2] = [2, 3];

/// Names of machines by their numbers in ELF files.
const MACHINES: [(u16, &str); 6] =
    [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64"), (22, "s390x")];

/// Why a program cannot run on this machine.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// It can run on no machine of this kind.
    Machine(String),
    /// It is a script whose interpreter is not here, though other machines may have it.
    Interpreter(String),
}

impl Obstacle {
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::Machine(reason) | Self::Interpreter(reason) => reason,
        }
    }
}

/// Returns why a program cannot run on this machine, in a folder, if it cannot.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn find_obstacle(path: &Path, folder: &Path) -> io::Result<Option<Obstacle>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    if let Some(line) = head.strip_prefix(b"#!") {
        return Ok(missing_interpreter(line, folder).map(Obstacle::Interpreter));
    }
    if !head.starts_with(ELF_MAGIC) || head.len() < MACHINE + 2 {
        let reason = "it is neither a program of Linux nor a script".to_owned();
        return Ok(Some(Obstacle::Machine(reason)));
    }
    Ok(foreign_elf(&head).map(Obstacle::Machine))
}

/// Returns why the script whose first line begins with this cannot run.
fn missing_interpreter(line: &[u8], folder: &Path) -> Option<String> {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let interpreter = line.split_whitespace().next().unwrap_or_default();
    (!folder.join(interpreter).is_file())
        .then(|| format!("its interpreter {interpreter:?} is not on this machine"))
}

fn foreign_elf(head: &[u8]) -> Option<String> {
    let is_little = head[DATA] == 1;
    let number = |at: usize| {
        let bytes = [head[at], head[at + 1]];
        if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    };
    let name = MACHINES.iter().find(|(machine, _)| *machine == number(MACHINE)).map(|(_, name)| *name);
    let bits = if head[CLASS] == 2 { 64 } else { 32 };
    if name != Some(std::env::consts::ARCH) || bits != usize::BITS {
        let name = name.map_or_else(|| format!("number {}", number(MACHINE)), str::to_owned);
        return Some(format!(
            "it is for another machine, {name} with {bits} bits, and this one is {} with {}",
            std::env::consts::ARCH,
            usize::BITS
        ));
    }
    if !SYSTEMS.contains(&head[SYSTEM]) {
        return Some("it is for another system than Linux".to_owned());
    }
    (!KINDS.contains(&number(KIND))).then(|| "it is no program, but a part of one".to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn foreign(content: &[u8]) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        find_obstacle(file.path(), Path::new("")).unwrap().map(Obstacle::into_reason)
    }

    fn elf(changes: &[(usize, u8)]) -> Vec<u8> {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let mut head = own[..64].to_vec();
        for (at, byte) in changes {
            head[*at] = *byte;
        }
        head
    }

    #[test]
    fn own_programs_and_scripts_can_run() {
        assert_eq!(foreign(&elf(&[])), None);
        assert_eq!(foreign(b"#!/bin/sh\necho"), None);
        assert_eq!(foreign(b"#! /bin/sh -e\necho"), None);
    }

    #[test]
    fn others_say_what_they_are() {
        let riscv = elf(&[(MACHINE, 243), (MACHINE + 1, 0)]);
        for (content, words) in [
            (riscv, "another machine, riscv64"),
            (elf(&[(CLASS, 1)]), "32 bits"),
            (elf(&[(SYSTEM, 9)]), "another system"),
            (elf(&[(KIND, 1)]), "a part of one"),
            (elf(&[])[..10].to_vec(), "neither"),
            (b"MZ".to_vec(), "neither"),
            (Vec::new(), "neither"),
            (b"#!/no/such/interpreter\n".to_vec(), "\"/no/such/interpreter\" is not on this machine"),
            (b"#!".to_vec(), "is not on this machine"),
        ] {
            let reason = foreign(&content).unwrap();
            assert!(reason.contains(words), "{reason}");
        }
    }
}
