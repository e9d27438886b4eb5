//! What is seen of an attachment, held against a decoder.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::look;
use crate::facts::Signature;

fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[test]
fn signatures_are_told_by_the_first_bytes() {
    for (bytes, signature) in [
        (&b"%PDF-1.7 and more"[..], Signature::Pdf),
        (b"\n%PDF-1.4", Signature::Pdf),
        (b"\x89PNG\r\n\x1a\n....", Signature::Png),
        (b"\xff\xd8\xff\xe0..JFIF", Signature::Jpeg),
        (b"II*\0....", Signature::Tiff),
        (b"MM\0*....", Signature::Tiff),
        (b"PK\x03\x04....", Signature::Zip),
        (b"{\\rtf1\\ansi", Signature::Rtf),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Signature::Ole),
        (b"MZ\x90\0\x03\0", Signature::Program),
        (b"\x7fELF\x02", Signature::Program),
        (b"#!/bin/sh\n", Signature::Program),
        (b"\xef\xbb\xbf <html>", Signature::Markup),
        (b"Dear doctor", Signature::Other),
        (b"", Signature::Other),
    ] {
        assert_eq!(look(&encoded(bytes)).signature, signature, "{bytes:?}");
    }
}

#[test]
fn macros_are_found_wherever_they_are() {
    for before in [100, 3_050, 3_060, 3_071, 3_072, 9_000] {
        let mut archive = b"PK\x03\x04".to_vec();
        archive.resize(before, b'.');
        assert!(!look(&encoded(&archive)).has_macros);
        archive.extend_from_slice(b"word/vbaProject.bin");
        assert!(look(&encoded(&archive)).has_macros, "{before}");
        archive.extend_from_slice(&[0; 5_000]);
        assert!(look(&encoded(&archive)).has_macros, "{before}");
    }
    let mut old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    old.extend("_VBA_PROJECT".encode_utf16().flat_map(u16::to_le_bytes));
    assert!(look(&encoded(&old)).has_macros);
}

#[test]
fn what_is_no_base64_is_seen_anywhere() {
    let whole = "QUJD".repeat(100);
    for (wrong, at) in [("!", 0), ("=", 200), ("-", 64), ("_", 399), ("é", 128)] {
        let text = [&whole[..at], wrong, &whole[at..]].concat();
        assert!(!look(&text).is_base64, "{wrong} at {at}");
    }
    for text in [
        "QUJ",
        "QUJDRA",
        "QUJDRA=",
        "QUJDRA===",
        "Q===",
        "====",
        "QUJD RA=\nA",
    ] {
        assert!(!look(text).is_base64, "{text}");
    }
    for text in [
        "QUJD",
        "QUJDRA==",
        "QUJDREU=",
        "QUJD\r\n REU=\t",
        "QUJDRA=\n=",
    ] {
        assert!(look(text).is_base64, "{text}");
    }
}

proptest! {
    #[test]
    fn every_text_is_judged_as_a_decoder_judges_it(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        line in 1_usize..100,
    ) {
        let whole = encoded(&bytes);
        let lines: Vec<&str> = whole.as_bytes().chunks(line)
            .filter_map(|line| std::str::from_utf8(line).ok()).collect();
        for text in [whole.clone(), lines.join("\r\n")] {
            let data = look(&text);
            prop_assert!(data.is_base64);
            prop_assert_eq!(data.bytes, bytes.len());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[A-Za-z0-9+/= \n!é]{0,200}") {
        let clean: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let strict = STANDARD.decode(&clean).is_ok();
        // A decoder is stricter: it also asks that unused bits are zero.
        prop_assert!(look(&text).is_base64 || !strict);
    }
}
