//! A line plot as an SVG file: title, direction of better, units, legend, and the machine in the
//! corner. It must not know what is plotted.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The palette of Okabe and Ito, which people with any colour vision can tell apart.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
];
const INK: RGBColor = RGBColor(51, 51, 51);
const FAINT: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "Helvetica, Arial, sans-serif";

/// One line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Its points, in the order of x.
    pub points: Vec<(f64, f64)>,
}

/// A plot of some series over a common axis.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The headline.
    pub title: String,
    /// What is shown and which direction is better, beneath the headline.
    pub subtitle: String,
    /// The name and the unit of the horizontal axis.
    pub x: &'static str,
    /// The name and the unit of the vertical axis.
    pub y: &'static str,
    /// Whether the vertical axis is logarithmic; values of zero or less are then left out.
    pub logarithmic: bool,
    /// The lines; the head has room for the names of three.
    pub series: Vec<Series>,
    /// Machine and version, in the lower corner.
    pub footer: String,
}

impl Plot {
    /// Writes the plot as an SVG of 960 by 540 pixels.
    ///
    /// # Errors
    ///
    /// What the file system or the plotter says, if the file cannot be written.
    ///
    /// ```
    /// use filch_bench::plot::{Plot, Series};
    /// let plot = Plot {
    ///     title: "Memory".into(),
    ///     subtitle: "resident set, lower is better".into(),
    ///     x: "time (s)",
    ///     y: "MiB",
    ///     logarithmic: false,
    ///     series: vec![Series { name: "rss".into(), points: vec![(0.0, 1.0), (1.0, 2.0)] }],
    ///     footer: "a machine".into(),
    /// };
    /// let path = std::env::temp_dir().join("filch-plot-example.svg");
    /// plot.write(&path)?;
    /// assert!(std::fs::read_to_string(&path)?.contains("Memory"));
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let root = SVGBackend::new(path, (960, 540)).into_drawing_area();
        root.fill(&WHITE)?;
        let text = |x, y, size: f64, colour: RGBColor, text: &str| {
            let style = (FONT, size).into_font().color(&colour);
            root.draw_text(text, &style.pos(Pos::new(HPos::Left, VPos::Top)), (x, y))
        };
        text(24, 18, 22.0, INK, &self.title)?;
        text(24, 48, 14.0, FAINT, &self.subtitle)?;
        text(24, 518, 11.0, FAINT, &self.footer)?;

        // The legend stands in the head, where it covers no line.
        for (y, (series, colour)) in (18..).step_by(18).zip(self.coloured()) {
            let key = PathElement::new(vec![(690, y + 7), (712, y + 7)], colour.stroke_width(3));
            root.draw(&key)?;
            text(722, y, 13.0, INK, &series.name)?;
        }

        let body = root.margin(74, 32, 16, 28);
        let (low, high) = self.y_range();
        if self.logarithmic {
            self.draw(&body, (low..high).log_scale())?;
        } else {
            self.draw(&body, low..high)?;
        }
        root.present()?;
        Ok(())
    }

    /// Draws axes, lines and legend on a vertical axis of either kind.
    fn draw<'a, Y>(
        &self,
        area: &DrawingArea<SVGBackend<'a>, Shift>,
        y_axis: Y,
    ) -> Result<(), Box<dyn Error>>
    where
        Y: AsRangedCoord<Value = f64>,
        Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let mut chart = ChartBuilder::on(area)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..self.x_end(), y_axis)?;
        let label = (FONT, 12).into_font().color(&INK);
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_desc_style((FONT, 13).into_font().color(&INK))
            .label_style(label)
            .axis_style(FAINT)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .x_label_formatter(&|x| plain(*x))
            .y_label_formatter(&|y| plain(*y))
            .draw()?;
        for (series, colour) in self.coloured() {
            let points = || series.points.iter().copied().filter(|p| self.shows(p.1));
            let line = colour.stroke_width(2);
            chart.draw_series(LineSeries::new(points(), line))?;
            // A line of one point would be invisible, and few points are worth showing.
            if points().count() <= 100 {
                let dots = points().map(|point| Circle::new(point, 2, colour.filled()));
                chart.draw_series(dots)?;
            }
        }
        Ok(())
    }

    fn coloured(&self) -> impl Iterator<Item = (&Series, &'static RGBColor)> {
        self.series.iter().zip(COLOURS.iter().cycle())
    }

    fn shows(&self, y: f64) -> bool {
        y.is_finite() && (!self.logarithmic || y > 0.0)
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let all = self.series.iter().flat_map(|series| &series.points);
        all.map(|point| point.1).filter(|y| self.shows(*y))
    }

    fn x_end(&self) -> f64 {
        let all = self.series.iter().flat_map(|series| &series.points);
        let end = all.map(|point| point.0).fold(0.0, f64::max);
        if end > 0.0 { end * 1.01 } else { 1.0 }
    }

    /// A linear axis starts at zero, so that heights compare; a logarithmic one covers whole
    /// decades.
    fn y_range(&self) -> (f64, f64) {
        let low = self.values().fold(f64::INFINITY, f64::min);
        let high = self.values().fold(f64::NEG_INFINITY, f64::max);
        match (low.is_finite(), self.logarithmic) {
            (false, true) => (1.0, 10.0),
            (true, true) => {
                let low = 10f64.powf(low.log10().floor());
                (low, (10f64.powf(high.log10().ceil())).max(low * 10.0))
            }
            (false, false) => (0.0, 1.0),
            (true, false) => (0.0, if high > 0.0 { high * 1.1 } else { 1.0 }),
        }
    }
}

/// A number on an axis, without needless zeros.
fn plain(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        n if n >= 1_000.0 => crate::text::grouped(n.round() as u64),
        n if n >= 0.01 => {
            let text = format!("{n:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        n => format!("{n:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(logarithmic: bool, points: Vec<(f64, f64)>) -> Plot {
        let series = |name: &str| Series {
            name: name.into(),
            points: points.clone(),
        };
        Plot {
            title: "Lateness <of> \"timers\"".into(),
            subtitle: "lower is better".into(),
            x: "time (s)",
            y: "lateness (µs)",
            logarithmic,
            series: vec![series("p50"), series("max")],
            footer: "a machine & a version".into(),
        }
    }

    fn svg(name: &str, plot: &Plot) -> String {
        let path = std::env::temp_dir().join(format!("filch-{name}-{}.svg", std::process::id()));
        plot.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        text
    }

    #[test]
    fn names_everything_and_escapes_it() {
        let text = svg("plot", &plot(true, vec![(0.0, 1.0), (1.0, 500.0)]));
        for part in [
            "Lateness &lt;of&gt;",
            "lower is better",
            "time (s)",
            "lateness (µs)",
            "p50",
        ] {
            assert!(text.contains(part), "{part} is missing");
        }
        assert!(text.contains("a machine &amp; a version"));
        assert!(text.contains("<polyline"));
    }

    #[test]
    fn draws_nothing_without_failing() {
        for logarithmic in [false, true] {
            for points in [
                vec![],
                vec![(0.0, 0.0)],
                vec![(1.0, f64::NAN)],
                vec![(0.0, 7.0)],
            ] {
                assert!(svg("empty", &plot(logarithmic, points)).contains("</svg>"));
            }
        }
    }

    #[test]
    fn axis_numbers_are_plain() {
        assert_eq!(
            [0.0, 0.5, 2.0, 10.0, 1e6].map(plain),
            ["0", "0.5", "2", "10", "1,000,000"]
        );
    }
}
