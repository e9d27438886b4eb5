//! The architecture, held to: who may import whom, what may stand at the top, and how long a file
//! may be. Read from the manifests and the files themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use axle_tests::workspace::root;
use serde_json::Value;

const LINES_MAX: usize = 400;

/// Each crate and the crates of ours it may import. Imports point upwards only.
const LAYERS: [(&str, &[&str]); 9] = [
    ("axle-model", &[]),
    ("axle-proto", &[]),
    ("axle-core", &["axle-model"]),
    ("axle-pki", &["axle-model"]),
    ("axle-store", &["axle-core", "axle-model"]),
    ("axle-client", &["axle-pki", "axle-model", "axle-proto"]),
    // The client for the demo alone: see below.
    (
        "axle-broker",
        &[
            "axle-store",
            "axle-core",
            "axle-pki",
            "axle-model",
            "axle-proto",
            "axle-client",
        ],
    ),
    ("axle-tests", ALL),
    ("axle-benches", ALL),
];
const ALL: &[&str] = &[
    "axle-store",
    "axle-core",
    "axle-pki",
    "axle-model",
    "axle-proto",
    "axle-client",
    "axle-broker",
];

/// Libraries that only these crates may import.
const WARDED: [(&str, &[&str]); 6] = [
    ("sled", &["axle-store"]),
    (
        "tonic",
        &[
            "axle-proto",
            "axle-broker",
            "axle-client",
            "axle-tests",
            "axle-benches",
        ],
    ),
    ("tonic-types", &["axle-broker", "axle-client", "axle-tests"]),
    ("x509-parser", &["axle-pki"]),
    ("rcgen", &["axle-pki"]),
    // The core is pure and synchronous, the model does nothing at all.
    (
        "tokio",
        &[
            "axle-store",
            "axle-broker",
            "axle-client",
            "axle-tests",
            "axle-benches",
        ],
    ),
];

/// Each package of the workspace with everything its manifest names, for whatever use.
fn manifests() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let named = package["dependencies"].as_array().unwrap().iter();
            (
                text(&package["name"]),
                named.map(|dependency| text(&dependency["name"])).collect(),
            )
        })
        .collect()
}

/// Every Rust file of the workspace, relative to its top.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, found);
            } else if name.ends_with(".rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    assert!(found.len() > 100, "the walk missed the sources: {found:?}");
    found
}

/// Those files under `folder`, tests aside, in which `text` is found.
fn naming(folder: &str, text: &str) -> Vec<String> {
    let is_test = |path: &Path| {
        path.iter()
            .any(|part| part == "tests" || part == "tests.rs")
    };
    let own = sources()
        .into_iter()
        .filter(|path| path.starts_with(folder) && !is_test(path));
    let naming = own.filter(|path| {
        fs::read_to_string(root().join(path))
            .unwrap()
            .contains(text)
    });
    naming
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn imports_only_point_upwards() {
    let manifests = manifests();
    let layers: BTreeMap<&str, &[&str]> = LAYERS.into();
    let crates: Vec<&str> = manifests.keys().map(String::as_str).collect();
    assert_eq!(
        crates,
        layers.keys().copied().collect::<Vec<_>>(),
        "a crate is in no layer"
    );
    let mut wrong = Vec::new();
    for (name, imports) in &manifests {
        for import in imports {
            let ours = layers.contains_key(import.as_str());
            if ours && !layers[name.as_str()].contains(&import.as_str()) {
                wrong.push(format!("{name} imports {import}"));
            }
            let ward = WARDED.iter().find(|(library, _)| library == import);
            if ward.is_some_and(|(_, allowed)| !allowed.contains(&name.as_str())) {
                wrong.push(format!("{name} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_belongs_to_one_place_stays_there() {
    for (folder, text, places) in [
        ("broker/src", "axle_client", &["broker/src/demo"][..]),
        (
            "broker/src",
            "axle_proto",
            &[
                "broker/src/doors/grpc",
                "broker/src/app.rs",
                "broker/src/demo",
            ],
        ),
        ("broker/src", "SystemTime::now", &["broker/src/clock.rs"]),
        ("broker/core/src", "std::fs", &[]),
        ("broker/core/src", "std::net", &[]),
    ] {
        let stray: Vec<String> = naming(folder, text)
            .into_iter()
            .filter(|path| !places.iter().any(|place| path.starts_with(place)))
            .collect();
        assert!(
            stray.is_empty(),
            "{text} belongs in {places:?}, not in {stray:?}"
        );
    }
    let demo = naming("broker/src/demo", "axle_client");
    assert!(!demo.is_empty(), "the search finds what is there");
}

#[test]
fn the_daemon_that_is_deployed_has_no_failpoints() {
    let features = |package: &str| {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["tree", "--offline", "-f", "{p} {f}", "-p", package])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!features("axle-broker").contains("failpoints"));
    let proofs = features("axle-tests");
    assert!(
        proofs.contains("failpoints"),
        "the search finds what is there"
    );
}

#[test]
fn nothing_else_stands_at_the_top() {
    let mut top: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    top.sort();
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "benches",
        "broker",
        "client",
        "deploy",
        "fuzz",
        "proto",
        "tests",
    ];
    assert_eq!(top, expected);
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|path| {
            (
                fs::read_to_string(root().join(&path))
                    .unwrap()
                    .lines()
                    .count(),
                path,
            )
        })
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "more than {LINES_MAX}: {long:#?}");
}
