//! Plots: what the other programs measured, as SVG pictures. What is drawn is decided here, from their
//! lines; how, in `draw`.

mod draw;
mod read;

pub use draw::Picture;
pub use read::{backlog, long, peers};

/// Lines over one axis, with the other one of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What is shown, with its unit.
    pub title: String,
    /// What is along the lower axis, with its unit.
    pub along: String,
    /// Whether the lower axis is logarithmic.
    pub logarithmic: bool,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is of.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Bars beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// What is shown, with its unit.
    pub title: String,
    /// What each is of, and how high it is. Ours, those whose names begin with Axle, stand out.
    pub bars: Vec<(String, f64)>,
}
