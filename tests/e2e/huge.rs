//! A file larger than the broker may be: it passes through in pieces, from one command line to the
//! other, and whoever sits before them sees how far it is.

use std::{
    fs,
    io::{BufReader, BufWriter, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use axle_model::digest::{Digest, Hasher};
use axle_tests::{
    estate::{Estate, PRACTICE, TRUST},
    process::{BrokerProcess, binary},
    skip,
};

/// The most memory that a process has had at any time, in bytes.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() << 10
}

fn digest_of(file: &Path) -> Digest {
    let mut file = BufReader::with_capacity(1 << 20, fs::File::open(file).unwrap());
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return hasher.finish(),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// What `axle` shows a person at a terminal, which `script` is; the command must end well.
fn at_a_terminal(estate: &Estate, who: &str, line: &str) -> String {
    let profile = estate.profile(who);
    let axle = format!(
        "{} --broker {} --ca {} --cert {} --key {} {line}",
        binary("axle").display(),
        profile.broker,
        profile.ca.display(),
        profile.certificate.display(),
        profile.key.display()
    );
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &axle, "/dev/null"]);
    let done = script
        .current_dir(estate.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{axle}: {shown}");
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_longer_than_the_broker_may_be_large_goes_from_command_line_to_command_line() {
    const MEMORY_BYTES_MAX: u64 = 200_000_000;
    const MEBIBYTES: usize = 256;
    if Command::new("script").arg("--version").output().is_err() {
        let test =
            "a_file_longer_than_the_broker_may_be_large_goes_from_command_line_to_command_line";
        return skip::loudly(test, "script is missing; ./tests/run installs it");
    }
    let estate = Estate::new();
    let folder = estate.path();
    let mut scan = BufWriter::new(fs::File::create(folder.join("scan.bin")).unwrap());
    let part: Vec<u8> = (0..1u32 << 18).flat_map(u32::to_le_bytes).collect();
    for number in 0..MEBIBYTES {
        // No two parts are the same, so that none can stand for another.
        scan.write_all(&number.to_le_bytes()).unwrap();
        scan.write_all(&part[8..]).unwrap();
    }
    scan.into_inner().unwrap();
    let broker = BrokerProcess::start(&estate).await;
    let shown = at_a_terminal(
        &estate,
        TRUST,
        "send scan.bin --to K81003 --workflow OPAQUE --media-type application/octet-stream",
    );
    assert!(
        shown.contains("sent, ") && shown.contains(" of 256.00 MiB"),
        "{shown}"
    );
    let shown = at_a_terminal(&estate, PRACTICE, "collect --into inbox --wait 30");
    assert!(shown.contains(" fetched, "), "{shown}");
    let collected = fs::read_dir(folder.join("inbox")).unwrap().next();
    let collected = collected.unwrap().unwrap().path();
    let lengths =
        [&collected, &folder.join("scan.bin")].map(|path| fs::metadata(path).unwrap().len());
    assert_eq!(lengths, [(MEBIBYTES as u64) << 20; 2]);
    assert_eq!(digest_of(&collected), digest_of(&folder.join("scan.bin")));
    let peak = peak(broker.id());
    assert!(peak < MEMORY_BYTES_MAX, "{peak} bytes");
    assert!(broker.stop().await.success());
}
