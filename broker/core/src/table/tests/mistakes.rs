//! What is wrong with a table is told, all of it at once, each with its place.

use super::{TABLE, *};

#[test]
fn every_problem_is_told_with_its_place() {
    let text = TABLE
        .replace("attempts_max = 4", "attempts_max = 0")
        .replace("workflow = \"LETTERS\"", "workflow = \"LETTER\"")
        .replace("snomed:373942005", "373942005");
    let problems = RoutingTable::parse(&text).expect_err("three problems");
    let told: Vec<_> = problems
        .iter()
        .map(|p| (p.position(&text).0, p.what.as_str()))
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told.iter()
            .any(|(line, what)| *line == 4 && what.contains("LETTER is not listed"))
    );
    assert!(
        told.iter()
            .any(|(line, what)| *line == 12 && what.contains("attempts_max"))
    );
    assert!(
        told.iter()
            .any(|(line, what)| *line == 17 && what.contains("is not a code"))
    );
}

#[test]
fn unknown_keys_are_refused() {
    let text = TABLE.replace("attempts_max", "attempt_max");
    let problems = RoutingTable::parse(&text).expect_err("a key is unknown");
    assert!(
        problems
            .iter()
            .any(|problem| problem.what.contains("attempt_max")),
        "{problems:?}"
    );
}

/// Everything told of a table that begins as the tests' own and goes on so, with its line there.
fn told(more: &str) -> Vec<(usize, String)> {
    let text = format!("{TABLE}{more}");
    let begins = TABLE.lines().count() + 1;
    let problems = RoutingTable::parse(&text).expect_err(more);
    let told = problems.iter().map(|problem| {
        let (line, _) = problem.position(&text);
        (line.saturating_sub(begins), problem.what.clone())
    });
    told.collect()
}

fn assert_told(more: &str, expected: &[(usize, &str)]) {
    let told = told(more);
    assert_eq!(told.len(), expected.len(), "{more}: {told:?}");
    for ((line, what), (expected_line, part)) in told.iter().zip(expected) {
        assert!(
            line == expected_line && what.contains(part),
            "{more}: {told:?}"
        );
    }
}

#[test]
fn one_table_with_many_mistakes_tells_of_each() {
    assert_told(
        r#"
[[class]]
id = "letters"
workflow = "LETTERS"
match = { type = ["snomed:1", "snmd:2"], sectoin = ["snomed:3"] }
route = ["explicit", "guess"]
fallback = ["k81003"]
max_size = "20MB"
inf_due = "soon"
honour_copies = "yes"
required_rules = ["V-1"]
on_no_recipient = "park"

[[rule]]
id = "copies"
when = { class = ["letter", "dis*"], age_under = 0 }
then = { copy_to = "NOWHERE-AT-ALL", priority = "low", stop = 1, hold = true, halt = true }
"#,
        &[
            (4, "it is not a code"),
            (
                4,
                "there is no `sectoin` in `match` of a [[class]]: did you mean `section`?",
            ),
            (5, "\"guess\": write \"explicit\""),
            (6, "an ODS code is"),
            (7, "write a whole number of B, KiB"),
            (8, "write a whole number of s, m, h or d"),
            (9, "`honour_copies` must be true or false"),
            (10, "V-1 is not a rule"),
            (11, "write \"return\""),
            (15, "\"letter\": there is no such class"),
            (15, "age_under must be at least 1"),
            (16, "an ODS code is"),
            (16, "write \"high\" or \"routine\""),
            (16, "`stop` must be true or false"),
            (16, "there is no `halt` in `then` of a [[rule]]"),
        ],
    );
}

#[test]
fn what_would_match_everything_or_do_nothing_is_refused() {
    assert_told(
        "\n[[rule]]\nid = \"all\"\nwhen = {}\nthen = {}",
        &[(3, "match every document"), (4, "would do nothing")],
    );
    assert_told(
        "\n[[class]]\nid = \"all\"\nworkflow = \"LETTERS\"\nmatch = {}",
        &[(4, "match every document")],
    );
}

#[test]
fn keys_that_cannot_be_known_where_they_stand_are_refused() {
    assert_told(
        "\n[[class]]\nid = \"all\"\nworkflow = \"LETTERS\"\nmatch = { recipient_role = \"role:RO76\" }",
        &[(4, "there is no `recipient_role`")],
    );
    let deep = "\n[[rule]]\nid = \"deep\"\nwhen = { any = [{ not = { event = \"A\" } }] }\nthen = { stop = true }";
    assert_told(deep, &[(3, "there is no `not` in `any`")]);
}

#[test]
fn names_are_given_once_and_entries_are_whole() {
    assert_told(
        "\n[[class]]\nid = \"discharge\"\nworkflow = \"NONE\"\nmatch = { event = \"A\" }\n[[rule]]\nid = \"one\"\nthen = { stop = true }",
        &[
            (3, "workflow NONE is not listed"),
            (3, "class discharge is listed twice"),
            (5, "[[rule]] lacks `when`"),
        ],
    );
    let rule = "\n[[rule]]\nid = \"one\"\nwhen = { event = \"A\" }\nthen = { stop = true }";
    assert_told(&rule.repeat(2), &[(5, "rule one is listed twice")]);
}

#[test]
fn a_workflow_to_be_parked_under_must_be_named() {
    let text = "version = 1\n[defaults]\non_unknown_type = \"park\"";
    let problems = RoutingTable::parse(text).expect_err("nothing to park under");
    assert!(
        problems[0].what.contains("needs `workflow`"),
        "{problems:?}"
    );
}

#[test]
fn a_text_that_is_not_toml_is_told_with_every_error_of_it() {
    let problems = RoutingTable::parse("version = \n[defaults\n").expect_err("not TOML");
    assert!(problems.len() >= 2, "{problems:?}");
}

#[test]
fn a_list_of_codes_is_read_from_its_own_file() {
    let text = format!(
        "{TABLE}\n[[refset]]\nid = \"letters\"\nsystem = \"snomed\"\nfile = \"letters.txt\"\n\
         [[class]]\nid = \"letters\"\nworkflow = \"LETTERS\"\nmatch = {{ type = \"refset:letters\" }}"
    );
    let with = |codes: &str| {
        RoutingTable::parse_with(&text, &mut |name| {
            assert_eq!(name, "letters.txt");
            Ok(codes.to_owned())
        })
    };
    let table = with("# letters\n823681000000100 # outpatient\n\n").expect("a table");
    assert_eq!(
        super::matching::class_of(&table, &super::matching::letter()),
        "letters"
    );
    for (codes, what) in [
        ("", "lists no code"),
        ("1\ntwo words", "line 2 is not a code"),
    ] {
        let problems = with(codes).expect_err("not a list");
        assert!(problems[0].what.contains(what), "{problems:?}");
    }
    let problems = RoutingTable::parse(&text).expect_err("nobody reads files");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].what.contains("no file can be read"),
        "{problems:?}"
    );
}
