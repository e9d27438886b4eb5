//! What a register of a whole country costs: how long its records take to read, how much memory the
//! edition keeps, and how long one organisation takes to be found and resolved:
//! `cargo run --release -p axle-core --example register -- 50000`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "it measures")]

use std::{env, fs, hint::black_box, sync::Arc};

use axle_core::organisations::{
    AGE_MAX, Organisations,
    draft::{Draft, Place},
    overrides::Overrides,
    register::Register,
};
use axle_model::{ods::OdsCode, time::Timestamp};

/// Of ten organisations two are closed.
fn code(number: usize) -> String {
    format!(
        "{}{:05}",
        char::from(b'A' + (number / 100_000) as u8),
        number % 100_000
    )
}

/// A record of the usual length, with the parts that nothing is read from.
fn record(number: usize, count: usize) -> String {
    let code = code(number);
    let closed = number % 10 < 2;
    let (status, end) = if closed {
        ("Inactive", r#","End":"2020-03-31""#)
    } else {
        ("Active", "")
    };
    let mut relations = String::new();
    for (at, target) in ["QWO", "36J", "U70298", "QHM"].iter().enumerate() {
        let relation = format!(
            r#"{}{{"Date":[{{"Type":"Operational","Start":"2015-04-0{}"}}],"Status":"Active","Target":{{"OrgId":{{"root":"2.16.840.1.113883.2.1.3.2.4.18.48","assigningAuthorityName":"HSCIC","extension":"{target}"}},"PrimaryRoleId":{{"id":"RO261","uniqueRoleId":381526}}}},"id":"RE{}","uniqueRelId":9{number}{at}}}"#,
            if at == 0 { "" } else { "," },
            at + 1,
            at + 4,
        );
        relations.push_str(&relation);
    }
    // A closed one was taken over by the one before; the first of ten by the last of the ten before.
    let heir = (number + count - 1) % count;
    let successions = if closed {
        format!(
            r#","Succs":{{"Succ":[{{"uniqueSuccId":{number},"Date":[{{"Type":"Legal","Start":"2020-04-01"}}],"Type":"Successor","Target":{{"OrgId":{{"root":"2.16.840.1.113883.2.1.3.2.4.18.48","assigningAuthorityName":"HSCIC","extension":"{}"}},"PrimaryRoleId":{{"id":"RO177","uniqueRoleId":1}}}}}}]}}"#,
            self::code(heir)
        )
    } else {
        String::new()
    };
    format!(
        r#"{{"Organisation":{{"Name":"THE SURGERY OF {code} AND PARTNERS","Date":[{{"Type":"Legal","Start":"1974-04-01"{end}}},{{"Type":"Operational","Start":"1974-04-01"{end}}}],"OrgId":{{"root":"2.16.840.1.113883.2.1.3.2.4.18.48","assigningAuthorityName":"HSCIC","extension":"{code}"}},"Status":"{status}","LastChangeDate":"2026-01-02","orgRecordClass":"RC1","GeoLoc":{{"Location":{{"AddrLn1":"THE SURGERY","AddrLn2":"{number} HIGH STREET","Town":"TOWN","County":"COUNTY","PostCode":"TO1 1WN","Country":"ENGLAND"}}}},"Contacts":{{"Contact":[{{"type":"tel","value":"01632 960000"}}]}},"Roles":{{"Role":[{{"id":"RO177","uniqueRoleId":{number},"primaryRole":true,"Date":[{{"Type":"Operational","Start":"1974-04-01"{end}}}],"Status":"{status}"}},{{"id":"RO76","uniqueRoleId":1{number},"Date":[{{"Type":"Operational","Start":"2014-04-15"{end}}}],"Status":"{status}"}}]}},"Rels":{{"Rel":[{relations}]}}{successions}}}}}"#
    )
}

fn load(records: &[String], now: Timestamp) -> Register {
    let mut draft = Draft::default();
    for (line, record) in (1..).zip(records) {
        draft.add(Place { file: 0, line }, record.as_bytes());
    }
    draft.finish(now, now).unwrap()
}

/// Nanoseconds that this thread has had of a processor: a busy machine changes nothing about them.
fn spent() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Nanoseconds that each resolution takes, of these in an order that no cache foresees.
fn each(known: &Organisations, codes: &[OdsCode], now: Timestamp) -> u64 {
    const ROUNDS: u64 = 1_000_000;
    let mut at = 1_usize;
    let begun = spent();
    for _ in 0..ROUNDS {
        at = (at * 1_103_515_245 + 12_345) % (1 << 31);
        let code = codes[at % codes.len()];
        let _ = black_box(known.resolve(black_box(code), now));
    }
    (spent() - begun) / ROUNDS
}

fn main() {
    let count: usize = env::args()
        .nth(1)
        .map_or(50_000, |text| text.parse().unwrap());
    let now = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
    let records: Vec<String> = (0..count).map(|number| record(number, count)).collect();
    let bytes: usize = records.iter().map(String::len).sum();
    println!("{count} records, {} MB of JSON", bytes / 1_000_000);
    for _ in 0..3 {
        let begun = spent();
        let register = load(&records, now);
        let took = (spent() - begun) / 1_000_000;
        let kept = register.size_bytes() / 1_000_000;
        println!(
            "read in {took} ms; {} organisations, {kept} MB kept",
            register.len()
        );
    }
    let register = Arc::new(load(&records, now));
    let known = Organisations::new(Some(register), AGE_MAX, Overrides::default());
    for (what, remainder, hops) in [("open", 5, 0), ("one hop", 0, 1), ("two hops", 1, 2)] {
        let all = (0..count).filter(|number| number % 10 == remainder);
        let codes: Vec<OdsCode> = all
            .map(|number| OdsCode::parse(&code(number)).unwrap())
            .collect();
        let resolved = known.resolve(codes[1], now).unwrap();
        assert_eq!(resolved.hops.len(), hops);
        println!("{what}: {} ns", each(&known, &codes, now));
    }
    let strangers: Vec<OdsCode> = (0..count)
        .map(|number| OdsCode::parse(&format!("Z{:05}", number % 100_000)).unwrap())
        .collect();
    println!("unknown: {} ns", each(&known, &strangers, now));
}
