//! The pages of the guide, and their blocks.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A block of code of a page.
#[derive(Debug)]
pub(crate) struct Block {
    /// The page and the line of its fence.
    pub(crate) place: String,
    /// What follows the fence: the language, and after commas what is done with the block.
    pub(crate) kind: String,
    pub(crate) text: String,
}

impl Block {
    /// Returns the language.
    pub(crate) fn language(&self) -> &str {
        self.kind.split(',').next().unwrap_or_default()
    }

    /// Returns the file of the repository that the block shows, by its path.
    pub(crate) fn file(&self) -> Option<&str> {
        self.kind.split_once(',').map(|(_, file)| file).filter(|file| file.starts_with("packaging/"))
    }
}

/// Returns the folder of the guide.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Returns the pages that SUMMARY.md lists, in its order, but for the reference, which is the documents in `docs`.
pub(crate) fn pages() -> Vec<String> {
    let summary = read("SUMMARY.md");
    let links = summary.lines().filter_map(|line| line.split_once("](")?.1.strip_suffix(')'));
    links.filter(|page| !page.starts_with("reference/")).map(str::to_owned).collect()
}

/// Returns the text of a page.
pub(crate) fn read(page: &str) -> String {
    fs::read_to_string(folder().join("src").join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Returns the blocks of all pages, in the order in which a reader meets them.
pub(crate) fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks_of(page, &read(page))).collect()
}

fn blocks_of(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(kind), None) => {
                let place = format!("{page}:{number}");
                open = Some(Block { place, kind: kind.to_owned(), text: String::new() });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block does not end");
    blocks
}

#[test]
fn blocks_have_place_kind_and_text() {
    let blocks = blocks_of("page", "# Title\n\n```sh,run\na\nb\n```\ntext\n```text\n```\n");
    let found: Vec<_> = blocks.iter().map(|block| (&*block.place, &*block.kind, &*block.text)).collect();
    assert_eq!(found, [("page:3", "sh,run", "a\nb\n"), ("page:8", "text", "")]);
}
