//! Logs: one line an event on standard error, as JSON or as text, in which nothing that came from
//! outside can begin a new line or move a terminal's cursor. What panicked is logged by its place
//! only: the words of a panic may quote a document.

use std::{
    fmt::Write as _,
    io::{self, Write},
    panic,
};

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, filter::ParseError, fmt::MakeWriter, util::SubscriberInitExt as _,
};

use crate::config::{Log, LogFormat};

/// Why logging could not begin.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("log.filter is not a filter: {0}")]
    Filter(#[from] ParseError),
    /// The process logs already.
    #[error("logging has begun already")]
    Begun(#[from] tracing_subscriber::util::TryInitError),
}

/// Begins logging to standard error, panics included. Once in a process.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    subscriber(log, io::stderr)?.try_init()?;
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map(ToString::to_string);
        tracing::error!(
            place,
            "panicked; its words are withheld, they may quote a document"
        );
    }));
    Ok(())
}

fn subscriber<W>(log: &Log, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.filter)?)
        .with_ansi(false)
        .with_writer(Escaping(writer));
    Ok(match log.format {
        LogFormat::Json => Box::new(lines.json().flatten_event(true).finish()),
        LogFormat::Text => Box::new(lines.finish()),
    })
}

/// Writes control characters as `\u001b`, which a JSON reader reads back and a terminal ignores.
struct Escaping<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for Escaping<W> {
    type Writer = Escaping<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Escaping(self.0.make_writer())
    }
}

impl<W: Write> Write for Escaping<W> {
    /// One whole line, as the subscriber hands it over.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let content = text.strip_suffix('\n').unwrap_or(&text);
        let mut escaped = String::with_capacity(text.len());
        for c in content.chars() {
            if c.is_control() {
                // Writing to a String does not fail.
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            } else {
                escaped.push(c);
            }
        }
        escaped.push('\n');
        self.0.write_all(escaped.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a failure to prepare a test is its failure"
    )]

    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::subscriber;
    use crate::config::{Log, LogFormat};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What one event that tries everything becomes.
    fn logged(format: LogFormat) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let log = Log {
            format,
            filter: "info".to_owned(),
        };
        let subscriber = subscriber(&log, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let consumer = "a\nERROR forged\u{1b}[2J\u{9b}1m\u{7f}";
            tracing::info!(consumer, "said {consumer}");
            tracing::debug!("is not asked for");
        });
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn an_event_is_one_line_without_control_characters() {
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = logged(format);
            let line = text.strip_suffix('\n').unwrap();
            assert!(!line.contains(char::is_control), "{format:?}: {line:?}");
            assert!(line.contains("forged"), "{format:?}: {line:?}");
        }
    }

    #[test]
    fn json_gives_back_what_was_said() {
        let line = logged(LogFormat::Json);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let said = value["consumer"].as_str().unwrap();
        assert_eq!(said, "a\nERROR forged\u{1b}[2J\u{9b}1m\u{7f}");
    }

    #[test]
    fn a_filter_that_is_none_is_an_error() {
        let log = Log {
            format: LogFormat::Json,
            filter: "axle=loud".to_owned(),
        };
        assert!(subscriber(&log, io::sink).is_err());
    }
}
