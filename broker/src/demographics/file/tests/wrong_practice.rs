//! The proof that no document goes to a wrong practice: every patient of a difficult population is
//! named rightly in many spellings and wrongly in many ways, and each answer is held against what is
//! true. A matcher that looks at less must be caught by the same proof.
//!
//! What is true of a wrong hint: it names whoever has exactly that number, birthday and name. A sender
//! that gives a twin's number has named the twin, and no three facts could tell; whoever is named by
//! none of them must be found nowhere.

use std::collections::HashMap;

use axle_core::registration::{FamilyName, Registration};
use axle_model::{ods::OdsCode, patient::PatientHint, refusal::Reason};
use futures::FutureExt as _;

use super::{
    Demographics, Files, Freshness, now,
    population::{Lots, Person, people, snapshot},
};
use crate::demographics::events::message;

/// One document: what its sender writes, and whom that names.
struct Letter<'p> {
    number: &'p str,
    born: String,
    family: String,
    names: Option<&'p Person>,
}

/// What came of all letters.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    letters: usize,
    delivered: usize,
    /// At a practice that is not the one of the patient whom the letter names.
    wrong: usize,
    /// With another answer than the true one, short of a wrong practice.
    untrue: usize,
}

/// What is true of a patient who is named.
fn truth(person: Option<&Person>) -> Registration {
    match person {
        None => Registration::None(Reason::PatientMismatch),
        Some(Person {
            restricted: true, ..
        }) => Registration::None(Reason::RestrictedNeedsRecipient),
        Some(Person { practice: None, .. }) => Registration::None(Reason::PatientNotRegistered),
        Some(Person {
            practice: Some(practice),
            deceased,
            ..
        }) => Registration::Registered {
            practice: *practice,
            deceased: *deceased,
        },
    }
}

/// The spellings of a name that hospitals' systems write.
fn spelling(family: &str, lots: &mut Lots) -> String {
    let plain = |c: char| match c {
        '\u{fa}' => 'u',
        '\u{f1}' => 'n',
        '\u{fc}' => 'u',
        '\u{f6}' | '\u{f8}' => 'o',
        other => other,
    };
    match lots.draw(6) {
        0 => family.to_uppercase(),
        1 => family.replace('\'', "\u{2019}"),
        2 => family.replace(['\'', '-', ' '], ""),
        3 => family.replace('-', " ").to_lowercase(),
        4 => family.chars().map(plain).collect(),
        _ => family.replace(' ', "_"),
    }
}

fn day_after(born: &str) -> String {
    let day: u32 = born[8..].parse().unwrap();
    format!("{}{:02}", &born[..8], day % 28 + 1)
}

fn mesh_order(born: &str) -> String {
    format!("{}{}{}", &born[8..], &born[5..7], &born[..4])
}

fn letters<'p>(people: &'p [Person], lots: &mut Lots) -> Vec<Letter<'p>> {
    let letter = |number: &'p str, born: String, family: String, names| Letter {
        number,
        born,
        family,
        names,
    };
    let mut letters = Vec::new();
    for (index, person) in people.iter().enumerate() {
        let neighbour = &people[index ^ 1];
        let stranger = &people[lots.draw(people.len() as u64) as usize];
        for _ in 0..2 {
            let born = match lots.draw(2) {
                0 => person.born.clone(),
                _ => person.born.replace('-', ""),
            };
            letters.push(letter(
                &person.number,
                born,
                spelling(&person.family, lots),
                Some(person),
            ));
        }
        if let Some(former) = &person.former {
            letters.push(letter(
                former,
                person.born.clone(),
                person.family.clone(),
                Some(person),
            ));
        }
        // Eight digits that are no date with the year first are read day first; here they never are.
        let day_first = mesh_order(&person.born);
        letters.push(letter(
            &person.number,
            day_first,
            person.family.clone(),
            Some(person),
        ));
        for other in [neighbour, stranger] {
            let same = other.born == person.born
                && FamilyName::of(&other.family) == FamilyName::of(&person.family);
            letters.push(letter(
                &other.number,
                person.born.clone(),
                person.family.clone(),
                same.then_some(other),
            ));
        }
        letters.push(letter(
            &person.number,
            day_after(&person.born),
            person.family.clone(),
            None,
        ));
        letters.push(letter(
            &person.number,
            person.born.clone(),
            format!("{}e", person.family),
            None,
        ));
        let cut: String = person.family.chars().skip(1).collect();
        letters.push(letter(&person.number, person.born.clone(), cut, None));
    }
    letters
}

fn run(letters: &[Letter<'_>], matcher: impl Fn(&PatientHint) -> Registration) -> Tally {
    let mut tally = Tally::default();
    for letter in letters {
        let hint = PatientHint::new(letter.number, &letter.born, &letter.family).unwrap();
        let (found, expected) = (matcher(&hint), truth(letter.names));
        tally.letters += 1;
        let delivered = matches!(found, Registration::Registered { .. });
        tally.delivered += usize::from(delivered);
        tally.wrong += usize::from(delivered && found != expected);
        tally.untrue += usize::from(!delivered && found != expected);
    }
    tally
}

/// The population's file, with its moves and deaths as events in a muddled order, some twice.
fn files(people: &[Person], lots: &mut Lots) -> Files {
    let files = Files::new(&snapshot(people));
    let mut count = 0;
    let mut write = |text: &str| {
        for _ in 0..=lots.draw(2) {
            count += 1;
            let name = format!("events/{:06}-{count}.xml", lots.draw(1_000_000));
            files.write(&name, text);
        }
    };
    for person in people {
        let Person {
            number,
            born,
            family,
            ..
        } = person;
        let moved = |practice: OdsCode| message(number, born, family, practice.as_str());
        if let Some(practice) = person
            .practice
            .filter(|_| person.practice != person.practice_before)
        {
            write(&moved(practice));
            // An earlier move, which must not win.
            let earlier = OdsCode::parse("A83627").unwrap();
            write(&moved(earlier).replace("2026-10-02T", "2026-10-01T"));
        }
        if person.deceased {
            let died = message(number, born, family, "A83627")
                .replace("pds-change-of-gp-1", "pds-death-notification-1")
                .replace(
                    "<birthDate",
                    "<deceasedDateTime value=\"2026-10-01\"/><birthDate",
                );
            write(&died);
        }
    }
    files
}

#[test]
fn no_letter_of_ten_thousand_patients_goes_to_a_wrong_practice() {
    let mut lots = Lots::new(7);
    let people = people(&mut lots);
    let letters = letters(&people, &mut lots);
    let files = files(&people, &mut lots);
    let patients = files.open().unwrap();
    assert_eq!(patients.standing(now()).events.unusable, 0);
    let sound = run(&letters, |hint| {
        let answer = patients.look_up(hint, Freshness::Usual, now());
        answer.now_or_never().unwrap()
    });
    assert_eq!((sound.wrong, sound.untrue), (0, 0), "{sound:?}");
    assert!(
        sound.letters > 80_000 && sound.delivered > 25_000,
        "{sound:?}"
    );
    println!("{sound:?}");
}

#[test]
fn a_matcher_that_looks_at_less_is_caught() {
    let mut lots = Lots::new(7);
    let people = people(&mut lots);
    let letters = letters(&people, &mut lots);
    let by_number: HashMap<u64, &Person> = people
        .iter()
        .flat_map(|person| {
            let numbers = std::iter::once(&person.number).chain(&person.former);
            numbers.map(move |number| (number.parse().unwrap(), person))
        })
        .collect();
    let same_born = |hint: &PatientHint, person: &Person| {
        hint.birth_date.expose() == person.born.replace('-', "")
    };
    let same_family = |hint: &PatientHint, person: &Person| {
        FamilyName::of(&hint.family) == FamilyName::of(&person.family)
    };
    let near_family = |hint: &PatientHint, person: &Person| {
        let beginning = |text: &str| text.chars().take(3).collect::<String>().to_uppercase();
        beginning(&hint.family) == beginning(&person.family)
    };
    let found = |matches: &dyn Fn(&PatientHint, &Person) -> bool, hint: &PatientHint| {
        let person = by_number.get(&hint.nhs_number.expose()).copied();
        truth(person.filter(|person| matches(hint, person)))
    };
    let sound = run(&letters, |hint| {
        found(&|h, p| same_born(h, p) && same_family(h, p), hint)
    });
    assert_eq!((sound.wrong, sound.untrue), (0, 0), "{sound:?}");
    let planted: [(&str, &dyn Fn(&PatientHint, &Person) -> bool); 4] = [
        ("without the date of birth", &same_family),
        ("without the family name", &same_born),
        ("by number alone", &|_, _| true),
        ("by the beginning of the name", &|h, p| {
            same_born(h, p) && near_family(h, p)
        }),
    ];
    for (what, matches) in planted {
        let weaker = run(&letters, |hint| found(matches, hint));
        assert!(weaker.wrong > 0, "{what}: {weaker:?}");
    }
    // One that takes a birthday and a name for a number.
    let facts = |born: &str, family: &str| (born.replace('-', ""), FamilyName::of(family));
    let by_facts: HashMap<_, &Person> = people
        .iter()
        .map(|person| (facts(&person.born, &person.family), person))
        .collect();
    let without_number = run(&letters, |hint| {
        let facts = facts(&hint.birth_date.expose(), &hint.family);
        truth(by_facts.get(&facts).copied())
    });
    assert!(without_number.wrong > 0, "{without_number:?}");
    // One that does not ask whether the record is restricted.
    let unrestricted = run(&letters, |hint| {
        let person = by_number.get(&hint.nhs_number.expose()).copied();
        let person = person.filter(|person| same_born(hint, person) && same_family(hint, person));
        let open = person.map(|person| Person {
            restricted: false,
            ..person.clone()
        });
        truth(open.as_ref())
    });
    assert!(unrestricted.wrong > 0, "{unrestricted:?}");
}
