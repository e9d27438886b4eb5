//! The samples: the committed files are what their program makes, each good one is acceptable, each
//! bad one breaks the rule it is named for and no other, and what `axle validate` and `axle route
//! explain` say of each is what was agreed on: tests/snapshots. With AXLE_UPDATE_SNAPSHOTS=1 they are written anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axle_client::cli;
use axle_core::validate::Rules;
use axle_model::time::Timestamp;
use axle_tests::{
    broker::TestBroker,
    documents::{now, to},
    estate::{Estate, TRUST},
    samples::{self, Sample},
    workspace,
};

/// Checked of no document: V-315 says what is never looked at.
const NEVER_CHECKED: [&str; 1] = ["V-315"];
/// Found by the store when a document is submitted, so that validation alone says nothing.
const FOUND_AT_SUBMIT: [&str; 1] = ["V-118"];

/// A broker with the example configuration, and the samples as if they were written today.
struct Desk {
    _broker: TestBroker,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        let broker = TestBroker::start_with(Estate::as_shipped()).await;
        let folder = tempfile::tempdir().unwrap();
        let profile = broker.estate().profile(TRUST);
        let profile = toml::to_string(&BTreeMap::from([
            ("broker", profile.broker.as_str()),
            ("ca", profile.ca.to_str().unwrap()),
            ("certificate", profile.certificate.to_str().unwrap()),
            ("key", profile.key.to_str().unwrap()),
        ]));
        fs::write(folder.path().join("RR8.toml"), profile.unwrap()).unwrap();
        Self {
            _broker: broker,
            folder,
        }
    }

    /// What `axle` prints of a sample, and its exit code.
    async fn told(&self, command: &[&str], sample: &Sample) -> (u8, String) {
        let file = self.folder.path().join(&sample.path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, sample.written_on(&yesterday())).unwrap();
        let profile = self.folder.path().join("RR8.toml");
        let line = [
            &["axle", "--profile", profile.to_str().unwrap()],
            command,
            &[file.to_str().unwrap()],
            &sample.arguments,
        ];
        let said = Said::default();
        let (out, err) = (Box::new(said.clone()), Box::new(said.clone()));
        let line = line.concat().into_iter().map(Into::into);
        let code = cli::execute(line, out, err, false).await;
        let here = format!("{}/", self.folder.path().display());
        let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        (code, said.replace(&here, ""))
    }
}

/// The day before this one, on which every moment is past.
fn yesterday() -> String {
    const DAY_MICROS: u64 = 24 * 60 * 60 * 1_000_000;
    let then = Timestamp::from_micros(now().as_micros() - DAY_MICROS);
    then.to_string()[..10].to_owned()
}

/// Both outputs of a command, in the order in which they were written.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The rules whose names are in a command's output.
fn rules_in(said: &str) -> BTreeSet<&str> {
    let labels = said.lines().filter_map(|line| line.split_once('['));
    let ids = labels.filter_map(|(severity, rest)| {
        let known = ["fatal", "error", "warning", "info"].contains(&severity);
        let (id, _) = rest.split_once(']').filter(|_| known)?;
        id.starts_with("V-").then_some(id)
    });
    ids.collect()
}

#[test]
fn the_committed_samples_are_what_their_program_makes() {
    let folder = samples::folder();
    let mut wanted = BTreeSet::new();
    for sample in samples::all().iter().filter(|sample| sample.is_committed) {
        let path = folder.join(&sample.path);
        let same = fs::read(&path).is_ok_and(|bytes| bytes == sample.content);
        assert!(
            same,
            "{} is not up to date: cargo run -p axle-tests --bin samples",
            sample.path
        );
        wanted.insert(path);
    }
    for part in ["good", "broken"] {
        for path in files(&folder.join(part)) {
            assert!(wanted.contains(&path), "{} is no sample", path.display());
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_rule_has_a_sample_that_breaks_it_and_every_sample_names_a_rule() {
    let rules: BTreeSet<&str> = Rules::ids().collect();
    let all = samples::all();
    let broken: BTreeSet<&str> = all.iter().filter_map(|sample| sample.rule).collect();
    let missing: Vec<_> = rules.difference(&broken).collect();
    assert_eq!(missing, NEVER_CHECKED.iter().collect::<Vec<_>>());
    assert_eq!(broken.difference(&rules).count(), 0);
    let paths: BTreeSet<&str> = all.iter().map(|sample| sample.path.as_str()).collect();
    assert_eq!(paths.len(), all.len(), "two samples have one name");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sample_is_told_what_was_agreed_and_breaks_its_own_rule_only() {
    let desk = Desk::new().await;
    let mut wrong = Vec::new();
    let table = fs::read_to_string(workspace::root().join("deploy/routing.toml")).unwrap();
    for sample in &samples::all() {
        let (code, said) = desk.told(&["validate"], sample).await;
        let snapshot = format!("validate/{}.txt", sample.path);
        wrong.extend(differs(&snapshot, &format!("{said}exit code {code}\n")));
        let (explained, steps) = desk.told(&["route", "explain"], sample).await;
        let steps = without_lines(&steps, &table);
        let snapshot = format!("route/{}.txt", sample.path);
        wrong.extend(differs(
            &snapshot,
            &format!("{steps}exit code {explained}\n"),
        ));
        if explained != code {
            wrong.push(format!(
                "{} is explained to end otherwise:\n{steps}",
                sample.path
            ));
        }
        let told = rules_in(&said);
        let own = sample.rule.filter(|rule| !FOUND_AT_SUBMIT.contains(rule));
        let expected: BTreeSet<_> = own.iter().chain(sample.consequences).copied().collect();
        if told != expected {
            wrong.push(format!("{} breaks {told:?}:\n{said}", sample.path));
        }
        if sample.rule.is_none() && code != 0 {
            wrong.push(format!("{} is refused:\n{said}", sample.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The steps of a route without the numbers of the table's lines, which change with every comment: it
/// is enough that each is the beginning of an entry.
fn without_lines(steps: &str, table: &str) -> String {
    let unnumbered = |step: &str| {
        // A row of the table begins with one blank, and its cells are two or more apart.
        let is_row = step.starts_with(' ') && !step.starts_with("  ");
        let numbered = step.rsplit_once("  ").filter(|_| is_row);
        let Some((step, number)) = numbered.and_then(|(s, n)| Some((s, n.parse::<usize>().ok()?)))
        else {
            return format!("{step}\n");
        };
        let line = table.lines().nth(number - 1).unwrap_or_default();
        assert!(line.starts_with("[["), "{step}: line {number} is {line:?}");
        format!("{step}  LINE\n")
    };
    steps.lines().map(unnumbered).collect()
}

/// What a snapshot has to be told, if it is not `said`. It is written anew where that is asked for.
fn differs(name: &str, said: &str) -> Option<String> {
    let path = workspace::root().join("tests/snapshots").join(name);
    if env::var_os("AXLE_UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, said).unwrap();
        return None;
    }
    let agreed = fs::read_to_string(&path).unwrap_or_default();
    (agreed != said).then(|| format!("{name} was agreed to be:\n{agreed}but is:\n{said}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_that_was_used_before_is_refused_when_it_is_submitted() {
    let broker = TestBroker::start_with(Estate::as_shipped()).await;
    let trust = broker.client(TRUST);
    let named = |path: &str| {
        let all = samples::all();
        let sample = all.into_iter().find(|sample| sample.path == path).unwrap();
        sample.written_on(&yesterday())
    };
    let good = named("good/outpatient-letter-ukcore.json");
    let header = to(&["K81003"]);
    trust.submit(header.clone(), good.into()).await.unwrap();
    let again = named("broken/V-118-identifier-used-before.json");
    let refused = trust.submit(header, again.into()).await.unwrap_err();
    assert_eq!(refused.findings()[0].rule, "V-118");
    assert_eq!(refused.findings()[0].itk3_code, 20008);
    assert_eq!(refused.findings()[0].issue, "duplicate");
}
