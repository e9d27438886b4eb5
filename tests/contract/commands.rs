//! The `axle` command line as the README shows it: certificates, a letter sent, refused, collected,
//! tracked, and exit codes a script can rely on.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use axle_tests::{
    documents::document,
    estate::{Estate, PRACTICE, ROUTING, TRUST},
    process::{BrokerProcess, binary},
};

/// A person at a terminal, with the certificate that `axle pki` issued to them.
struct Person<'e> {
    estate: &'e Estate,
    profile: &'static str,
}

impl Person<'_> {
    fn run(&self, line: &str) -> Output {
        run(
            self.estate.path(),
            &format!("--profile pki/{}.toml {line}", self.profile),
        )
    }

    /// What a command prints that must end well.
    fn told(&self, line: &str) -> String {
        let output = self.run(line);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "axle {line}: {out}{err}");
        out
    }

    /// What a command says that must end with this code.
    fn fails(&self, code: i32, line: &str) -> String {
        let output = self.run(line);
        let err = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(code),
            "axle {line}: {}{err}",
            text(&output.stdout)
        );
        err
    }
}

fn run(folder: &Path, line: &str) -> Output {
    let mut axle = Command::new(binary("axle"));
    axle.args(line.split_whitespace())
        .current_dir(folder)
        .env_remove("AXLE_PROFILE");
    axle.env("HOME", folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An estate whose people got their certificates from the command line.
fn estate() -> Estate {
    let estate = Estate::new();
    let broker = format!("--broker https://127.0.0.1:{}", estate.grpc_port());
    for holder in ["--ods RR8", "--ods K81003", "--operator"] {
        let issued = run(
            estate.path(),
            &format!("{broker} pki issue --dir pki {holder}"),
        );
        assert_eq!(issued.status.code(), Some(0), "{}", text(&issued.stderr));
    }
    let letter = document(1, TRUST, PRACTICE).outpatient_letter_json();
    fs::write(estate.path().join("letter.json"), &letter).unwrap();
    fs::write(estate.path().join("cut.json"), &letter[..letter.len() / 2]).unwrap();
    estate
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_from_the_command_line_to_the_command_line() {
    let estate = estate();
    let person = |profile| Person {
        estate: &estate,
        profile,
    };
    let (trust, practice, operator) = (person("RR8"), person("K81003"), person("operator"));
    let broker = BrokerProcess::start(&estate).await;

    let sent = trust.told("send letter.json --to K81003,A83008 --submission-id morning/1");
    assert!(sent.contains("messages/"), "{sent}");
    let unknown = trust.fails(65, "send letter.json --to Z99999,K81003,Z99998");
    for word in ["RECIPIENT_UNKNOWN", "Z99999", "Z99998"] {
        assert!(unknown.contains(word), "{word}: {unknown}");
    }
    let cut = trust.fails(65, "send cut.json --to K81003");
    assert!(cut.contains("V-004") && cut.contains("cut.json"), "{cut}");

    let inbox = practice.told("inbox");
    assert!(inbox.contains("mailboxes/K81003"), "{inbox}");
    practice.told("collect --into inbox --wait 30");
    let files: Vec<_> = fs::read_dir(estate.path().join("inbox"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    assert_eq!(
        fs::read(file).unwrap(),
        fs::read(estate.path().join("letter.json")).unwrap()
    );

    let tracked = trust.told("track morning/1");
    for word in [
        "accepted",
        "leased",
        "acknowledged",
        "K81003",
        "A83008",
        "queued",
    ] {
        assert!(tracked.contains(word), "{word}: {tracked}");
    }
    let listed = trust.told("list --output json");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert!(listed.to_string().contains("morning/1"), "{listed}");

    let oldest = operator.told("mailbox");
    assert!(
        oldest.find("A83008") < oldest.find("K81003"),
        "the one that waits goes first: {oldest}"
    );
    let status = operator.told("status");
    let sums = "accepted=2 acknowledged=1 rejected=0 expired=0 withdrawn=0 pending=1";
    assert!(status.contains(sums), "{sums}: {status}");
    assert_eq!(operator.told("alarms"), "no alarms\n");
    assert_eq!(operator.told("alarms --output json"), "[]\n");
    operator.told("dlq list");
    let reached = operator.told("organisation K81003");
    assert!(reached.contains("K81003: mailboxes/K81003"), "{reached}");
    operator.fails(65, "organisation Z99999");
    let denied = trust.fails(78, "status");
    assert!(denied.contains("ROLE_REQUIRED"), "{denied}");

    assert!(broker.stop().await.success());
    let gone = trust.fails(69, "--retry-seconds 0 list");
    assert!(gone.contains("cannot be reached"), "{gone}");
    trust.fails(2, "send --to K81003");
    let nobody = Person {
        estate: &estate,
        profile: "nobody",
    };
    nobody.fails(78, "list");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_arrive_is_mended_and_taken_back_from_the_command_line() {
    let estate = estate();
    let person = |profile| Person {
        estate: &estate,
        profile,
    };
    let (trust, practice, operator) = (person("RR8"), person("K81003"), person("operator"));
    let broker = BrokerProcess::start(&estate).await;
    for name in ["stray", "returned", "mistake"] {
        let number = name.len() as u64;
        let letter = document(number, TRUST, PRACTICE).outpatient_letter_json();
        fs::write(estate.path().join(format!("{name}.json")), letter).unwrap();
        trust.told(&format!(
            "send {name}.json --to A83008 --submission-id {name}"
        ));
    }
    let name = |submission: &str| {
        let tracked = trust.told(&format!("track {submission} --output json"));
        let tracked: serde_json::Value = serde_json::from_str(&tracked).unwrap();
        tracked["deliveries"][0]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    let reroute = format!("dlq reroute {} --to K81003 --reason merged", name("stray"));
    let dry = operator.told(&format!("{reroute} --dry-run"));
    assert!(dry.contains("would be rerouted"), "{dry}");
    operator.told(&reroute);
    practice.told("collect --into inbox --wait 30");
    let tracked = trust.told("track stray");
    for word in ["rerouted", "mailboxes/A83008", "merged", "acknowledged"] {
        assert!(tracked.contains(word), "{word}: {tracked}");
    }

    operator.told(&format!("dlq return {} --reason closed", name("returned")));
    let inbox = trust.told("inbox");
    assert!(inbox.contains("reports only"), "{inbox}");
    let collected = trust.told("collect --into reports --wait 30");
    for word in [
        "NOT DELIVERED",
        "returned",
        "A83008",
        "closed",
        ".report.json",
    ] {
        assert!(collected.contains(word), "{word}: {collected}");
    }

    let withdrawn = trust.told("withdraw mistake --reason mistaken");
    assert!(withdrawn.contains("withdrawn"), "{withdrawn}");
    trust.told("withdraw mistake --reason mistaken");
    let late = trust.fails(65, "withdraw stray --reason mistaken");
    assert!(
        late.contains("ALREADY_COLLECTED") && late.contains("A83008"),
        "{late}"
    );
    let gone = trust.told("list --state withdrawn");
    assert!(
        gone.contains("withdrawn") && !gone.contains("acknowledged"),
        "{gone}"
    );
    assert!(broker.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discharge_summary_is_answered_from_the_command_line() {
    let estate = estate();
    let person = |profile| Person {
        estate: &estate,
        profile,
    };
    let (trust, practice) = (person("RR8"), person("K81003"));
    let mailbox = |organisation| format!("[[mailbox]]\norganisation = \"{organisation}\"\n");
    estate.write("directory.toml", &[TRUST, PRACTICE].map(mailbox).concat());
    let answers = r#"
[[workflow]]
id = "TOC_FHIR_IP_DISCH_ACK"
[[allow]]
sender = ["K81003"]
workflow = ["TOC_FHIR_IP_DISCH_ACK"]
recipient = ["RR8"]
"#;
    estate.write("routing.toml", &format!("{ROUTING}{answers}"));
    let summary = document(1, TRUST, PRACTICE).discharge_summary_xml();
    fs::write(estate.path().join("summary.xml"), summary).unwrap();
    let broker = BrokerProcess::start(&estate).await;

    let sent = trust.told("send summary.xml --to K81003 --submission-id summary");
    assert!(!sent.contains("20013"), "the receipt is no answer: {sent}");
    practice.told("collect --into inbox --wait 30");
    let tracked = trust.told("track summary");
    for word in [
        "accepted",
        "leased",
        "acknowledged",
        "20013 Success",
        "business response awaited",
    ] {
        assert!(tracked.contains(word), "{word}: {tracked}");
    }
    let mut inbox = fs::read_dir(estate.path().join("inbox")).unwrap();
    let file = inbox.find_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.ends_with(".xml").then_some(name)
    });
    let file = file.unwrap();
    practice.told(&format!("answer inbox/{file} --code 30001"));
    let tracked = trust.told("track summary");
    for word in ["30001 Patient known here", "answers end    done"] {
        assert!(tracked.contains(word), "{word}: {tracked}");
    }
    // What is answered is answered: the first word stands.
    practice.fails(65, &format!("answer inbox/{file} --code 30002"));
    let collected = trust.told("collect --into responses --wait 30 --output json");
    assert_eq!(collected.matches("COUNTED").count(), 2, "{collected}");
    assert!(broker.stop().await.success());
}
