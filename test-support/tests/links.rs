//! Every reference to a document leads somewhere: numbered sections (`protocol.md` 2.1), links, and the files and names
//! that the map of the code mentions.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Component, Path, PathBuf},
};

/// The map of the code, whose code spans name files of the repository, and items in those files.
const MAP: &str = "docs/architecture.md";

/// A document's headings.
#[derive(Default)]
struct Headings {
    numbers: BTreeSet<String>,
    anchors: BTreeSet<String>,
}

/// The repository's files that may refer to documents.
struct Repository {
    root: PathBuf,
    files: Vec<PathBuf>,
    headings: HashMap<PathBuf, Headings>,
}

impl Repository {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository");
        let mut files = Vec::new();
        collect(root, &mut files);
        let documents = files.iter().filter(|file| has_extension(file, "md"));
        let headings = documents.map(|file| (file.clone(), headings(&text(file)))).collect();
        Self { root: root.into(), files, headings }
    }

    /// Returns the document that a reference in `file` names, wherever such references may mean.
    fn document(&self, file: &Path, name: &str) -> Option<&Headings> {
        let [docs, guide] = ["docs", "docs/guide/src"].map(|folder| self.root.join(folder));
        let folders = [docs, guide, self.root.clone(), file.parent()?.to_owned()];
        folders.iter().find_map(|folder| self.headings.get(&folder.join(name)))
    }

    fn relative<'a>(&self, file: &'a Path) -> &'a Path {
        file.strip_prefix(&self.root).unwrap_or(file)
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !matches!(name, "target" | ".git") {
                collect(&path, files);
            }
        } else if ["rs", "md", "toml"].iter().any(|extension| has_extension(&path, extension)) {
            files.push(path);
        }
    }
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).expect("the file can be read")
}

/// Returns the lines of a document that are not in code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !in_block && !fence
    })
}

fn headings(text: &str) -> Headings {
    let mut headings = Headings::default();
    for line in prose(text).filter(|line| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim();
        let number = title.split_whitespace().next().unwrap_or_default().trim_end_matches('.');
        if number.starts_with(|first: char| first.is_ascii_digit()) {
            headings.numbers.insert(number.to_owned());
        }
        headings.anchors.insert(anchor(title));
    }
    headings
}

/// Returns the anchor of a heading, as the usual renderers of Markdown make it.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.map(|char| if char == ' ' { '-' } else { char.to_ascii_lowercase() }).collect()
}

/// Joins the lines of a file, without the marks of comments, so that a reference may go over the end of a line.
fn joined(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!', '#']).trim());
    lines.collect::<Vec<_>>().join(" ")
}

/// A reference such as `protocol.md` 2.1, 4.
struct Reference<'a> {
    name: &'a str,
    in_code: bool,
    numbers: Vec<&'a str>,
}

fn references(text: &str) -> Vec<Reference<'_>> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '/' | '.' | '*');
    let ends = text.match_indices(".md").map(|(at, _)| at + ".md".len());
    let found = ends.filter_map(|end| {
        let start = text[..end].rfind(|char| !is_part(char)).map_or(0, |at| at + 1);
        let name = text[start..end].trim_start_matches("docs/");
        let is_plain = name.len() > ".md".len() && !name.contains(['/', '*']);
        let in_code = text[..start].ends_with('`') && text[end..].starts_with('`');
        let ends_here = !text[end..].starts_with(|char: char| is_part(char) && char != '.');
        let rest = text[end..].strip_prefix('`').unwrap_or(&text[end..]);
        (is_plain && ends_here).then(|| Reference { name, in_code, numbers: numbers(rest) })
    });
    found.collect()
}

/// Returns the section numbers at the front of a text: ` 2.1, 4`.
fn numbers(mut text: &str) -> Vec<&str> {
    let mut numbers = Vec::new();
    let mut separator = " ";
    while let Some(rest) = text.strip_prefix(separator) {
        let length = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
        let number = rest[..length].trim_end_matches('.');
        if !number.starts_with(|first: char| first.is_ascii_digit()) {
            break;
        }
        numbers.push(number);
        text = &rest[number.len()..];
        separator = ", ";
    }
    numbers
}

/// Returns the targets of links in a line of Markdown, those in code spans left out.
fn links(line: &str) -> Vec<&str> {
    let outside = line.split('`').step_by(2);
    outside.flat_map(|text| text.split("](").skip(1).filter_map(|rest| rest.split(')').next())).collect()
}

/// Returns `path` without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}

fn report(kind: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{} {kind}:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn numbered_references_lead_to_headings() {
    let repository = Repository::read();
    let mut broken = Vec::new();
    for file in &repository.files {
        // Documents cite pages of other projects; those are not in code spans.
        let cites = has_extension(file, "md");
        let text = joined(&text(file));
        for Reference { name, in_code, numbers } in references(&text) {
            let place = repository.relative(file).display();
            match repository.document(file, name) {
                None if cites && !in_code => {}
                None => broken.push(format!("{place}: there is no document {name}")),
                Some(document) => broken.extend(
                    numbers
                        .iter()
                        .filter(|number| !document.numbers.contains(**number))
                        .map(|number| format!("{place}: {name} has no section {number}")),
                ),
            }
        }
    }
    report("references lead nowhere", &broken);
}

#[test]
fn links_lead_to_files_and_headings() {
    let repository = Repository::read();
    let mut broken = Vec::new();
    // The guide's reference is the documents in `docs`, through symbolic links; their own links lead from there.
    for (file, own) in repository.headings.iter().filter(|(file, _)| !file.is_symlink()) {
        let content = text(file);
        for target in prose(&content).flat_map(links).filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').map_or((target, None), |(path, id)| (path, Some(id)));
            let linked = normalized(&file.parent().expect("a file has a folder").join(path));
            let exists = path.is_empty() || linked.exists();
            let headings = if path.is_empty() { Some(own) } else { repository.headings.get(&linked) };
            let has_anchor = anchor
                .is_none_or(|anchor| headings.is_some_and(|headings| headings.anchors.contains(anchor)));
            if !exists || !has_anchor {
                broken.push(format!("{}: {target}", repository.relative(file).display()));
            }
        }
    }
    report("links lead nowhere", &broken);
}

#[test]
fn files_and_items_of_the_map_exist() {
    let repository = Repository::read();
    let mut broken = Vec::new();
    let map = text(&repository.root.join(MAP));
    for line in prose(&map) {
        let mut source = None;
        for span in line.split('`').skip(1).step_by(2) {
            if is_path(span) {
                let path = repository.root.join(span);
                if !path.exists() {
                    broken.push(format!("there is no {span}"));
                }
                source = path.is_file().then(|| (span, text(&path)));
            } else if let (Some(name), Some((path, text))) = (item(span), &source)
                && !contains_word(text, name)
            {
                broken.push(format!("{path} has no {name}"));
            }
        }
    }
    report("files or items of the map do not exist", &broken);
}

/// Returns whether a code span is a path in the repository.
fn is_path(span: &str) -> bool {
    span.contains('/') && span.chars().all(|char| char.is_ascii_alphanumeric() || "/._-".contains(char))
}

/// Returns the name of the item in a code span such as `Service::call`.
fn item(span: &str) -> Option<&str> {
    let name = span.rsplit("::").next()?;
    let plain = span.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | ':'));
    (plain && !name.is_empty()).then_some(name)
}

fn contains_word(text: &str, word: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}
