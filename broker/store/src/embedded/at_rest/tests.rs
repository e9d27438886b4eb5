use std::path::PathBuf;

use axle_model::id::MessageId;

use super::*;
use crate::embedded::files::Disk;

const KEY: &str = "5c0f1b8e6d2a49c7b3e1f08a7d6c5b4a392817f6e5d4c3b2a1908f7e6d5c4b3a";
const OTHER: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f91";

fn day(days: u64) -> Timestamp {
    Timestamp::from_micros((20_000 + days) * 24 * 60 * 60 * 1_000_000)
}

/// A directory for keys.
struct Home {
    files: Arc<dyn Files>,
    directory: tempfile::TempDir,
    is_sealed: bool,
}

impl Home {
    fn new() -> Self {
        Self {
            files: Arc::new(Disk::default()),
            directory: tempfile::tempdir().unwrap(),
            is_sealed: false,
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            directory: self.directory.path(),
            node: NodeId([3; 16]),
            is_sealed: self.is_sealed,
        }
    }

    fn begin(&self, keys: Option<&str>, now: Timestamp) -> Result<AtRest, OpenError> {
        let keys = keys.map(|keys| MasterKeys::parse(keys).unwrap());
        AtRest::begin(&self.files, self.place(), keys.as_ref(), now)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file("KEYS")).unwrap()
    }
}

fn refused(opened: Result<AtRest, OpenError>) -> String {
    opened.map(drop).unwrap_err().to_string()
}

fn body(id: u8) -> What {
    What::Body(MessageId::from_bytes([id; 16]))
}

fn sealed(at_rest: &AtRest, what: What, text: &str) -> Vec<u8> {
    at_rest
        .sealed(what, &Bytes::copy_from_slice(text.as_bytes()))
        .to_vec()
}

fn opened(at_rest: &AtRest, what: What, mut bytes: Vec<u8>) -> Result<Vec<u8>, Unopened> {
    at_rest.open(what, &mut bytes).map(|()| bytes)
}

#[test]
fn what_is_sealed_opens_as_what_it_was_and_as_nothing_else() {
    let home = Home::new();
    let at_rest = home.begin(Some(KEY), day(0)).unwrap();
    let upload = Half::from_bytes([1; 16]);
    let record = |sequence, kind| What::Record { sequence, kind };
    let piece = |upload, start| What::Piece { upload, start };
    let index = |file, offset| What::Index { file, offset };
    let all = [
        body(1),
        body(2),
        record(1, Kind::Accept),
        record(2, Kind::Accept),
        record(1, Kind::Advance),
        piece(upload, 0),
        piece(upload, 5),
        piece(Half::from_bytes([2; 16]), 0),
        index([1; 12], 0),
        index([1; 12], 5),
        index([2; 12], 0),
    ];
    for (at, what) in all.into_iter().enumerate() {
        let bytes = sealed(&at_rest, what, "a letter");
        assert_eq!(bytes.len(), "a letter".len() + SEAL_BYTES);
        for (other_at, other) in all.into_iter().enumerate() {
            let expected = if at == other_at {
                Ok(b"a letter".to_vec())
            } else {
                Err(Unopened::Broken)
            };
            assert_eq!(
                opened(&at_rest, other, bytes.clone()),
                expected,
                "{other:?}"
            );
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(opened(&at_rest, what, flipped).is_err(), "bit {bit}");
        }
    }
    for short in 0..SEAL_BYTES {
        assert!(opened(&at_rest, body(1), vec![1; short]).is_err());
    }
}

#[test]
fn a_store_without_a_key_writes_as_before() {
    let home = Home::new();
    let at_rest = home.begin(None, day(0)).unwrap();
    assert!(!at_rest.is_on());
    assert_eq!(sealed(&at_rest, body(1), "a letter"), b"a letter");
    assert!(!home.file("KEYS").exists());
}

#[test]
fn only_its_own_key_opens_a_store_and_another_changes_nothing() {
    let home = Home::new();
    let begun = home.begin(Some(KEY), day(0)).unwrap();
    let bytes = sealed(&begun, body(1), "a letter");
    let before = home.text();
    for (keys, why) in [(None, "is encrypted"), (Some(OTHER), "not this store's")] {
        let told = refused(home.begin(keys, day(1)));
        assert!(told.contains(why) && told.contains("KEYS"), "{told}");
    }
    assert_eq!(home.text(), before);
    let again = home.begin(Some(KEY), day(1)).unwrap();
    assert_eq!(opened(&again, body(1), bytes).unwrap(), b"a letter");
    // The keys of another store are none of this one's.
    let elsewhere = Place {
        node: NodeId([4; 16]),
        ..home.place()
    };
    let keys = MasterKeys::parse(KEY).unwrap();
    assert!(AtRest::read(&home.files, elsewhere, Some(&keys)).is_err());
}

#[test]
fn a_new_key_takes_the_place_of_the_one_before_it_at_one_start() {
    let home = Home::new();
    let begun = home.begin(Some(KEY), day(0)).unwrap();
    let bytes = sealed(&begun, body(1), "a letter");
    let both = format!("# of this year\n{OTHER}\n\n# of the last\n{KEY}\n");
    home.begin(Some(&both), day(1)).unwrap();
    let now = home.begin(Some(OTHER), day(2)).unwrap();
    assert_eq!(opened(&now, body(1), bytes).unwrap(), b"a letter");
    assert!(home.begin(Some(KEY), day(2)).is_err());
}

#[test]
fn a_data_key_seals_for_a_day_and_opens_for_ever() {
    let home = Home::new();
    let at_rest = home.begin(Some(KEY), day(0)).unwrap();
    let first = sealed(&at_rest, body(1), "first");
    at_rest.renew(Timestamp::from_micros(day(1).as_micros() - 1));
    assert_eq!(home.text().matches("\nkey ").count(), 1);
    // Who copies the store has opened its keys before.
    let copying = home.begin(Some(KEY), day(0)).unwrap();
    at_rest.renew(day(1));
    at_rest.renew(day(1));
    assert_eq!(home.text().matches("\nkey ").count(), 2);
    let second = sealed(&at_rest, body(1), "second");
    assert_ne!(first.last_chunk::<4>(), second.last_chunk::<4>());
    for at_rest in [at_rest, copying, home.begin(Some(KEY), day(2)).unwrap()] {
        assert_eq!(opened(&at_rest, body(1), first.clone()).unwrap(), b"first");
        assert_eq!(
            opened(&at_rest, body(1), second.clone()).unwrap(),
            b"second"
        );
        let mut unknown = second.clone();
        *unknown.last_chunk_mut().unwrap() = 3_u32.to_le_bytes();
        assert_eq!(opened(&at_rest, body(1), unknown), Err(Unopened::NoKey(3)));
    }
}

#[test]
fn one_damaged_file_of_keys_is_mended_by_the_other() {
    let home = Home::new();
    let begun = home.begin(Some(KEY), day(0)).unwrap();
    begun.renew(day(1));
    let bytes = sealed(&begun, body(1), "a letter");
    let whole = home.text();
    for name in ["KEYS", "KEYS.copy"] {
        for damaged in [
            None,
            Some(""),
            Some(&*whole.replace("schema 1", "schema 3")),
        ] {
            match damaged {
                Some(text) => std::fs::write(home.file(name), text).unwrap(),
                None => std::fs::remove_file(home.file(name)).unwrap(),
            }
            let again = home.begin(Some(KEY), day(1)).unwrap();
            assert_eq!(opened(&again, body(1), bytes.clone()).unwrap(), b"a letter");
            assert_eq!(std::fs::read_to_string(home.file(name)).unwrap(), whole);
        }
    }
    for name in ["KEYS", "KEYS.copy"] {
        std::fs::write(home.file(name), &whole[1..]).unwrap();
    }
    let told = refused(home.begin(Some(KEY), day(1)));
    assert!(told.contains("are damaged"), "{told}");
}

#[test]
fn an_encrypted_journal_whose_keys_are_gone_is_not_given_new_ones() {
    let mut home = Home::new();
    home.is_sealed = true;
    for keys in [None, Some(KEY)] {
        let told = refused(home.begin(keys, day(0)));
        assert!(told.contains("restore it from a backup"), "{told}");
        assert!(!home.file("KEYS").exists());
    }
}

#[test]
fn only_keys_are_read_as_keys_and_they_are_never_shown() {
    let short = &KEY[2..];
    let signed = format!("+{}", &KEY[1..]);
    for (text, error) in [
        ("", UnusableKey::Missing),
        ("# none\n\n", UnusableKey::Missing),
        (short, UnusableKey::Malformed(1)),
        (&format!("\n{KEY}0"), UnusableKey::Malformed(2)),
        (&signed, UnusableKey::Malformed(1)),
        (&format!("{KEY}\nsecret"), UnusableKey::Malformed(2)),
        (&"00".repeat(32), UnusableKey::NotRandom(1)),
    ] {
        assert_eq!(MasterKeys::parse(text), Err(error), "{text}");
    }
    let keys = MasterKeys::parse(&KEY.to_uppercase()).unwrap();
    assert_eq!(keys, MasterKeys::parse(KEY).unwrap());
    assert_eq!(format!("{keys:?}"), "a key and 0 before it");
}
