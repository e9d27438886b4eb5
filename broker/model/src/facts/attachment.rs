//! Attachments: what they are said to be, and what a look at their data shows.

use super::{Release, Text};

/// An attachment: Binary, or Attachment within a DocumentReference. Its bytes are never kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attachment<'a> {
    /// What the bytes are said to be.
    pub content_type: Option<Text<'a>>,
    /// What its data is; `None` without data.
    pub data: Option<Data>,
    /// The release the element's name belongs to: Binary has `content` in STU3 and `data` in R4.
    pub release: Option<Release>,
}

/// What a look at the data of an attachment shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data {
    /// Whether it is base64 from the first character to the last.
    pub is_base64: bool,
    /// How many bytes it stands for.
    pub bytes: usize,
    /// What its first bytes are those of.
    pub signature: Signature,
    /// Whether it is an office document with macros.
    pub has_macros: bool,
}

/// What the first bytes of a file are those of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// PDF.
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// TIFF.
    Tiff,
    /// Zip, as which newer office documents are packed.
    Zip,
    /// Rich text.
    Rtf,
    /// The container of older office documents.
    Ole,
    /// XML or HTML.
    Markup,
    /// A program of whatever machine.
    Program,
    /// Nothing that is known: it may be plain text.
    Other,
}

impl Signature {
    /// What a file that begins with `head` is.
    pub fn of(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let text = text.trim_ascii_start();
        let begins = |with: &[u8]| head.starts_with(with);
        // A text may begin with these two letters, but has no zero in it.
        let of_windows = begins(b"MZ") && head.contains(&0);
        let programs: [&[u8]; 7] = [
            b"\x7fELF",
            b"#!",
            b"\xca\xfe\xba\xbe",
            b"\xce\xfa\xed\xfe",
            b"\xcf\xfa\xed\xfe",
            b"\xfe\xed\xfa\xce",
            b"\xfe\xed\xfa\xcf",
        ];
        if of_windows || programs.iter().any(|program| begins(program)) {
            Self::Program
        } else if text.starts_with(b"%PDF-") {
            Self::Pdf
        } else if begins(b"\x89PNG\r\n\x1a\n") {
            Self::Png
        } else if begins(b"\xff\xd8\xff") {
            Self::Jpeg
        } else if begins(b"II*\0") || begins(b"MM\0*") {
            Self::Tiff
        } else if begins(b"PK\x03\x04") {
            Self::Zip
        } else if text.starts_with(b"{\\rtf") {
            Self::Rtf
        } else if begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
            Self::Ole
        } else if text.starts_with(b"<") {
            Self::Markup
        } else {
            Self::Other
        }
    }

    /// What it is called, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "a PDF",
            Self::Png => "a PNG image",
            Self::Jpeg => "a JPEG image",
            Self::Tiff => "a TIFF image",
            Self::Zip => "a zip archive",
            Self::Rtf => "rich text",
            Self::Ole => "an old office document",
            Self::Markup => "XML or HTML",
            Self::Program => "a program",
            Self::Other => "something else",
        }
    }
}
