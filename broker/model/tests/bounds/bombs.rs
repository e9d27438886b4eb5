//! The bombs: each one way to ask for more than its size, in one format.

use axle_model::envelope::MediaType;

/// A way to ask for more than its size: `n` is how much of it.
pub(crate) struct Bomb {
    pub(crate) name: &'static str,
    pub(crate) media_type: MediaType,
    pub(crate) made: fn(usize) -> String,
}

const fn bomb(name: &'static str, media_type: MediaType, made: fn(usize) -> String) -> Bomb {
    Bomb {
        name,
        media_type,
        made,
    }
}

/// `n` times the pattern, in which `%` is the number.
fn many(n: usize, pattern: &str) -> String {
    (0..n)
        .map(|i| pattern.replace('%', &format!("{i:06}")))
        .collect()
}

fn json(members: &str) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"document",{members}}}"#)
}

fn composition(members: &str) -> String {
    json(&format!(
        r#""entry":[{{"resource":{{"resourceType":"Composition",{members}}}}}]"#
    ))
}

/// As many entries as references to them, each of which is there.
fn references(n: usize, list: &str) -> String {
    let references = many(
        n,
        r#"{"reference":"urn:uuid:0197a000-0000-7000-8000-000000%"},"#,
    );
    let entries = many(
        n,
        r#",{"fullUrl":"urn:uuid:0197A000-0000-7000-8000-000000%","resource":{"resourceType":"Organization","id":"%","identifier":[{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"A%"}]}}"#,
    );
    let references = references.trim_end_matches(',');
    let list = list.replace("@", references);
    json(&format!(
        r#""entry":[{{"resource":{{"resourceType":"Composition",{list}}}}}{entries}]"#
    ))
}

fn xml(children: &str) -> String {
    format!("<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"document\"/>{children}</Bundle>")
}

fn hl7v2(segments: &str) -> String {
    format!("MSH|^~\\&|EPR|RR8|GP|K81003|20261122093000||MDM^T02|1|P|2.4\r{segments}\r")
}

fn cda(elements: &str) -> String {
    format!("<ClinicalDocument xmlns=\"urn:hl7-org:v3\">{elements}</ClinicalDocument>")
}

fn in_sections(sections: &str) -> String {
    cda(&format!(
        "<component><structuredBody>{sections}</structuredBody></component>"
    ))
}

fn of_patient(elements: &str) -> String {
    cda(&format!(
        "<recordTarget><patientRole>{elements}</patientRole></recordTarget>"
    ))
}

fn envelope(payloads: &str) -> String {
    format!(
        "<DistributionEnvelope xmlns=\"urn:nhs-itk:ns:201005\"><payloads>{payloads}</payloads>\
         </DistributionEnvelope>"
    )
}

pub(crate) fn bombs() -> Vec<Bomb> {
    let mut bombs = of_json();
    bombs.extend(of_xml());
    bombs.extend(of_hl7v2());
    bombs.extend(of_cda());
    bombs
}

fn of_json() -> Vec<Bomb> {
    let j = |name, made: fn(usize) -> String| bomb(name, MediaType::FhirJson, made);
    vec![
        j("depth", |n| {
            json(&format!("\"x\":{}1{}", "[".repeat(n), "]".repeat(n)))
        }),
        j("one token", |n| {
            json(&format!("\"x\":\"{}\"", "a".repeat(100 * n)))
        }),
        j("one number", |n| {
            json(&format!("\"x\":{}", "1".repeat(100 * n)))
        }),
        j("escapes", |n| {
            json(&format!("\"id\":\"{}\"", "\\u0041".repeat(20 * n)))
        }),
        j("white space", |n| {
            json(&format!("{}\"x\":1", " ".repeat(100 * n)))
        }),
        j("members", |n| {
            json(many(10 * n, "\"a%\":1,").trim_end_matches(','))
        }),
        j("flaws", |n| {
            json(many(10 * n, "\"a%\":\"\",").trim_end_matches(','))
        }),
        j("one member again and again", |n| {
            json("\"id\":\"1\",".repeat(10 * n).trim_end_matches(','))
        }),
        j("empty entries", |n| {
            json(&format!("\"entry\":[{}{{}}]", "{},".repeat(n)))
        }),
        j("empty sections", |n| {
            composition(&format!("\"section\":[{}{{}}]", "{},".repeat(10 * n)))
        }),
        j("empty authors", |n| {
            composition(&format!("\"author\":[{}{{}}]", "{},".repeat(10 * n)))
        }),
        j("empty relations", |n| {
            composition(&format!("\"relatesTo\":[{}{{}}]", "{},".repeat(10 * n)))
        }),
        j("empty extensions", |n| {
            composition(&format!("\"extension\":[{}{{}}]", "{},".repeat(10 * n)))
        }),
        j("the type last", |n| {
            let members = many(10 * n, "\"a%\":1,");
            format!(
                "{{\"entry\":[{{\"resource\":{{{members}\"resourceType\":\"Patient\"}}}}],\"resourceType\":\"Bundle\"}}"
            )
        }),
        j("references to sections", |n| {
            references(
                n,
                r#""section":[{"code":{"coding":[{"code":"887261000000109"}]},"entry":[@]}]"#,
            )
        }),
        j("references to authors", |n| {
            references(n, r#""author":[@]"#)
        }),
        j("replaced documents", |n| {
            composition(&format!(
                "\"relatesTo\":[{}]",
                many(
                    n,
                    r#"{"code":"replaces","targetIdentifier":{"system":"a","value":"%"}},"#
                )
                .trim_end_matches(',')
            ))
        }),
    ]
}

fn of_xml() -> Vec<Bomb> {
    let x = |name, made: fn(usize) -> String| bomb(name, MediaType::FhirXml, made);
    vec![
        x("depth", |n| {
            xml(&format!("{}{}", "<x>".repeat(n), "</x>".repeat(n)))
        }),
        x("entities", |n| {
            xml(&format!("<id value=\"{}\"/>", "&amp;".repeat(20 * n)))
        }),
        x("entities in text", |n| {
            xml(&format!("<x>{}</x>", "&#65;".repeat(20 * n)))
        }),
        x("attributes", |n| {
            xml(&format!("<x {}/>", many(10 * n, "a%=\"1\" ")))
        }),
        x("attributes of many", |n| {
            xml(&many(n, &format!("<x {}/>", many(60, "b%=\"1\" "))))
        }),
        x("namespaces", |n| {
            xml(&format!("<x {}/>", many(10 * n, "xmlns:a%=\"b\" ")))
        }),
        x("namespaces of many", |n| {
            let prefixes = many(60, "xmlns:b%=\"b\" ");
            xml(&format!("<x {prefixes}>{}</x>", "<id/>".repeat(20 * n)))
        }),
        x("comments", |n| xml(&"<!---->".repeat(20 * n))),
        x("one comment", |n| {
            xml(&format!("<!--{}-->", "- ".repeat(50 * n)))
        }),
        x("one token", |n| {
            xml(&format!("<x a=\"{}\"/>", "a".repeat(100 * n)))
        }),
        x("one name", |n| xml(&format!("<{}/>", "a".repeat(100 * n)))),
        x("elements", |n| xml(&"<x/>".repeat(20 * n))),
        x("flaws", |n| xml(&"<id value=\"1\"/>".repeat(10 * n))),
        x("empty entries", |n| xml(&"<entry/>".repeat(n))),
        x("an unclosed tag", |n| format!("<a{}", " b".repeat(50 * n))),
    ]
}

fn of_hl7v2() -> Vec<Bomb> {
    let h = |name, made: fn(usize) -> String| bomb(name, MediaType::Hl7v2, made);
    vec![
        h("segments", |n| hl7v2(&"ZZZ\r".repeat(20 * n))),
        h("empty lines", |n| hl7v2(&"\r".repeat(100 * n))),
        h("fields", |n| hl7v2(&format!("PID{}", "|".repeat(100 * n)))),
        h("identifiers", |n| {
            hl7v2(&format!("PID|||{}", "a~".repeat(50 * n)))
        }),
        h("components", |n| {
            hl7v2(&format!("PID|||{}", "a^".repeat(50 * n)))
        }),
        h("subcomponents", |n| {
            hl7v2(&format!("PID|||1^^^{}", "a&".repeat(50 * n)))
        }),
        h("escapes", |n| {
            hl7v2(&format!("PID|||||{}", "\\T\\".repeat(30 * n)))
        }),
        h("open escapes", |n| {
            hl7v2(&format!("PID|||||{}", "\\X".repeat(50 * n)))
        }),
        h("services", |n| hl7v2(&many(n, "OBR||||a%\r"))),
        h("attachments", |n| hl7v2(&"OBX||ED|||a\r".repeat(n))),
        h("attachments of one", |n| {
            hl7v2(&format!("OBX||ED|||{}", "a~".repeat(n)))
        }),
        h("copies", |n| {
            hl7v2(&format!(
                "OBR{}{}",
                "|".repeat(28),
                "^^^^^^^^^^^^^A12~".repeat(n)
            ))
        }),
        h("segments of copies", |n| {
            hl7v2(&many(n, "PRT||||RCT||||^^A%\r"))
        }),
        h("a header", |n| format!("MSH|^~\\&|{}", "a".repeat(100 * n))),
        h("a sender's own names", |n| {
            format!(
                "MSH|^~\\&|{}\r{}",
                "a".repeat(20 * n),
                "TXA||||||||||||1|2\r".repeat(n)
            )
        }),
    ]
}

fn of_cda() -> Vec<Bomb> {
    let c = |name, made: fn(usize) -> String| bomb(name, MediaType::Cda, made);
    vec![
        c("depth", |n| {
            cda(&format!("{}{}", "<x>".repeat(n), "</x>".repeat(n)))
        }),
        c("sections", |n| in_sections(&"<section/>".repeat(10 * n))),
        c("coded sections", |n| {
            in_sections(&many(
                n,
                "<section><code code=\"%\" codeSystem=\"2\"/></section>",
            ))
        }),
        c("attachments", |n| {
            in_sections(
                &"<observationMedia><value representation=\"B64\"/></observationMedia>".repeat(n),
            )
        }),
        c("identifiers", |n| {
            of_patient(&many(10 * n, "<id root=\"1\" extension=\"%\"/>"))
        }),
        c("names", |n| {
            of_patient(&format!("<patient>{}</patient>", "<name/>".repeat(10 * n)))
        }),
        c("entities", |n| {
            of_patient(&format!(
                "<patient><name><family>{}</family></name></patient>",
                "&amp;".repeat(20 * n)
            ))
        }),
        c("authors", |n| {
            cda(&"<author><assignedAuthor><representedOrganization><id root=\"1\" extension=\"2\"/></representedOrganization></assignedAuthor></author>".repeat(n))
        }),
        c("relations", |n| cda(&"<relatedDocument/>".repeat(10 * n))),
        c("translations", |n| {
            cda(&format!(
                "<code code=\"1\">{}</code>",
                many(10 * n, "<translation code=\"%\"/>")
            ))
        }),
        c("documents", |n| {
            envelope(&"<payload><ClinicalDocument xmlns=\"urn:hl7-org:v3\"/></payload>".repeat(n))
        }),
        c("patients", |n| {
            envelope(&many(
                n,
                "<payload><ClinicalDocument xmlns=\"urn:hl7-org:v3\"><recordTarget><patientRole><id root=\"2.16.840.1.113883.2.1.4.1\" extension=\"%\"/></patientRole></recordTarget></ClinicalDocument></payload>",
            ))
        }),
    ]
}
