//! Each block of the guide is compiled, run or checked. `CONTRIBUTING.md` says what the words after the language mean.

use std::fs;

use cocaine_node::config::NodeConfig;
use cocaine_test::{Cloud, Error};

use crate::{book::blocks, programs::Programs, session::Session};

mod book;
mod commands;
mod programs;
mod session;

/// What a block may be.
const KINDS: &[&str] = &[
    // Compiled as doctests, and run unless it is `no_run`.
    "rust",
    "rust,no_run",
    // Read as what they are; a file of a node with the node's own reader.
    "json",
    "toml",
    "toml,node",
    // Output, or what is no program.
    "text",
    // Run, with the output that follows.
    "console,run",
    // Run.
    "sh,run",
    // Not run, but taken by the programs: it needs minutes, the network, root, or a terminal of its own.
    "sh,minutes",
    "sh,network",
    "sh,root",
    "sh,terminal",
];

fn report(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn each_page_is_listed_and_compiled() {
    let compiled = include_str!("../chapters.rs");
    let pages = book::pages();
    let missing = pages.iter().filter(|page| !compiled.contains(&format!("\"{page}\"")));
    report(&missing.map(|page| format!("{page} is not in checks/chapters.rs")).collect::<Vec<_>>());
    let files = fs::read_dir(book::folder().join("src")).unwrap().map(|entry| entry.unwrap().file_name());
    let files = files.map(|file| file.into_string().unwrap());
    let unlisted = files.filter(|file| file != "SUMMARY.md" && file != "reference" && !pages.contains(file));
    report(&unlisted.map(|file| format!("{file} is not in SUMMARY.md")).collect::<Vec<_>>());
}

#[test]
fn each_page_begins_with_its_use() {
    let others = book::pages().into_iter().filter(|page| {
        let text = book::read(page);
        let first = text.split("\n\n").nth(1).unwrap_or_default();
        !first.starts_with("After this page ")
    });
    report(&others.map(|page| format!("{page} does not say what one can do after it")).collect::<Vec<_>>());
}

#[test]
fn each_block_is_checked_somehow() {
    let blocks = blocks();
    let unknown =
        blocks.iter().filter(|block| !KINDS.contains(&block.kind.as_str()) && block.file().is_none());
    report(
        &unknown.map(|block| format!("{}: no test knows `{}`", block.place, block.kind)).collect::<Vec<_>>(),
    );
    // What no test runs, for whoever reads this test's output.
    for block in blocks.iter().filter(|block| block.language() == "sh" && block.kind != "sh,run") {
        println!("{}: {}", block.place, block.kind);
    }
}

#[test]
fn files_are_read_without_errors() {
    let folder = tempfile::tempdir().unwrap();
    let read = |kind: &str, text: &str| match kind {
        "toml" => text.parse::<toml::Table>().map(drop).map_err(|error| error.to_string()),
        "json" => {
            serde_json::from_str::<serde_json::Value>(text).map(drop).map_err(|error| error.to_string())
        }
        "toml,node" => {
            let file = folder.path().join("node.toml");
            fs::write(&file, text).unwrap();
            NodeConfig::read(&file).map(drop).map_err(|error| error.to_string())
        }
        _ => Ok(()),
    };
    let broken = blocks().into_iter().filter_map(|block| {
        let error = read(&block.kind, &block.text).err()?;
        Some(format!("{}: {error}", block.place))
    });
    report(&broken.collect::<Vec<_>>());
}

#[test]
fn programs_take_all_command_lines() {
    let programs = Programs::new();
    let broken = blocks()
        .into_iter()
        .filter(|block| block.language() == "sh" && block.kind != "sh,run")
        .flat_map(|block| {
            let errors = commands::lines(&block.text).into_iter().filter_map(|line| {
                let error = commands::check(&line, &programs).err()?;
                Some(format!("{}: {line}: {error}", block.place))
            });
            errors.collect::<Vec<_>>()
        });
    report(&broken.collect::<Vec<_>>());
}

#[test]
fn files_are_shown_as_they_are() {
    let differs = |block: &book::Block| {
        let file = block.file()?;
        let same =
            fs::read_to_string(book::folder().join("../..").join(file)).is_ok_and(|text| text == block.text);
        (!same).then(|| format!("{}: {file} has another text", block.place))
    };
    report(&blocks().iter().filter_map(differs).collect::<Vec<_>>());
}

#[test]
fn packaged_configuration_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let packaged = fs::read_to_string(book::folder().join("../../packaging/node.toml")).unwrap();
    // The settings that are comments, too.
    let all =
        packaged.replace("\n# [", "\n[").replace("\n# listen", "\nlisten").replace("\n# admin", "\nadmin");
    assert!(all.contains("\n[http]\nlisten"), "{all}");
    for text in [packaged, all] {
        let file = folder.path().join("node.toml");
        fs::write(&file, text).unwrap();
        NodeConfig::read(&file).unwrap();
    }
}

#[test]
fn metrics_of_alerts_are_documented() {
    let repository = book::folder().join("../..");
    let documented = fs::read_to_string(repository.join("docs/node.md")).unwrap();
    let alerts =
        fs::read_to_string(repository.join("packaging/alerts.yml")).unwrap() + &book::read("operating.md");
    let words = alerts.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let unknown =
        words.filter(|word| word.starts_with("cocaine_") && !documented.contains(&format!("`{word}`")));
    report(&unknown.map(|word| format!("docs/node.md has no metric {word}")).collect::<Vec<_>>());
}

#[test]
fn profile_keys_have_their_documented_defaults() {
    let documented = fs::read_to_string(book::folder().join("../../docs/node.md")).unwrap();
    let page = book::read("node.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.strip_suffix('`')?.to_owned(), cells.next()?.parse::<f64>().ok()?))
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() > 3, "{rows:?}");
    for (key, default) in rows {
        let row = documented.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        let found = row.and_then(|row| row.split(" | ").nth(2)).and_then(|cell| cell.parse::<f64>().ok());
        assert_eq!(found, Some(default), "{key}");
    }
}

#[test]
fn programs_of_the_quick_start_are_its_text() {
    let blocks = blocks();
    for entry in fs::read_dir(book::folder().join("programs")).unwrap() {
        let program = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (docs, program) = program.split_once("\n\n").unwrap();
        assert!(blocks.iter().any(|block| block.text == program), "no page has this text: {docs}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_print_what_the_guide_says() -> Result<(), Error> {
    let cloud = Cloud::builder().http().start().await?;
    let session = Session::new(&cloud);
    let mut broken = Vec::new();
    for block in blocks().into_iter().filter(|block| block.kind.ends_with(",run")) {
        if let Err(error) = session.run(&block) {
            broken.push(format!("{}: {error}", block.place));
        }
    }
    report(&broken);
    Ok(())
}
