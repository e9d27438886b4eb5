//! L2, attachments: data that can be decoded, of a type that is approved, and of the type that it is
//! said to be (V-211 to V-213). The data itself has only been looked at while it was read.

use axle_model::facts::{Attachment, Content, Data, Resource, Signature};

use super::{review::Review, structure::Spaces};

/// Checks every attachment of the document and of the message around it.
pub(super) fn check(review: &mut Review<'_>, spaces: &Spaces<'_, '_>) {
    for space in spaces.iter() {
        for (index, entry) in space.bundle.entries.iter().enumerate() {
            let path = || format!("{}.entry[{index}].resource", space.path);
            of_resource(review, &entry.resource, path);
        }
    }
}

fn of_resource(review: &mut Review<'_>, resource: &Resource<'_>, path: impl Fn() -> String) {
    match &resource.content {
        Content::Binary(attachment) => one(review, attachment, path),
        Content::DocumentReference(contents) => {
            for (index, content) in contents.iter().enumerate() {
                let index = if index == 0 {
                    String::new()
                } else {
                    format!("[{index}]")
                };
                if let Some(attachment) = content.attachment.as_ref()
                    && attachment.data.is_some()
                {
                    one(review, attachment, || {
                        format!("{}.content{index}.attachment", path())
                    });
                }
            }
        }
        Content::Unread
        | Content::Bundle(_)
        | Content::MessageHeader(_)
        | Content::Composition(_)
        | Content::Patient(_)
        | Content::Organisation(_)
        | Content::Role(_)
        | Content::OperationOutcome(_)
        | Content::Practitioner(_)
        | Content::Medicine(_)
        | Content::Allergy(_) => {}
    }
}

/// Checks one attachment.
pub(super) fn one(review: &mut Review<'_>, attachment: &Attachment<'_>, path: impl Fn() -> String) {
    let declared = attachment.content_type.as_deref().unwrap_or_default();
    let declared = declared.split(';').next().unwrap_or_default().trim();
    let declared = declared.to_ascii_lowercase();
    let approved = review.rules().attachment_types.contains(&declared);
    if !approved {
        let what = if declared.is_empty() {
            "the attachment does not say of what type it is"
        } else {
            "the attachment's type is not approved"
        };
        review.found("V-212", format!("{}.contentType", path()), what);
    }
    let Some(data) = attachment.data else {
        review.found("V-211", path(), "the attachment has no data");
        return;
    };
    let most = review.rules().attachment_bytes_max;
    if !data.is_base64 {
        review.found("V-211", path(), "the attachment is not valid base64");
    } else if data.bytes == 0 {
        review.found("V-211", path(), "the attachment is empty");
    } else if data.bytes > most {
        let what = format!(
            "the attachment has {} bytes; this broker takes at most {most}",
            data.bytes
        );
        review.found("V-211", path(), what);
    }
    if data.has_macros {
        review.found("V-213", path(), "the attachment holds macros");
    } else if data.signature == Signature::Program {
        review.found("V-213", path(), "the attachment is a program");
    } else if approved && data.is_base64 && data.bytes > 0 && !agrees(&declared, data) {
        let what = format!(
            "the attachment is declared as {declared} but is {}",
            data.signature.name()
        );
        review.found("V-213", path(), what);
    }
}

/// Whether data begins as data of the declared type does. A type that the broker knows nothing of
/// may begin with anything.
fn agrees(declared: &str, data: Data) -> bool {
    use Signature::{Jpeg, Markup, Ole, Other, Pdf, Png, Rtf, Tiff, Zip};
    let expected: &[Signature] = match declared {
        "application/pdf" => &[Pdf],
        "image/png" => &[Png],
        "image/jpeg" | "image/jpg" => &[Jpeg],
        "image/tiff" => &[Tiff],
        "text/rtf" | "application/rtf" => &[Rtf],
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => &[Zip],
        // Word also writes rich text under this name.
        "application/msword" => &[Ole, Rtf],
        "text/html" | "text/xml" | "application/xml" => &[Markup, Other],
        "text/plain" => &[Markup, Rtf, Other],
        _ => return true,
    };
    expected.contains(&data.signature)
}
