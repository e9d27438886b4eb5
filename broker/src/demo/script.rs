//! The script: the documents that are sent, to whom, and what should become of each.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use axle_model::{ods::OdsCode, synthetic::Document};
use bytes::Bytes;

use crate::clock::{Clock as _, SystemClock};

/// A hospital trust.
pub(super) const TRUST: &str = "RR8";
/// A practice.
pub(super) const SURGERY: &str = "K81003";
/// Another practice.
pub(super) const HEALTH_CENTRE: &str = "A83008";
/// A practice that has no mailbox.
pub(super) const UNKNOWN: &str = "Z99999";

const XML: &str = "application/fhir+xml";
const JSON: &str = "application/fhir+json";

/// One document of the demo.
pub(super) struct Scene {
    /// What it is, for people.
    pub(super) title: &'static str,
    /// Whom it is for.
    pub(super) recipients: &'static [&'static str],
    pub(super) media_type: &'static str,
    pub(super) content: Bytes,
    /// The reason it should be refused for; `None` when it should arrive.
    pub(super) refusal: Option<&'static str>,
}

/// All documents, in the order in which they are sent.
pub(super) struct Script {
    pub(super) scenes: Vec<Scene>,
    next: [(&'static str, String); 2],
}

impl Script {
    pub(super) fn new() -> Self {
        // Every run sends documents of its own, so that two demos never look like repeats.
        let now = SystemClock.now();
        let first = now.as_millis();
        let document = |number: u64, practice: &str| {
            let code = |text| OdsCode::parse(text).ok();
            code(TRUST).zip(code(practice)).map(|(trust, practice)| {
                Document::new(first + number, trust, practice).written_at(now)
            })
        };
        let summary = |number, practice| {
            document(number, practice).map(|document| document.discharge_summary_xml())
        };
        let letter = |number, practice| {
            document(number, practice).map(|document| document.outpatient_letter_json())
        };
        let text = |text: Option<String>| text.unwrap_or_default();
        let mut cut_short = text(summary(5, SURGERY));
        cut_short.truncate(cut_short.len() / 2);
        let scene = |title, recipients, media_type, content: String, refusal| Scene {
            title,
            recipients,
            media_type,
            content: Bytes::from(content),
            refusal,
        };
        let summary_title = "discharge summary (ITK3 message, STU3, XML)";
        let letter_title = "outpatient letter (R4, JSON)";
        let scenes = vec![
            scene(
                summary_title,
                &[SURGERY],
                XML,
                text(summary(1, SURGERY)),
                None,
            ),
            scene(
                letter_title,
                &[HEALTH_CENTRE],
                JSON,
                text(letter(2, HEALTH_CENTRE)),
                None,
            ),
            scene(
                "outpatient letter to two practices (R4, JSON)",
                &[SURGERY, HEALTH_CENTRE],
                JSON,
                text(letter(3, SURGERY)),
                None,
            ),
            scene(
                "outpatient letter to an unknown practice",
                &[UNKNOWN],
                JSON,
                text(letter(4, UNKNOWN)),
                Some("RECIPIENT_UNKNOWN"),
            ),
            scene(
                "discharge summary, damaged: cut short",
                &[SURGERY],
                XML,
                cut_short,
                Some("DOCUMENT_INVALID"),
            ),
        ];
        let next = [
            ("discharge-summary.xml", text(summary(6, SURGERY))),
            ("outpatient-letter.json", text(letter(7, HEALTH_CENTRE))),
        ];
        Self { scenes, next }
    }

    /// Writes further documents, to be sent by hand.
    pub(super) fn write_next(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let folder = folder.join("documents");
        fs::create_dir_all(&folder)?;
        let written = self.next.iter().map(|(name, content)| {
            let path = folder.join(name);
            fs::write(&path, content).map(|()| path)
        });
        written.collect()
    }
}
