//! Addresses: which entry of a Bundle a reference points at, for many references. Sorted lists and no
//! hashes, so that no choice of addresses makes it slow.

use uuid::Uuid;

use super::Bundle;

const UUID: &str = "urn:uuid:";

/// The addresses of a Bundle's entries.
#[derive(Clone, Debug)]
pub struct Addresses<'f> {
    uuids: Vec<(u128, u32)>,
    urls: Vec<(&'f str, u32)>,
    /// Type and id, by which a relative reference goes.
    ids: Vec<(&'f str, &'f str, u32)>,
}

impl<'f> Addresses<'f> {
    /// Gathers the addresses of a Bundle.
    pub fn of(bundle: &'f Bundle<'_>) -> Self {
        let mut addresses = Self {
            uuids: Vec::with_capacity(bundle.entries.len()),
            urls: Vec::new(),
            ids: Vec::with_capacity(bundle.entries.len()),
        };
        for (index, entry) in (0..).zip(&bundle.entries) {
            let resource = &entry.resource;
            if let (Some(kind), Some(id)) = (resource.kind.as_deref(), resource.id.as_deref()) {
                addresses.ids.push((kind, id, index));
            }
            let Some(address) = entry.full_url.as_deref() else {
                continue;
            };
            match uuid(address) {
                Some(uuid) => addresses.uuids.push((uuid, index)),
                None => {
                    addresses.urls.push((address, index));
                    let relative = address.rsplitn(3, '/').collect::<Vec<_>>();
                    if let [id, kind, _] = relative[..] {
                        addresses.ids.push((kind, id, index));
                    }
                }
            }
        }
        addresses.uuids.sort_unstable();
        addresses.urls.sort_unstable();
        addresses.ids.sort_unstable();
        addresses
    }

    /// The first entry at `address`: a UUID, without regard to case, a URL, or a type and id.
    pub fn find(&self, address: &str) -> Option<usize> {
        let found = if let Some(uuid) = uuid(address) {
            let at = self.uuids.partition_point(|(known, _)| *known < uuid);
            let found = self.uuids.get(at).filter(|(known, _)| *known == uuid);
            found.map(|(_, index)| *index)
        } else if address.contains(':') {
            let at = self.urls.partition_point(|(known, _)| *known < address);
            let found = self.urls.get(at).filter(|(known, _)| *known == address);
            found.map(|(_, index)| *index)
        } else {
            let address = address.split_once("/_history/").map_or(address, |(a, _)| a);
            let (kind, id) = address.split_once('/')?;
            let before = |known: &(&str, &str, u32)| (known.0, known.1) < (kind, id);
            let found = self.ids.get(self.ids.partition_point(before));
            let found = found.filter(|known| (known.0, known.1) == (kind, id));
            found.map(|(_, _, index)| *index)
        };
        found.and_then(|index| usize::try_from(index).ok())
    }

    /// The pairs of entries that have one address.
    pub fn shared(&self) -> impl Iterator<Item = (usize, usize)> {
        let uuids = self.uuids.windows(2).filter_map(|pair| match pair {
            [(a, first), (b, second)] if a == b => Some((*first, *second)),
            _ => None,
        });
        let urls = self.urls.windows(2).filter_map(|pair| match pair {
            [(a, first), (b, second)] if a == b => Some((*first, *second)),
            _ => None,
        });
        let index = |index: u32| usize::try_from(index).ok();
        uuids
            .chain(urls)
            .filter_map(move |(first, second)| Some((index(first)?, index(second)?)))
    }
}

/// The UUID of a `urn:uuid:` address, if it is one.
fn uuid(address: &str) -> Option<u128> {
    if address.len() != UUID.len() + 36 {
        return None;
    }
    let (start, text) = address.split_at_checked(UUID.len())?;
    let is_urn = start == UUID || start.eq_ignore_ascii_case(UUID);
    let uuid = is_urn.then(|| Uuid::try_parse(text).ok()).flatten()?;
    Some(uuid.as_u128())
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Bundle};
    use crate::facts::{Entry, Resource};

    fn entry<'a>(full_url: &'a str, kind: &'a str, id: &'a str) -> Entry<'a> {
        let resource = Resource {
            kind: Some(kind.into()),
            id: Some(id.into()),
            ..Resource::default()
        };
        Entry {
            full_url: (!full_url.is_empty()).then(|| full_url.into()),
            resource,
            ..Entry::default()
        }
    }

    #[test]
    fn every_way_to_point_at_an_entry_finds_it() {
        let bundle = Bundle {
            entries: vec![
                entry(
                    "urn:uuid:7B6A1C1E-0000-4000-8000-00000000000A",
                    "Patient",
                    "a",
                ),
                entry("https://example.org/fhir/Patient/b", "Patient", "other"),
                entry("", "Organization", "c"),
                entry("urn:uuid:not-one", "Basic", "d"),
            ],
            ..Bundle::default()
        };
        let addresses = Addresses::of(&bundle);
        for (address, expected) in [
            ("urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a", Some(0)),
            ("URN:UUID:7b6a1c1e-0000-4000-8000-00000000000A", Some(0)),
            ("Patient/a", Some(0)),
            ("https://example.org/fhir/Patient/b", Some(1)),
            ("Patient/b", Some(1)),
            ("Patient/other/_history/2", Some(1)),
            ("Organization/c", Some(2)),
            ("urn:uuid:not-one", Some(3)),
            ("https://example.org/fhir/Patient/c", None),
            ("Patient/c", None),
            ("a", None),
            ("", None),
            ("urn:uuid:é", None),
        ] {
            assert_eq!(addresses.find(address), expected, "{address}");
        }
        assert_eq!(addresses.shared().count(), 0);
    }

    #[test]
    fn two_entries_at_one_address_are_told() {
        let bundle = Bundle {
            entries: vec![
                entry(
                    "urn:uuid:7B6A1C1E-0000-4000-8000-00000000000A",
                    "Patient",
                    "a",
                ),
                entry(
                    "urn:uuid:7b6a1c1e-0000-4000-8000-00000000000a",
                    "Basic",
                    "b",
                ),
                entry("https://a/Basic/c", "Basic", "c"),
                entry("https://a/Basic/c", "Basic", "c"),
            ],
            ..Bundle::default()
        };
        let shared: Vec<_> = Addresses::of(&bundle).shared().collect();
        assert_eq!(shared, [(0, 1), (2, 3)]);
    }
}
