//! The documents, held to what they point at: every link leads somewhere, every file that is named is
//! there, and whatever is said to prove a promise is a test or a row that can be run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use axle_tests::{soak::Row, workspace::root};
use clap::ValueEnum as _;

/// What nobody here writes.
const NOT_OURS: [&str; 3] = ["target", "node_modules", ".git"];
/// Where a package's sources are, from the top.
const PACKAGES: [(&str, &str); 9] = [
    ("axle-model", "broker/model/src"),
    ("axle-proto", "proto/src"),
    ("axle-core", "broker/core/src"),
    ("axle-pki", "broker/pki/src"),
    ("axle-store", "broker/store/src"),
    ("axle-broker", "broker/src"),
    ("axle-client", "client/src"),
    ("axle-tests", "tests"),
    ("axle-benches", "benches/src"),
];

/// Every file of the workspace, from its top.
fn files() -> BTreeSet<PathBuf> {
    let (top, mut found, mut folders) = (root(), BTreeSet::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ours = !NOT_OURS.iter().any(|name| path.ends_with(name));
            if path.is_dir() && ours {
                folders.push(path);
            } else if ours {
                found.insert(path.strip_prefix(&top).unwrap().to_owned());
            }
        }
    }
    found
}

/// A document, from the top.
fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path)).unwrap()
}

fn documents() -> Vec<PathBuf> {
    let is_document = |path: &PathBuf| path.extension().is_some_and(|end| end == "md");
    files().into_iter().filter(is_document).collect()
}

/// The targets of a document's links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("](").skip(1);
    after.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// What is written between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The cells of the rows of every table, without the line under its head.
fn cells(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|line| !line.starts_with("| ---"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// The name of a heading in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_of_every_document_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = read(&document);
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root().join(&document),
                path => root().join(&document).parent().unwrap().join(path),
            };
            let has_place = || {
                let text = fs::read_to_string(&target).unwrap_or_default();
                text.lines()
                    .any(|line| line.starts_with('#') && anchor(line) == place)
            };
            if !target.exists() || (!place.is_empty() && !has_place()) {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_source_file_that_is_named_is_there() {
    let files = files();
    // As people say it, without the `src` in the middle, or as it is.
    let short: Vec<PathBuf> = files
        .iter()
        .map(|path| path.iter().filter(|part| *part != "src").collect())
        .collect();
    let is_there = |name: &str| files.iter().chain(&short).any(|path| path.ends_with(name));
    let mut missing = Vec::new();
    for document in documents() {
        let text = read(&document);
        let named = quoted(&text).filter(|word| word.ends_with(".rs") && !word.contains(' '));
        let named = named.filter(|word| !word.contains(['*', '{', '<']));
        for name in named.filter(|name| !is_there(name)) {
            missing.push(format!("{}: {name}", document.display()));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The names of the rows, as the `soak` program takes them.
fn rows() -> Vec<String> {
    let name = |row: &Row| row.to_possible_value().unwrap().get_name().to_owned();
    Row::value_variants().iter().map(name).collect()
}

#[test]
fn the_table_of_proofs_has_every_row_as_often_as_every_check_runs_it() {
    let text = read("tests/README.md");
    let mut told = BTreeSet::new();
    for cells in cells(&text) {
        let [name, _, _, every_check, one_long_run] = cells[..] else {
            continue;
        };
        let Some(row) = quoted(name).next() else {
            continue;
        };
        let (count, _) = Row::from_str(row, false).expect(row).usual();
        let said = every_check.split(' ').next().unwrap();
        assert_eq!(said, count.to_string(), "{row}");
        assert!(!one_long_run.is_empty(), "{row}");
        told.insert(row.to_owned());
    }
    assert_eq!(told, rows().into_iter().collect());
}

/// Whether a name is of a module with tests in it or below it: `package binary::path`, the package
/// being ours if none is named. A rule of the stores' contract is a test of every store.
fn is_tested(name: &str) -> bool {
    let (package, path) = name.split_once(' ').unwrap_or(("axle-tests", name));
    let Some((_, sources)) = PACKAGES.iter().find(|(known, _)| *known == package) else {
        return false;
    };
    let module = path.replace("::", "/");
    let places = [sources.to_string(), format!("{sources}/src")];
    let places = places.map(|sources| PathBuf::from(sources).join(&module));
    let proves = |text: &str| {
        let test = ["#[test]", "#[tokio::test", "conformance::"];
        test.iter().any(|mark| text.contains(mark))
    };
    let mut all = files().into_iter().filter(|file| {
        let file = file.with_extension("");
        places.iter().any(|place| file.starts_with(place))
    });
    all.any(|file| proves(&read(file)))
}

#[test]
fn what_is_said_to_prove_a_promise_or_to_answer_a_hazard_can_be_run() {
    let mut unknown = Vec::new();
    for (document, columns) in [("README.md", 2), ("deploy/safety/hazard-log.md", 6)] {
        let text = read(document);
        let mut proofs = 0;
        for cells in cells(&text).filter(|cells| cells.len() == columns).skip(1) {
            let shown_by = cells.last().unwrap();
            assert!(!shown_by.is_empty(), "{cells:?}");
            for name in quoted(shown_by).filter(|name| !name.contains(['=', '/'])) {
                proofs += 1;
                let is_row = rows().iter().any(|row| row == name);
                if !is_row && !is_tested(name) {
                    unknown.push(format!("{document}: {name}"));
                }
            }
        }
        assert!(proofs > 10, "{document}: {proofs}");
    }
    let tests = read("tests/README.md");
    let modules = quoted(&tests).filter(|word| word.contains("::"));
    unknown.extend(
        modules
            .filter(|name| !is_tested(name))
            .map(|name| format!("tests/README.md: {name}")),
    );
    assert!(unknown.is_empty(), "{unknown:#?}");
}
