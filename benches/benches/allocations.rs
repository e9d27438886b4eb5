//! What the routing path takes from the heap, by stage and whole: the same documents and the same stages
//! as in `route.rs`, counted instead of timed. The same on every machine.
#![allow(
    clippy::expect_used,
    reason = "a measure that cannot be set up can only stop"
)]

mod scene;

use std::io::{self, Write as _};

use allocation_counter::measure;
use axle_core::{change::Acceptance, registration::Registration, route::route, validate::validate};
use axle_model::format;
use comfy_table::{CellAlignment, Table, presets};

use scene::{MESSAGE, Scene, submission_of};

fn main() -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["document", "stage", "allocations", "bytes", "bytes at once"]);
    let scene = Scene::new(6_500, 50);
    for sample in scene.samples() {
        let submission = submission_of(&sample);
        let limits = format::Limits::default();
        let facts = || format::read(&sample.media_type, &sample.body, &limits).expect("facts");
        let authorised = scene.authorised(submission.clone());
        let validate = || validate(&scene.snapshot, &authorised, scene.now).expect("valid");
        let checked = validate();
        let route = || {
            route(&scene.snapshot, &checked, Registration::NotAsked, scene.now).expect("a mailbox")
        };
        let routed = route();
        let (first, second) = (submission.clone(), submission);
        for (stage, taken) in [
            ("facts", measure(|| drop(facts()))),
            ("authorise", measure(|| drop(scene.authorised(first)))),
            ("facts and rules", measure(|| drop(validate()))),
            ("route", measure(|| drop(route()))),
            (
                "change",
                measure(|| drop(Acceptance::new(&routed, MESSAGE, scene.now))),
            ),
            ("whole path", measure(|| drop(scene.change(second)))),
        ] {
            let counts = [taken.count_total, taken.bytes_total, taken.bytes_max];
            let counts = counts.map(|count| count.to_string());
            let row = [sample.name.to_owned(), stage.to_owned()];
            table.add_row(row.into_iter().chain(counts));
        }
    }
    for column in 2..5 {
        if let Some(values) = table.column_mut(column) {
            values.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(io::stdout(), "{table}")
}
