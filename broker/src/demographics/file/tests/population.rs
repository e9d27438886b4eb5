//! Ten thousand patients who do not exist, as hard to tell apart as real ones: twins at one address,
//! brothers and sisters, names that differ in a letter, birthdays in common, moves, deaths, restricted
//! records and replaced numbers.

use std::fmt::Write as _;

use axle_model::{ods::OdsCode, synthetic::nhs_number};

/// How many.
pub(super) const PATIENTS: u64 = 10_000;
/// When the snapshot was taken.
pub(super) const TIME: &str = "2026-10-01T00:00:00Z";

/// Names in groups of two that a hasty eye takes for one.
const NEAR: [[&str; 2]; 12] = [
    ["Smith", "Smyth"],
    ["O'Brien", "O'Bryen"],
    ["van der Berg", "van den Berg"],
    ["Smith-Jones", "Smith-Jonas"],
    ["N\u{fa}\u{f1}ez", "N\u{fa}\u{f1}es"],
    ["M\u{fc}ller", "M\u{f6}ller"],
    ["Clark", "Clarke"],
    ["Mac Donald", "McDonald"],
    ["S\u{f8}rensen", "S\u{f8}renson"],
    ["D'Souza", "De Souza"],
    ["Wei\u{df}", "Weis"],
    ["Li", "Lie"],
];

/// One of them, as things are once every event has come.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) number: String,
    /// A number they had before.
    pub(super) former: Option<String>,
    pub(super) born: String,
    pub(super) family: String,
    /// Where they are registered.
    pub(super) practice: Option<OdsCode>,
    /// Where the snapshot says they are.
    pub(super) practice_before: Option<OdsCode>,
    pub(super) deceased: bool,
    pub(super) restricted: bool,
}

/// A seed's numbers; the same for every run.
pub(super) struct Lots(u64);

impl Lots {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(super) fn draw(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn practice(lots: &mut Lots) -> Option<OdsCode> {
    OdsCode::parse(&format!("K{:05}", lots.draw(500))).ok()
}

fn birthday(lots: &mut Lots) -> String {
    let (year, month, day) = (1930 + lots.draw(90), 1 + lots.draw(12), 1 + lots.draw(28));
    format!("{year}-{month:02}-{day:02}")
}

/// They, in households of two: neighbours in the list are the ones to be mistaken for each other.
pub(super) fn people(lots: &mut Lots) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    for index in 0..PATIENTS {
        let names = NEAR[(index / 2 % 12) as usize];
        let mut person = Person {
            number: format!("{:010}", nhs_number(index).expose()),
            former: (lots.draw(20) == 0)
                .then(|| format!("{:010}", nhs_number(PATIENTS + index).expose())),
            born: birthday(lots),
            family: names[lots.draw(2) as usize].to_owned(),
            practice: practice(lots),
            practice_before: None,
            deceased: lots.draw(15) == 0,
            restricted: lots.draw(25) == 0,
        };
        if index % 2 == 1
            && let Some(first) = people.last()
        {
            match index / 2 % 4 {
                // Twins, of whom one may have moved.
                0 => (person.born, person.family) = (first.born.clone(), first.family.clone()),
                // Brother and sister.
                1 => person.family.clone_from(&first.family),
                // Born on one day, with nearly one name.
                2 => {
                    let other = names.iter().find(|name| **name != first.family);
                    person.family = (*other.unwrap()).to_owned();
                    person.born.clone_from(&first.born);
                }
                // Born on one day, with quite another name.
                _ => {
                    person.born.clone_from(&first.born);
                    person.family = format!("{}son", names[0]);
                }
            }
            if lots.draw(2) == 0 {
                person.practice = first.practice;
            }
        }
        person.practice_before = person.practice;
        match lots.draw(10) {
            0 | 1 => person.practice = practice(lots),
            2 => (person.practice, person.practice_before) = (None, None),
            _ => {}
        }
        people.push(person);
    }
    people
}

/// The snapshot, from before the moves and the deaths.
pub(super) fn snapshot(people: &[Person]) -> String {
    let mut lines = String::new();
    let mut count = 0;
    for person in people {
        let Person {
            number,
            born,
            family,
            restricted,
            ..
        } = person;
        let practice = person
            .practice_before
            .map(|code| format!(",\"practice\":\"{code}\""));
        let practice = practice.unwrap_or_default();
        writeln!(
            lines,
            "{{\"nhs_number\":\"{number}\",\"birth_date\":\"{born}\",\"family\":\"{family}\"{practice},\"restricted\":{restricted}}}"
        )
        .unwrap();
        count += 1;
        if let Some(former) = &person.former {
            writeln!(
                lines,
                "{{\"nhs_number\":\"{former}\",\"replaced_by\":\"{number}\"}}"
            )
            .unwrap();
            count += 1;
        }
    }
    format!("{{\"time\":\"{TIME}\",\"lines\":{count}}}\n{lines}")
}
