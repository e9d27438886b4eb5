//! From lines that were measured to what is drawn.

use std::io;

use super::{Bars, Line, Panel, Picture};
use crate::{compare::Medians, load::sample::Sample, scale::Point};

const MIB: f64 = 1024.0 * 1024.0;

/// A long run: throughput, memory and disk over time.
pub fn long(samples: &[Sample]) -> io::Result<Picture> {
    let first = samples.first().ok_or_else(|| nothing("sample"))?;
    let over_time = |title: &str, lines: Vec<Line>| Panel {
        title: title.to_owned(),
        along: "seconds since the measurement began".to_owned(),
        logarithmic: false,
        lines,
    };
    let line = |name: &str, of: &dyn Fn(&Sample) -> Option<f64>| {
        let points = samples.iter();
        let points = points.filter_map(|sample| Some((sample.seconds, of(sample)?)));
        Line::new(name, points.collect())
    };
    let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / MIB);
    let panels = [
        over_time(
            "documents/s",
            vec![
                line("acknowledged", &|it| Some(it.documents_per_second)),
                line("accepted", &|it| Some(it.submits_per_second)),
            ],
        ),
        over_time(
            "memory of the broker, MiB",
            vec![line("resident", &|it| mib(it.broker_rss_bytes))],
        ),
        over_time(
            "disk, MiB",
            vec![
                line("journal", &|it| mib(it.journal_bytes)),
                line("index", &|it| mib(it.index_bytes)),
            ],
        ),
    ];
    let title = titled("A long run", &first.job, &first.at);
    Ok(Picture::of_panels(title, known(panels)))
}

/// The cost against the number of documents that are stored.
pub fn backlog(points: &[Point]) -> io::Result<Picture> {
    let last = points.last().ok_or_else(|| nothing("point"))?;
    let over_documents = |title: &str, lines: Vec<Line>| Panel {
        title: title.to_owned(),
        along: "documents in the store".to_owned(),
        logarithmic: true,
        lines,
    };
    let line = |name: &str, of: &dyn Fn(&Point) -> Option<f64>| {
        let points = points.iter().filter(|point| point.documents > 0);
        let points = points.filter_map(|point| Some((point.documents as f64, of(point)?)));
        Line::new(name, points.collect())
    };
    let panels = [
        over_documents(
            "documents/s",
            vec![
                line("with them", &|it| Some(it.filled.documents_per_second)),
                line("an empty store beside it", &|it| {
                    Some(it.empty.documents_per_second)
                }),
            ],
        ),
        over_documents(
            "broker CPU, ms a document",
            vec![
                line("with them", &|it| {
                    Some(it.filled.broker_cpu_seconds_per_1000)
                }),
                line("an empty store beside it", &|it| {
                    Some(it.empty.broker_cpu_seconds_per_1000)
                }),
            ],
        ),
        over_documents(
            "memory after the start, MiB",
            vec![line("resident", &|it| {
                it.rss_after_start_bytes.map(|bytes| bytes as f64 / MIB)
            })],
        ),
        over_documents(
            "start, seconds",
            vec![
                line("after a stop", &|it| Some(it.start_seconds)),
                line("after a kill", &|it| Some(it.start_after_kill_seconds)),
            ],
        ),
    ];
    let share = last.waiting * 100 / last.documents.max(1);
    let what = format!(
        "{}; {share} % of the documents wait, in {} mailboxes",
        last.job, last.mailboxes
    );
    let title = titled("Cost against the backlog", &what, &last.at);
    Ok(Picture::of_panels(title, known(panels)))
}

/// One figure of all who were compared, job by job; of a job that was played again, the newest.
pub fn peers(lines: &[Medians], figure: &str) -> io::Result<Picture> {
    let mut newest: Vec<&Medians> = Vec::new();
    for medians in lines {
        newest.retain(|old| old.job != medians.job);
        newest.push(medians);
    }
    let bars = newest.iter().map(|medians| {
        let sides = medians.sides.iter();
        let known = sides.filter_map(|side| Some((side.name.clone(), *side.figures.get(figure)?)));
        Bars {
            title: format!("{}: {figure}, of {} runs", medians.job, medians.rounds),
            bars: known.collect(),
        }
    });
    let bars: Vec<Bars> = bars.filter(|job| !job.bars.is_empty()).collect();
    let last = lines.last().filter(|_| !bars.is_empty());
    let last = last.ok_or_else(|| nothing(figure))?;
    let title = titled("Axle beside others", "medians, in turn", &last.at);
    Ok(Picture::of_bars(title, bars))
}

impl Line {
    fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
        }
    }
}

/// The panels without lines that nothing is known of, and without those that have no other.
fn known(panels: impl IntoIterator<Item = Panel>) -> Vec<Panel> {
    let mut panels: Vec<Panel> = panels.into_iter().collect();
    for panel in &mut panels {
        panel.lines.retain(|line| !line.points.is_empty());
    }
    panels.retain(|panel| !panel.lines.is_empty());
    panels
}

fn titled(what: &str, job: &str, at: &str) -> String {
    let day = at.split('T').next().unwrap_or(at);
    format!("{what}: {job} ({day})")
}

fn nothing(what: &str) -> io::Error {
    io::Error::other(format!("there is no {what} in it"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeMap;

    use super::{backlog, long, peers};
    use crate::{
        compare::{Medians, SideMedians},
        load::sample::Sample,
        scale::{Costs, Point},
    };

    fn sample(seconds: f64, journal_bytes: Option<u64>) -> Sample {
        Sample {
            job: "W2, Opaque, Stream".to_owned(),
            at: "2026-11-26T10:00:00.000Z".to_owned(),
            seconds,
            documents_per_second: 5_000.0,
            submits_per_second: 5_100.0,
            submit_p99_ms: 40.0,
            broker_rss_bytes: None,
            broker_cores: None,
            journal_bytes,
            index_bytes: None,
        }
    }

    #[test]
    fn a_long_run_has_a_panel_for_all_that_is_known_with_its_day() {
        let picture = long(&[sample(1.0, None), sample(2.0, Some(3 << 20))]).unwrap();
        let drawn = picture.svg().unwrap();
        assert!(drawn.contains("2026-11-26") && drawn.contains("W2, Opaque, Stream"));
        assert!(drawn.contains("documents/s") && drawn.contains("disk, MiB"));
        assert!(drawn.contains("journal") && !drawn.contains("index"));
        assert!(!drawn.contains("memory of the broker"), "nobody knows it");
        assert!(long(&[]).is_err());
    }

    fn point(documents: u64) -> Point {
        let costs = Costs {
            documents_per_second: 5_000.0,
            submit_p99_ms: 40.0,
            broker_cpu_seconds_per_1000: 0.2,
            broker_memory_peak_bytes: 2e8,
        };
        Point {
            job: "W4, Opaque, Stream".to_owned(),
            at: "2026-11-26T10:00:00.000Z".to_owned(),
            documents,
            waiting: documents / 4,
            mailboxes: 6_500,
            store_bytes: 1 << 30,
            start_seconds: 0.5,
            start_after_kill_seconds: 0.6,
            rss_after_start_bytes: Some(300 << 20),
            filled: costs,
            empty: costs,
            ratio: 1.0,
            ratio_lowest: 0.9,
            ratio_highest: 1.1,
        }
    }

    #[test]
    fn a_curve_says_how_much_of_it_waits() {
        let picture = backlog(&[point(1_000), point(1_000_000)]).unwrap();
        let drawn = picture.svg().unwrap();
        assert!(drawn.contains("25 % of the documents wait, in 6500 mailboxes"));
        assert!(drawn.contains("1,000,000") && drawn.contains("after a kill"));
        backlog(&[point(1_000)]).unwrap().svg().unwrap();
        assert!(backlog(&[]).is_err());
    }

    fn medians(job: &str, sides: &[(&str, f64)]) -> Medians {
        let side = |&(name, figure): &(&str, f64)| SideMedians {
            name: name.to_owned(),
            figures: BTreeMap::from([("documents/s".to_owned(), figure)]),
        };
        Medians {
            at: "2026-11-26T10:00:00.000Z".to_owned(),
            job: job.to_owned(),
            rounds: 3,
            sides: sides.iter().map(side).collect(),
        }
    }

    #[test]
    fn of_a_job_that_was_played_again_the_newest_is_drawn() {
        let lines = [
            medians("W2", &[("Axle", 1_111_111.0), ("NATS", 2_222_222.0)]),
            medians("W3", &[("Axle", 3_333_333.0)]),
            medians("W2", &[("Axle", 4_444_444.0), ("RabbitMQ", 5_555_555.0)]),
        ];
        let drawn = peers(&lines, "documents/s").unwrap().svg().unwrap();
        for (what, wanted) in [
            ("3,333,333", true),
            ("4,444,444", true),
            ("RabbitMQ", true),
            ("1,111,111", false),
            ("NATS", false),
        ] {
            assert_eq!(drawn.contains(what), wanted, "{what}");
        }
        let told = peers(&lines, "documents/h").err().unwrap().to_string();
        assert!(told.contains("documents/h"), "{told}");
    }
}
