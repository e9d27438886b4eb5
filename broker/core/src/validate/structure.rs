//! L2, structure: do the entries and references of the Bundles hold together (V-201 to V-206)? What
//! the parts say is looked at in `composition.rs`, `attachments.rs` and `content.rs`.

use axle_model::facts::{Addresses, Bundle, Entry, Facts, Kind, Link, MessageHeader};
use uuid::Uuid;

use super::{attachments, composition, content, envelope::Exchange, review::Review};

/// A Bundle, where it stands, and the addresses of its entries.
pub(super) struct Space<'f, 'a> {
    pub(super) bundle: &'f Bundle<'a>,
    pub(super) path: String,
    pub(super) addresses: Addresses<'f>,
    /// The entry of the outer Bundle that carries it; `None` for the outer one.
    carrier: Option<usize>,
}

/// The Bundles of a document: the outer one, then those it carries.
pub(super) struct Spaces<'f, 'a>(Vec<Space<'f, 'a>>);

impl<'f, 'a> Spaces<'f, 'a> {
    pub(super) fn of(facts: &'f Facts<'a>) -> Self {
        let space = |bundle, path, carrier| Space {
            bundle,
            path,
            addresses: Addresses::of(bundle),
            carrier,
        };
        let Some(outer) = facts.bundle() else {
            return Self(Vec::new());
        };
        let mut spaces = vec![space(outer, "Bundle".to_owned(), None)];
        for (index, entry) in outer.entries.iter().enumerate() {
            if let Some(inner) = entry.resource.bundle() {
                let path = format!("Bundle.entry[{index}].resource");
                spaces.push(space(inner, path, Some(index)));
            }
        }
        Self(spaces)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Space<'f, 'a>> {
        self.0.iter()
    }

    /// The Bundle that is the document.
    pub(super) fn document(&self, facts: &Facts<'_>) -> Option<&Space<'f, 'a>> {
        let path = facts.document()?.path;
        self.0.iter().find(|space| space.path == path)
    }

    /// The space of a link, and the place of its entry there.
    pub(super) fn of_link(&self, link: &Link<'_>) -> Option<(usize, &Space<'f, 'a>, usize)> {
        let place = |index: u32| usize::try_from(index).ok();
        let outer = place(link.owner.outer)?;
        let Some(inner) = link.owner.inner else {
            return Some((0, self.0.first()?, outer));
        };
        let mut spaces = self.0.iter().enumerate();
        let (number, space) = spaces.find(|(_, space)| space.carrier == Some(outer))?;
        Some((number, space, place(inner)?))
    }
}

/// Checks the structure of a document or message whose envelope is in order.
pub(super) fn check<'f>(
    review: &mut Review<'_>,
    facts: &'f Facts<'_>,
    spaces: &Spaces<'f, '_>,
    exchange: Exchange,
) {
    for space in spaces.iter() {
        shared(review, space);
        for (index, entry) in space.bundle.entries.iter().enumerate() {
            entry_of(review, space, index, entry, exchange);
        }
        foreign(review, space, exchange);
    }
    let joined = links(review, facts, spaces, exchange);
    unused(review, facts, spaces, joined);
    if let Some(document) = spaces.document(facts) {
        composition::check(review, facts, document);
        content::sections(review, document);
    }
    attachments::check(review, spaces);
    content::narratives(review, facts);
    content::contained(review, facts, spaces);
}

/// V-201: no two entries at one address, unless they are versions of one resource.
fn shared(review: &mut Review<'_>, space: &Space<'_, '_>) {
    let version = |index: usize| {
        let entry = space.bundle.entries.get(index)?;
        entry.resource.meta.as_ref()?.version_id.as_deref()
    };
    for (first, second) in space.addresses.shared() {
        if version(first) == version(second) {
            let path = format!("{}.entry[{second}].fullUrl", space.path);
            let what = format!("entries {first} and {second} share one address");
            review.found("V-201", path, what);
        }
    }
}

/// V-202, V-203: an entry's address, and what it has of other kinds of Bundle.
fn entry_of(
    review: &mut Review<'_>,
    space: &Space<'_, '_>,
    index: usize,
    entry: &Entry<'_>,
    exchange: Exchange,
) {
    let path = |of: &str| format!("{}.entry[{index}].{of}", space.path);
    if let Some(address) = entry.full_url.as_deref() {
        match judge(address, entry) {
            Judgement::Right => {}
            Judgement::Wrong(what) => review.found("V-202", path("fullUrl"), what),
            Judgement::Doubtful(what) => review.warned("V-202", path("fullUrl"), what),
        }
    }
    let foreign = [
        ("request", entry.foreign.request),
        ("response", entry.foreign.response),
        ("search", entry.foreign.search),
    ];
    for (name, _) in foreign.iter().filter(|(_, there)| *there) {
        let what = format!("`{name}` belongs to a search or a transaction");
        review.found("V-203", path(name), what);
    }
    if entry.foreign.link {
        link_of(review, path("link"), exchange);
    }
}

/// V-203: what a Bundle itself has of other kinds.
fn foreign(review: &mut Review<'_>, space: &Space<'_, '_>, exchange: Exchange) {
    if space.bundle.has_total {
        let what = "`total` belongs to a search";
        review.found("V-203", format!("{}.total", space.path), what);
    }
    if space.bundle.has_link {
        link_of(review, format!("{}.link", space.path), exchange);
    }
}

/// ITK3 forbids links; FHIR does not, and servers add one to the document itself.
fn link_of(review: &mut Review<'_>, path: String, exchange: Exchange) {
    let what = "`link` belongs to a search";
    match exchange {
        Exchange::Itk => review.found("V-203", path, what),
        Exchange::Bars | Exchange::Other => review.warned("V-203", path, what),
    }
}

enum Judgement {
    Right,
    Doubtful(&'static str),
    Wrong(&'static str),
}

/// V-202: whether an entry's address is one.
fn judge(address: &str, entry: &Entry<'_>) -> Judgement {
    let uuid = address.strip_prefix("urn:uuid:");
    let is_uuid = uuid.is_some_and(|uuid| uuid.len() == 36 && Uuid::try_parse(uuid).is_ok());
    // A UUID is nothing else.
    if !is_uuid && address.contains("/_history/") {
        return Judgement::Wrong("the entry's address names a version");
    }
    if let Some(uuid) = uuid {
        return if !is_uuid {
            Judgement::Wrong("the entry's address is not a UUID")
        } else if uuid.bytes().any(|b| b.is_ascii_uppercase()) {
            Judgement::Doubtful("the UUID of the entry's address is not lower case")
        } else {
            Judgement::Right
        };
    }
    if address.starts_with("urn:") {
        return Judgement::Right;
    }
    let Some((_, rest)) = address.split_once("://") else {
        return Judgement::Wrong("the entry's address is not absolute");
    };
    let resource = &entry.resource;
    let Some((id, kind)) = resource.id.as_deref().zip(resource.kind.as_deref()) else {
        return Judgement::Right;
    };
    let mut parts = rest.rsplit('/');
    let (last, before) = (parts.next(), parts.next());
    if before == Some(kind) && last != Some(id) {
        return Judgement::Doubtful("the entry's address does not end with the id of its resource");
    }
    Judgement::Right
}

/// V-204, V-205: where references lead. Gives the entries that they join, by space.
fn links(
    review: &mut Review<'_>,
    facts: &Facts<'_>,
    spaces: &Spaces<'_, '_>,
    exchange: Exchange,
) -> Vec<Joined> {
    let sizes = spaces.iter().map(|space| space.bundle.entries.len());
    let mut joined: Vec<Joined> = sizes.map(Joined::new).collect();
    let document = spaces.document(facts).map(|space| space.path.as_str());
    // Many references in a row are to one entry, the patient's.
    let mut last = ("", None);
    for link in &facts.swept.links {
        let Some((number, space, from)) = spaces.of_link(link) else {
            continue;
        };
        let address = &*link.address;
        if last.0 != address || last.1.is_none_or(|(of, _)| of != number) {
            last = (
                address,
                space.addresses.find(address).map(|to| (number, to)),
            );
        }
        if let Some((_, to)) = last.1 {
            if let Some(joined) = joined.get_mut(number) {
                joined.join(from, to);
            }
            continue;
        }
        let owner = space.bundle.entries.get(from).map(|entry| &entry.resource);
        if let Some(id) = address.strip_prefix('#') {
            let mut contained = owner.iter().flat_map(|owner| &owner.contained);
            // `#` alone is the resource around it.
            if id.is_empty() || contained.any(|one| one.id.as_deref() == Some(id)) {
                continue;
            }
        }
        let routing = from == 0 && is_routing(facts, link, document, space, exchange);
        let outer = spaces.iter().next();
        if let (false, Some(outer)) = (routing, outer)
            && (outer.addresses.find(address).is_some() || leads_out(address))
        {
            continue;
        }
        let path = facts.swept.path(link);
        if routing {
            let name = facts.swept.names(link).next().unwrap_or("the reference");
            let kind = owner.and_then(|owner| owner.kind.as_deref());
            let kind = kind
                .filter(|kind| *kind == "Composition")
                .unwrap_or("MessageHeader");
            let what = format!("{kind}.{name} points to a resource that is not in the document");
            review.found("V-204", path, what);
        } else if !(from == 0 && is_told_elsewhere(facts, link, space, exchange)) {
            review.found("V-205", path, "the reference leads nowhere");
        }
    }
    joined
}

/// Whether V-115 or V-116 has said already that a reference of the header leads nowhere.
fn is_told_elsewhere(
    facts: &Facts<'_>,
    link: &Link<'_>,
    space: &Space<'_, '_>,
    exchange: Exchange,
) -> bool {
    let first = facts.swept.names(link).next();
    let is_header = space.carrier.is_none() && exchange != Exchange::Other;
    is_header && matches!(first, Some("focus" | "sender"))
}

/// Whether a reference that resolves to no entry may lead out of the document.
fn leads_out(address: &str) -> bool {
    !address.starts_with("urn:uuid:") && address.contains(':')
}

/// Whether a reference of a first entry is one that routing and attribution go by.
fn is_routing(
    facts: &Facts<'_>,
    link: &Link<'_>,
    document: Option<&str>,
    space: &Space<'_, '_>,
    exchange: Exchange,
) -> bool {
    let mut names = facts.swept.names(link);
    let (first, last) = (names.next(), names.next_back());
    if document == Some(space.path.as_str()) {
        return match first {
            Some("subject" | "author" | "custodian") => last.is_none(),
            Some("section") => last == Some("entry"),
            Some(_) | None => false,
        };
    }
    match first {
        Some("receiver") => space.carrier.is_none(),
        Some("destination") => space.carrier.is_none() && last == Some("receiver"),
        // V-115 and V-116 say so of the exchanges they are for.
        Some("focus" | "sender") => space.carrier.is_none() && exchange == Exchange::Other,
        Some(_) | None => false,
    }
}

/// Entries that references join, whichever way they point: a forest, each entry with the one that
/// stands for its group.
struct Joined(Vec<u32>);

impl Joined {
    fn new(entries: usize) -> Self {
        Self((0..).take(entries).collect())
    }

    fn group(&mut self, mut entry: usize) -> usize {
        while let Some(&next) = self.0.get(entry) {
            let next = usize::try_from(next).unwrap_or(entry);
            if next == entry {
                break;
            }
            // Each look makes the way half as long.
            let after = self.0.get(next).copied();
            if let (Some(slot), Some(after)) = (self.0.get_mut(entry), after) {
                *slot = after;
            }
            entry = next;
        }
        entry
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.group(one), self.group(other));
        let (low, high) = (one.min(other), one.max(other));
        if let (Some(slot), Ok(low)) = (self.0.get_mut(high), u32::try_from(low)) {
            *slot = low;
        }
    }
}

/// V-206: entries that nothing joins to the Composition or the header.
fn unused(
    review: &mut Review<'_>,
    facts: &Facts<'_>,
    spaces: &Spaces<'_, '_>,
    joined: Vec<Joined>,
) {
    let points = |header: &MessageHeader<'_>| !header.focus.is_empty();
    for (space, mut joined) in spaces.iter().zip(joined) {
        let is_message = space.bundle.kind() == Some(Kind::Message);
        // A message without a focus, as some are, says of none of its entries what it is for.
        if is_message && !facts.header().is_some_and(points) {
            continue;
        }
        let first = joined.group(0);
        for index in 1..space.bundle.entries.len() {
            if joined.group(index) != first {
                let path = format!("{}.entry[{index}]", space.path);
                review.found("V-206", path, "nothing refers to the entry");
            }
        }
    }
}
