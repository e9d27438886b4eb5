//! Drawing: panels of lines, or of bars, below each other, as SVG on white.

use std::{fmt, io, ops::Range};

use plotters::{
    coord::{Shift, ranged1d::SegmentValue},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Bars, Line, Panel};

const WIDTH: u32 = 960;
const TITLE_HEIGHT: u32 = 44;
const PANEL_HEIGHT: u32 = 240;
/// So much higher than the highest value is an axis: there is room for the names of lines above it, and
/// for the values of bars.
const HEADROOM: f64 = 1.5;

const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(226, 226, 226);
const COLOURS: [RGBColor; 2] = [RGBColor(0, 94, 184), RGBColor(214, 110, 0)];
const OTHERS: RGBColor = RGBColor(150, 160, 170);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A picture.
#[derive(Clone, Debug)]
pub struct Picture {
    title: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Panels(Vec<Panel>),
    Bars(Vec<Bars>),
}

impl Picture {
    /// Panels of lines, below each other.
    pub const fn of_panels(title: String, panels: Vec<Panel>) -> Self {
        let content = Content::Panels(panels);
        Self { title, content }
    }

    /// Bar charts, below each other.
    pub const fn of_bars(title: String, bars: Vec<Bars>) -> Self {
        let content = Content::Bars(bars);
        Self { title, content }
    }

    /// The picture as the text of an SVG file.
    pub fn svg(&self) -> io::Result<String> {
        let mut text = String::new();
        let rows = match &self.content {
            Content::Panels(panels) => panels.len(),
            Content::Bars(bars) => bars.len(),
        };
        let height = PANEL_HEIGHT * u32::try_from(rows).unwrap_or(1) + TITLE_HEIGHT;
        {
            let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
            root.fill(&WHITE).map_err(undrawn)?;
            let title = ("sans-serif", 20).into_font().color(&INK);
            let below = root.titled(&self.title, title).map_err(undrawn)?;
            let places = below.split_evenly((rows, 1));
            match &self.content {
                Content::Panels(panels) => {
                    for (panel, place) in panels.iter().zip(&places) {
                        panel.draw(place)?;
                    }
                }
                Content::Bars(bars) => {
                    for (bars, place) in bars.iter().zip(&places) {
                        bars.draw(place)?;
                    }
                }
            }
            root.present().map_err(undrawn)?;
        }
        Ok(text)
    }
}

impl Panel {
    fn draw(&self, place: &Area<'_>) -> io::Result<()> {
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let along = all().map(|&(along, _)| self.scaled(along));
        // An ordinary axis begins at zero, where a logarithmic one has no place for it.
        let along = range(along.chain((!self.logarithmic).then_some(0.0)));
        let highest = all().map(|&(_, up)| up).fold(0.0, f64::max);
        let mut chart = ChartBuilder::on(place)
            .caption(&self.title, ("sans-serif", 15, &INK))
            .margin_right(24)
            .margin_bottom(8)
            .x_label_area_size(42)
            .y_label_area_size(70)
            .build_cartesian_2d(along.clone(), 0.0..above(highest))
            .map_err(undrawn)?;
        let decades = (along.end - along.start).floor() as usize + 1;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(("sans-serif", 12, &INK))
            .x_desc(&self.along)
            .x_labels(if self.logarithmic { decades } else { 11 })
            .x_label_formatter(&|&along| figure(self.unscaled(along)))
            .y_labels(6)
            .y_label_formatter(&|&up| figure(up))
            .draw()
            .map_err(undrawn)?;
        for (line, colour) in self.lines.iter().zip(COLOURS) {
            let points = line.points.iter();
            let points = points.map(|&(along, up)| (self.scaled(along), up));
            let series = LineSeries::new(points, colour.stroke_width(2));
            let series = match self.marks(line) {
                true => series.point_size(3),
                false => series,
            };
            let key = move |(x, y): (i32, i32)| {
                PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
            };
            let drawn = chart.draw_series(series).map_err(undrawn)?;
            drawn.label(&line.name).legend(key);
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 12, &INK))
            .draw()
            .map_err(undrawn)
    }

    /// Points that are few are marked.
    fn marks(&self, line: &Line) -> bool {
        line.points.len() <= 30
    }

    /// Logarithms are drawn on an ordinary axis, and only its labels tell.
    fn scaled(&self, along: f64) -> f64 {
        if self.logarithmic {
            along.log10()
        } else {
            along
        }
    }

    fn unscaled(&self, scaled: f64) -> f64 {
        if self.logarithmic {
            10_f64.powf(scaled)
        } else {
            scaled
        }
    }
}

impl Bars {
    fn draw(&self, place: &Area<'_>) -> io::Result<()> {
        let highest = self.bars.iter().map(|&(_, up)| up).fold(0.0, f64::max);
        let last = self.bars.len().saturating_sub(1);
        let mut chart = ChartBuilder::on(place)
            .caption(&self.title, ("sans-serif", 15, &INK))
            .margin_right(24)
            .margin_bottom(8)
            .x_label_area_size(30)
            .y_label_area_size(70)
            .build_cartesian_2d((0..last).into_segmented(), 0.0..above(highest))
            .map_err(undrawn)?;
        let name = |place: &SegmentValue<usize>| match place {
            SegmentValue::CenterOf(number) => self.bars.get(*number).map(|(name, _)| name.clone()),
            SegmentValue::Exact(_) | SegmentValue::Last => None,
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(("sans-serif", 12, &INK))
            .x_labels(self.bars.len())
            .x_label_formatter(&|place| name(place).unwrap_or_default())
            .y_labels(6)
            .y_label_formatter(&|&up| figure(up))
            .draw()
            .map_err(undrawn)?;
        let bars = self.bars.iter().enumerate().map(|(number, (name, up))| {
            let is_ours = name.starts_with("Axle");
            let colour = if is_ours { COLOURS[0] } else { OTHERS };
            let corners = [
                (SegmentValue::Exact(number), 0.0),
                (SegmentValue::Exact(number + 1), *up),
            ];
            let mut bar = Rectangle::new(corners, colour.filled());
            bar.set_margin(0, 0, 14, 14);
            bar
        });
        chart.draw_series(bars).map_err(undrawn)?;
        let values = self.bars.iter().enumerate().map(|(number, &(_, up))| {
            let style = ("sans-serif", 12, &INK).into_text_style(place);
            let above = style.pos(Pos::new(HPos::Center, VPos::Bottom));
            Text::new(figure(up), (SegmentValue::CenterOf(number), up), above)
        });
        chart.draw_series(values).map_err(undrawn)?;
        Ok(())
    }
}

/// From the least to the greatest, and something where that is nothing.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let ends = values.fold(None, |ends: Option<(f64, f64)>, value| {
        let (least, greatest) = ends.unwrap_or((value, value));
        Some((least.min(value), greatest.max(value)))
    });
    match ends {
        Some((least, greatest)) if least < greatest => least..greatest,
        Some((only, _)) => only - 0.5..only + 0.5,
        None => 0.0..1.0,
    }
}

/// Where an axis ends that begins at zero.
fn above(highest: f64) -> f64 {
    if highest > 0.0 {
        highest * HEADROOM
    } else {
        1.0
    }
}

/// A figure as people write it: 12,000, 45.5, 0.231.
fn figure(value: f64) -> String {
    let plain = match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    };
    let short = match plain.contains('.') {
        true => plain.trim_end_matches('0').trim_end_matches('.'),
        false => &plain,
    };
    let whole = short.find('.').unwrap_or(short.len());
    let mut written = String::new();
    for (place, digit) in short.chars().enumerate() {
        let left = whole.saturating_sub(place);
        if place > 0 && place < whole && left.is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

fn undrawn(error: impl fmt::Display) -> io::Error {
    io::Error::other(format!("the picture could not be drawn: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{figure, range};

    #[test]
    fn figures_are_short_and_have_their_thousands_apart() {
        for (value, written) in [
            (0.0, "0"),
            (0.2314, "0.231"),
            (0.5, "0.5"),
            (45.52, "45.5"),
            (40.0, "40"),
            (123.4, "123"),
            (1_000.0, "1,000"),
            (12_345.6, "12,346"),
            (1_000_000.0, "1,000,000"),
        ] {
            assert_eq!(figure(value), written);
        }
    }

    #[test]
    fn an_axis_has_a_length_whatever_is_on_it() {
        assert_eq!(range([3.0, 1.0, 2.0].into_iter()), 1.0..3.0);
        assert_eq!(range([3.0].into_iter()), 2.5..3.5);
        assert_eq!(range(std::iter::empty()), 0.0..1.0);
    }
}
