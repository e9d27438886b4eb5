//! What somebody who misspelt a key most likely meant. It reads nothing and refuses nothing.

/// What to write instead.
pub fn advice(written: &str, known: impl Iterator<Item = &'static str> + Clone) -> String {
    let nearest = known
        .clone()
        .map(|name| (distance(written, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// How many letters must be added, dropped or changed to get from one word to the other
/// (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}
