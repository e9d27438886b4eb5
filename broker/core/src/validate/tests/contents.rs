//! The rules of L2 about what a document holds: attachments, narrative, sections, contained resources.

use serde_json::json;

use super::{
    document, edited, findings, letter,
    structure::{changed, push, told, with_attachment},
};
use crate::validate::Rules;

const COMPOSITION: &str = "Bundle.entry[0].resource";

#[test]
fn attachments_are_what_they_say() {
    const PDF: &str = "JVBERi0xLjc=";
    const PATH: &str = "Bundle.entry[8].resource";
    let of = |content_type, data| findings(&Rules::default(), &with_attachment(content_type, data));
    let content_type = format!("{PATH}.contentType");
    for (declared, data, expected) in [
        ("application/pdf", PDF, None),
        ("application/pdf; name=letter.pdf", PDF, None),
        ("image/png", "iVBORw0KGgo=", None),
        ("text/plain", "RGVhciBkb2N0b3I=", None),
        (
            "application/pdf",
            "JVBERi0xLjc",
            Some(told("V-211", "error", PATH)),
        ),
        (
            "application/pdf",
            "JVBERi0*Ljc=",
            Some(told("V-211", "error", PATH)),
        ),
        (
            "application/x-msdownload",
            "TVqQAAMA",
            Some(told("V-212", "error", &content_type)),
        ),
        (
            "video/mp4",
            PDF,
            Some(told("V-212", "error", &content_type)),
        ),
        (
            "application/pdf",
            "iVBORw0KGgo=",
            Some(told("V-213", "error", PATH)),
        ),
        ("image/jpeg", PDF, Some(told("V-213", "error", PATH))),
        ("text/plain", "TVqQAAMA", Some(told("V-213", "error", PATH))),
        ("text/html", "UEsDBBQ=", Some(told("V-213", "error", PATH))),
    ] {
        let found = of(declared, data);
        assert_eq!(found.first().cloned(), expected, "{declared} {data}");
    }
    let large = Rules {
        attachment_bytes_max: 7,
        ..Rules::default()
    };
    let found = findings(&large, &with_attachment("application/pdf", PDF));
    assert_eq!(found, [told("V-211", "error", PATH)]);
}

#[test]
fn narrative_is_text_in_either_syntax() {
    let path = format!("{COMPOSITION}.section[0].text.div");
    for (json, xml) in [(
        document().outpatient_letter_json(),
        document().outpatient_letter_xml(),
    )] {
        for (from, to) in [
            ("</p>", "<script>a()</script></p>"),
            ("<p>", "<p onclick='a()'>"),
            ("<p>", "<p><img src='https://a/b.png'/>"),
            ("<p>", "<p><a href='java&#115;cript:a()'>b</a>"),
        ] {
            for text in [&json, &xml] {
                let found = findings(&Rules::default(), &super::with(text, from, to));
                assert_eq!(found, [told("V-214", "error", &path)], "{to}");
            }
        }
    }
}

#[test]
fn sections_say_something_under_a_title() {
    let path = format!("{COMPOSITION}.section[1]");
    let silent = changed(|letter| {
        let section = letter["entry"][0]["resource"]["section"][1]
            .as_object_mut()
            .unwrap();
        section.remove("text");
    });
    assert_eq!(silent, [told("V-215", "warning", &path)]);
    let untitled = changed(|letter| {
        let section = letter["entry"][0]["resource"]["section"][1]
            .as_object_mut()
            .unwrap();
        section.remove("title");
    });
    assert_eq!(untitled, [told("V-215", "warning", &path)]);
    let within = changed(|letter| {
        letter["entry"][0]["resource"]["section"][1]["section"] = json!([{"title": "Part"}]);
    });
    assert_eq!(
        within,
        [told("V-215", "warning", &format!("{path}.section[0]"))]
    );
}

#[test]
fn contained_resources_are_used_and_contain_nothing() {
    let contained = |id: &str| json!([{"resourceType": "Device", "id": id}]);
    let path = "Bundle.entry[7].resource.contained[0]";
    let unused = changed(|letter| letter["entry"][7]["resource"]["contained"] = contained("a"));
    assert_eq!(unused, [told("V-216", "warning", path)]);
    let used = changed(|letter| {
        letter["entry"][7]["resource"]["contained"] = contained("a");
        letter["entry"][7]["resource"]["evidence"] = json!([{"detail": [{"reference": "#a"}]}]);
    });
    assert_eq!(used, []);
    let nested = changed(|letter| {
        letter["entry"][7]["resource"]["contained"] = contained("a");
        letter["entry"][7]["resource"]["contained"][0]["contained"] = contained("b");
        letter["entry"][7]["resource"]["evidence"] = json!([{"detail": [{"reference": "#a"}]}]);
    });
    assert_eq!(nested, [told("V-216", "warning", path)]);
}

#[test]
fn a_rule_broken_everywhere_is_told_a_few_times_and_counted() {
    let text = edited(&letter(), |letter| {
        for number in 0..100 {
            let address = format!("urn:uuid:7b6a1c1e-0000-4000-8000-0000000000{number:02}");
            let location = json!({"resourceType": "Location", "id": number.to_string()});
            push(
                letter,
                "/entry",
                json!({"fullUrl": address, "resource": location}),
            );
        }
    });
    let authorised = super::submitted("RR8", &[], super::media_type(&text), text.as_bytes());
    let checked = super::validate(&super::Snapshot::default(), &authorised, super::now()).unwrap();
    assert_eq!(checked.warnings().len(), 20);
    let last = &checked.warnings()[19].what;
    assert!(last.ends_with("and 80 more of this kind"), "{last}");
}
