//! The configuration as an operator meets it: what is read, and every way to get it wrong.
#![allow(
    clippy::unwrap_used,
    reason = "a failure to prepare a test is its failure"
)]

use std::{fs, path::Path, path::PathBuf, time::Duration};

use axle_core::{
    table::{RoutingTable, Terms},
    validate::{Rules, Setting},
};
use axle_model::mailbox::{REPORT_WORKFLOW, WorkflowId};

use super::{Config, ConfigError, KeySource, LogFormat, Routing};

const MINIMAL: &str = "\
[tls]
certificate = \"tls/broker.pem\"
key = \"/run/credentials/broker.key\"
client_ca = \"tls/ca.pem\"

[store]
directory = \"data\"
";

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(Path::new("etc/axle.toml"), text, variables)
}

/// The problems alone, without the lines of the file they quote.
fn problems(error: &ConfigError) -> Vec<String> {
    let first_line = |flaw: String| flaw.lines().next().unwrap_or_default().to_owned();
    let flaws = error
        .flaws()
        .iter()
        .map(|flaw| first_line(flaw.to_string()));
    flaws.collect()
}

#[test]
fn a_minimal_file_is_enough_and_its_paths_are_beside_it() {
    let config = parse(MINIMAL, &[]).unwrap();
    assert_eq!(config.grpc.listen.to_string(), "0.0.0.0:7443");
    assert_eq!(config.http, None);
    assert_eq!(config.tls.certificate, Path::new("etc/tls/broker.pem"));
    assert_eq!(config.tls.key, Path::new("/run/credentials/broker.key"));
    assert_eq!(config.tls.revocations, Vec::<PathBuf>::new());
    assert_eq!(config.store.directory, Path::new("etc/data"));
    assert_eq!(config.routing.table, Path::new("etc/routing.toml"));
    assert_eq!(config.routing.organisations, None);
    assert_eq!(config.limits.request, Duration::from_secs(30));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn a_variable_beats_the_file_and_may_stand_alone() {
    let variables = [
        ("AXLE__STORE__DIRECTORY", "/var/lib/axle"),
        ("AXLE__HTTP__LISTEN", "127.0.0.1:9"),
        ("AXLE__LIMITS__DRAIN_SECONDS", "5"),
        ("AXLE__GRPC__REFLECTION", "true"),
        ("AXLE__TLS__CRL", "[\"crl.pem\"]"),
        ("AXLE__VALIDATION__SEVERITY", "{ V-107 = \"off\" }"),
        ("AXLE__LOG__FORMAT", "text"),
        ("AXLE_CONFIG", "is not ours"),
        ("PATH", "/bin"),
    ];
    let config = parse(MINIMAL, &variables).unwrap();
    assert_eq!(config.store.directory, Path::new("/var/lib/axle"));
    assert_eq!(config.http.unwrap().listen.port(), 9);
    assert_eq!(config.limits.drain, Duration::from_secs(5));
    assert!(config.grpc.reflection);
    assert_eq!(config.tls.revocations, [PathBuf::from("etc/crl.pem")]);
    let mut off = Rules::default().with("V-107", Setting::Off).unwrap();
    off.body_bytes_max = config.limits.body_bytes_max;
    assert_eq!(format!("{:?}", config.validation), format!("{off:?}"));
    assert_eq!(config.log.format, LogFormat::Text);
}

#[test]
fn every_mistake_is_told_at_once_at_its_place() {
    let text = "\
title = \"ours\"
[grpc]
listn = \"0.0.0.0:7443\"
reflection = \"yes\"

[tls]
certificate = \"broker.pem\"
key = 7
crl = [\"\"]

[store]
directory = \"data\"
reserve_bytes = -1

[limit]
[limits]
body_bytes_max = 4_194_305
\tdrain_seconds = 3601
[validation]
severity = { \"V-107\" = \"of\", \"107\" = \"off\" }
[log]
filter = \"axle=nonsense\"
";
    let variables = [
        ("AXLE__GRPC__LISTEN", "localhost"),
        ("AXLE__GRPC", "x"),
        ("AXLE__LIMITS__HANDSHAKE", "1"),
    ];
    let error = parse(text, &variables).unwrap_err();
    let expected = [
        "etc/axle.toml:1:1: `title` must stand in a section",
        "etc/axle.toml:3:1: there is no `listn` in [grpc]: did you mean `listen`?",
        "etc/axle.toml:4:14: `reflection` must be true or false",
        "etc/axle.toml:6:1: [tls] lacks `client_ca`: add client_ca = \"PATH\" or set \
         AXLE__TLS__CLIENT_CA",
        "etc/axle.toml:8:7: `key` must be a path",
        "etc/axle.toml:9:7: `crl` must be a list of paths",
        "etc/axle.toml:13:17: `reserve_bytes` must be a whole number",
        "etc/axle.toml:15:1: there is no section [limit]: did you mean `limits`?",
        "etc/axle.toml:17:18: `body_bytes_max` must be a whole number from 1024 to 4194304",
        "etc/axle.toml:18:18: `drain_seconds` must be a whole number from 0 to 3600",
        "etc/axle.toml:20:24: `V-107` must be \"off\", \"warning\" or \"error\"",
        "etc/axle.toml:20:30: `107` must be a rule whose severity can be set, such as V-107",
        "etc/axle.toml:22:10: `filter` must be a filter such as \"info\" or \
         \"info,axle_store=debug\"",
        "AXLE__GRPC: does not name a key: variables are named AXLE__SECTION__KEY",
        "AXLE__GRPC__LISTEN: `listen` must be an address and port such as \"127.0.0.1:7443\"",
        "AXLE__LIMITS__HANDSHAKE: there is no `handshake` in [limits]: there are \
         handshake_seconds, request_seconds, drain_seconds, connection_age_seconds, \
         connections_max, streams_per_connection_max, streams_per_organisation_max, \
         body_bytes_max, document_bytes_max, fhir_bytes_max, upload_idle_hours, recipients_max",
    ];
    assert_eq!(problems(&error), expected);
}

/// What encrypts the store, of a configuration with these lines in its section.
fn key(lines: &str) -> Result<Option<KeySource>, Vec<String>> {
    let text = format!(
        "[tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"a\"\n[store]\ndirectory = \"d\"\n{lines}"
    );
    parse(&text, &[])
        .map(|config| config.store.key)
        .map_err(|error| problems(&error))
}

#[test]
fn the_key_of_the_store_is_a_file_or_what_a_program_prints() {
    assert_eq!(key(""), Ok(None));
    let file = KeySource::File("etc/store.key".into());
    assert_eq!(key("key_file = \"store.key\""), Ok(Some(file)));
    let words = ["/usr/bin/kms".to_owned(), "axle".to_owned()];
    let command = KeySource::Command(words.to_vec());
    assert_eq!(
        key("key_command = [\"/usr/bin/kms\", \"axle\"]"),
        Ok(Some(command))
    );
    let told = "must be a list of a program's path and its arguments";
    for wrong in ["[]", "[\"\"]", "\"/usr/bin/kms\""] {
        let problems = key(&format!("key_command = {wrong}")).unwrap_err();
        assert!(problems[0].contains(told), "{problems:?}");
    }
    let both = key("key_file = \"store.key\"\nkey_command = [\"kms\"]").unwrap_err();
    assert!(both[0].contains("leave one of them out"), "{both:?}");
}

#[test]
fn a_problem_is_printed_with_its_line_and_a_mark_below_it() {
    let error = parse("[limits]\n\tdrain_seconds = 3601\n", &[]).unwrap_err();
    let printed = error.to_string();
    let expected = "\
etc/axle.toml:2:18: `drain_seconds` must be a whole number from 0 to 3600
    2 | \tdrain_seconds = 3601
      | \t                ^^^^";
    assert!(printed.ends_with(expected), "{printed}");
}

#[test]
fn a_text_that_is_not_toml_is_one_problem_at_its_place() {
    let error = parse("[grpc]\nlisten = \n", &[]).unwrap_err();
    let problems = problems(&error);
    assert!(problems[0].starts_with("etc/axle.toml:2:"), "{problems:?}");
    assert_eq!(problems.len(), 1, "{problems:?}");
}

/// The files of a folder, by their usual names.
fn routing(folder: &Path) -> Routing {
    Routing {
        directory: folder.join("directory.toml"),
        table: folder.join("routing.toml"),
        organisations: None,
        organisations_age_max: Duration::from_hours(168),
    }
}

#[test]
fn the_register_is_beside_the_file_and_its_age_in_days() {
    let text =
        format!("{MINIMAL}[routing]\norganisations = \"ods\"\norganisations_max_age_days = 3\n");
    let Routing {
        organisations,
        organisations_age_max,
        ..
    } = parse(&text, &[]).unwrap().routing;
    assert_eq!(organisations.as_deref(), Some(Path::new("etc/ods")));
    assert_eq!(organisations_age_max, Duration::from_hours(72));
    let empty = text.replace("\"ods\"", "\"\"").replace("= 3", "= 0");
    let told = problems(&parse(&empty, &[]).unwrap_err());
    assert!(
        told[0].ends_with("`organisations` must be a path"),
        "{told:?}"
    );
    assert!(
        told[1].contains("`organisations_max_age_days` must be a whole number"),
        "{told:?}"
    );
    let variable = [("AXLE__ROUTING__ORGANISATIONS", "/srv/ods.jsonl")];
    let set = parse(MINIMAL, &variable).unwrap().routing.organisations;
    assert_eq!(set.as_deref(), Some(Path::new("/srv/ods.jsonl")));
}

#[test]
fn mistakes_in_the_directory_and_in_the_table_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let routing = routing(folder.path());
    let missing = routing.load().unwrap_err();
    assert!(
        problems(&missing)[1].ends_with("cannot be read: No such file or directory (os error 2)")
    );
    let twice =
        "[[mailbox]]\norganisation = \"K81003\"\n\n[[mailbox]]\norganisation = \"K81003\"\n";
    fs::write(&routing.directory, twice).unwrap();
    fs::write(
        &routing.table,
        "version = 1\n[defaults]\nworkflow = \"NONE\"\n",
    )
    .unwrap();
    let found = problems(&routing.load().unwrap_err());
    let [directory, table] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(directory.contains("directory.toml:4:1: mailboxes/K81003 is listed twice"));
    assert!(table.contains("routing.toml:3:12: workflow NONE is not listed"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Path::new("nowhere/axle.toml")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("nowhere/axle.toml: cannot be read: ")
    );
}

/// The text of an example with the keys that are commented out put in force.
fn uncommented(path: &Path) -> String {
    let is_key = |rest: &str| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if is_key(rest) => rest,
        Some(_) | None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_configuration_is_valid_and_its_comments_name_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/axle.toml");
    let config = Config::load(&path).unwrap();
    let everything = uncommented(&path);
    assert!(everything.contains("\nlisten = ") && everything.contains("\nfilter = "));
    // The keys that show what may be written rather than what holds without them.
    let shown = [
        "severity ",
        "attachment_types ",
        "reserve_bytes ",
        "key_file ",
        "organisations ",
    ];
    let without = |text: &str, keys: &[&str]| {
        let is_left_out = |line: &&str| keys.iter().any(|key| line.starts_with(key));
        let lines: Vec<&str> = text.lines().filter(|line| !is_left_out(line)).collect();
        lines.join("\n")
    };
    // Without this section nobody is asked, so its keys show what holds once there is one.
    let (before, section) = everything.split_once("[demographics]").unwrap();
    let (_, after) = section.split_once("\n[").unwrap();
    // A file or a program: not both.
    let [before, of_command] =
        ["key_command ", "key_file "].map(|other| without(before, &[other]) + "\n");
    let sources = [&before, &of_command].map(|before| {
        let text = format!("{before}[{after}");
        Config::parse(&path, &text, []).unwrap().store.key
    });
    assert!(
        matches!(
            sources,
            [Some(KeySource::File(_)), Some(KeySource::Command(_))]
        ),
        "{sources:?}"
    );
    let defaults = without(&format!("{before}[{after}"), &shown);
    let defaults = Config::parse(&path, &defaults, []).unwrap();
    assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
    // A file or a service: not both.
    let (own, after) = section.split_at(section.len() - after.len() - "\n[".len());
    let of_file = ["snapshot ", "snapshot_age_hours_max ", "events "];
    let is_of_file = |line: &&str| of_file.iter().any(|key| line.starts_with(key));
    let file: Vec<&str> = own.lines().filter(is_of_file).collect();
    let service = without(own, &of_file[..2]);
    for own in [file.join("\n"), service] {
        let text = format!("{before}[demographics]\n{own}{after}");
        Config::parse(&path, &text, []).unwrap();
    }
}

#[test]
fn the_example_directory_and_table_are_valid_and_agree() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let routing = routing(&deploy);
    let (directory, table) = routing.load().unwrap();
    let named = directory
        .mailboxes()
        .flat_map(|mailbox| mailbox.workflows.iter().chain(&mailbox.id.workflow));
    for workflow in named {
        assert!(
            table.terms(workflow).is_some() || workflow.as_str() == REPORT_WORKFLOW,
            "{workflow} is not in the table"
        );
    }
    let mut one_code = |_: &str| Ok("373942005".to_owned());
    let all = RoutingTable::parse_with(&uncommented(&routing.table), &mut one_code).unwrap();
    let discharge = WorkflowId::parse("TOC_FHIR_IP_DISCH").unwrap();
    assert_eq!(all.terms(&discharge), Some(&Terms::default()));
    assert_eq!(all.fallback(), Some(&discharge));
}
