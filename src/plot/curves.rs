//! Curves: named series against a step or an epoch, smoothed, or as a band over seeds.

use super::axis::{self, Axis, Scale};
use super::canvas::{Align, Canvas, LINE, Point, Rect, TEXT_SIZE, text_width, widest};
use super::theme::{Ink, Theme};
use super::{Figure, PlotError, WIDTH, outputs};
use crate::metrics::{Spread, moving_average};
use num_traits::AsPrimitive;
use plotters::backend::DrawingBackend;
use std::path::Path;

/// Named series against one x. Each has a color and a marker of its own.
///
/// ```
/// use chainrule::plot::Curves;
///
/// let runs = [[0.5, 0.2, 0.1], [0.6, 0.3, 0.1], [0.7, 0.1, 0.1]]; // one a seed
/// let figure = Curves::new("Validation loss over three seeds")
///     .x("epoch")
///     .y("loss, nats a sample")
///     .log_y()
///     .band("rate 0.01", 1..=3, runs);
/// assert!(figure.svg()?.contains("mean ± standard deviation of 3 runs"));
/// # Ok::<(), chainrule::plot::PlotError>(())
/// ```
///
/// A point that is not a number, is infinite, or has no logarithm where the axis is logarithmic,
/// is left out and the line is broken there. The description says how many were.
#[derive(Clone, Debug)]
pub struct Curves {
    title: String,
    x: String,
    y: String,
    x_scale: Scale,
    y_scale: Scale,
    size: (f64, f64),
    series: Vec<Series>,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    xs: Vec<f64>,
    /// One y an x in each run.
    runs: Vec<Vec<f64>>,
    /// Window of the moving average.
    window: Option<usize>,
}

impl Curves {
    /// A figure without a series yet.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            x: "x".into(),
            y: "y".into(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            size: (WIDTH, 320.0),
            series: Vec::new(),
        }
    }

    /// What stands along the horizontal axis, with its unit.
    pub fn x(mut self, label: impl Into<String>) -> Self {
        self.x = label.into();
        self
    }

    /// What stands along the vertical axis, with its unit.
    pub fn y(mut self, label: impl Into<String>) -> Self {
        self.y = label.into();
        self
    }

    /// Makes the horizontal axis logarithmic.
    pub fn log_x(mut self) -> Self {
        self.x_scale = Scale::Logarithmic;
        self
    }

    /// Makes the vertical axis logarithmic.
    pub fn log_y(mut self) -> Self {
        self.y_scale = Scale::Logarithmic;
        self
    }

    /// Another size than 480 by 320 CSS pixels. The width is at least 240, and the figure is
    /// higher where its legend needs it.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (f64::from(width.clamp(240, 4000)), f64::from(height.clamp(1, 4000)));
        self
    }

    /// Adds a line through the points (x, y).
    pub fn line<X: AsPrimitive<f64>, Y: AsPrimitive<f64>>(
        self,
        name: impl Into<String>,
        xs: impl IntoIterator<Item = X>,
        ys: impl IntoIterator<Item = Y>,
    ) -> Self {
        self.add(name, xs, [ys], None)
    }

    /// Adds a faint line through the points (x, y), and over it the mean of each y and the
    /// `window` − 1 before it, as [`moving_average`] has it.
    pub fn smoothed<X: AsPrimitive<f64>, Y: AsPrimitive<f64>>(
        self,
        name: impl Into<String>,
        xs: impl IntoIterator<Item = X>,
        ys: impl IntoIterator<Item = Y>,
        window: usize,
    ) -> Self {
        self.add(name, xs, [ys], Some(window))
    }

    /// Adds, over several runs with one y an x each, their mean as a line and one sample standard
    /// deviation to either side as a band, as [`Spread`] has them. At an x that one run alone
    /// reached there is no band.
    pub fn band<X: AsPrimitive<f64>, Y: AsPrimitive<f64>>(
        self,
        name: impl Into<String>,
        xs: impl IntoIterator<Item = X>,
        runs: impl IntoIterator<Item = impl IntoIterator<Item = Y>>,
    ) -> Self {
        self.add(name, xs, runs, None)
    }

    fn add<X: AsPrimitive<f64>, Y: AsPrimitive<f64>>(
        mut self,
        name: impl Into<String>,
        xs: impl IntoIterator<Item = X>,
        runs: impl IntoIterator<Item = impl IntoIterator<Item = Y>>,
        window: Option<usize>,
    ) -> Self {
        self.series.push(Series {
            name: name.into(),
            xs: xs.into_iter().map(AsPrimitive::as_).collect(),
            runs: runs
                .into_iter()
                .map(|run| run.into_iter().map(AsPrimitive::as_).collect())
                .collect(),
            window,
        });
        self
    }

    /// What is drawn of a series on this figure's axes.
    fn trace(&self, series: &Series) -> Trace {
        let holds = |x: f64, y: f64| self.x_scale.holds(x) && self.y_scale.holds(y);
        let spreads: Vec<Option<Spread>> = (0..series.xs.len())
            .map(|i| {
                let ys = series.runs.iter().filter_map(|run| run.get(i).copied());
                let drawn: Vec<f64> = ys.filter(|&y| holds(series.xs[i], y)).collect();
                Spread::of(&drawn).ok()
            })
            .collect();
        let points = |ys: &mut dyn Iterator<Item = Option<f64>>| -> Vec<Option<Point>> {
            series.xs.iter().zip(ys).map(|(&x, y)| Some((x, y?))).collect()
        };
        let raw = points(&mut spreads.iter().map(|spread| spread.map(|spread| spread.mean)));
        let total = series.runs.iter().map(Vec::len).sum::<usize>();
        let drawn: usize = spreads.iter().flatten().map(|spread| spread.count).sum();
        let band = series.xs.iter().zip(&spreads).map(|(&x, spread)| {
            let Spread { mean, deviation, .. } = (*spread)?;
            Some((x, mean - deviation?, mean + deviation?))
        });
        let band = band.collect();
        let Some(window) = series.window else {
            return Trace { line: raw, faint: Vec::new(), band, left_out: total - drawn };
        };
        // The average is of what is drawn; a gap stays a gap.
        let (places, values): (Vec<usize>, Vec<f64>) =
            raw.iter().enumerate().filter_map(|(i, point)| Some((i, (*point)?.1))).unzip();
        let mut averages = vec![None; raw.len()];
        let means = moving_average(&values, window.max(1)).unwrap_or_default();
        for (place, average) in places.into_iter().zip(means) {
            averages[place] = Some(average);
        }
        let line = points(&mut averages.into_iter());
        Trace { line, faint: raw, band, left_out: total - drawn }
    }
}

/// `None` breaks a line or a band.
struct Trace {
    line: Vec<Option<Point>>,
    faint: Vec<Option<Point>>,
    /// x, low, high.
    band: Vec<Option<(f64, f64, f64)>>,
    left_out: usize,
}

impl Trace {
    /// All points that the axes must hold.
    fn points(&self) -> impl Iterator<Item = Point> {
        let ends = self.band.iter().flatten().flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        self.line.iter().chain(&self.faint).flatten().copied().chain(ends)
    }
}

impl Figure for Curves {
    fn title(&self) -> &str {
        &self.title
    }

    fn width(&self) -> f64 {
        self.size.0
    }

    fn description(&self) -> String {
        let scale = |scale| match scale {
            Scale::Linear => "",
            Scale::Logarithmic => " (logarithmic)",
        };
        let series = self.series.iter().map(|series| {
            let what = match (series.window, series.runs.len()) {
                (Some(window), _) => format!(", with its moving average over {window}"),
                (None, 0 | 1) => String::new(),
                (None, runs) => format!(", mean ± standard deviation of {runs} runs"),
            };
            let left_out = match self.trace(series).left_out {
                0 => String::new(),
                1 => "; 1 point that has no place on the axes is left out".into(),
                n => format!("; {n} points that have no place on the axes are left out"),
            };
            let points = match series.xs.len() {
                1 => "1 point".into(),
                n => format!("{n} points"),
            };
            format!("{} ({points}{what}{left_out})", series.name)
        });
        format!(
            "Line chart of {}{} against {}{}. Series: {}.",
            self.y,
            scale(self.y_scale),
            self.x,
            scale(self.x_scale),
            series.collect::<Vec<_>>().join(", ")
        )
    }

    fn check(&self) -> Result<(), PlotError> {
        let empty = |what: String, remedy| {
            Err(PlotError::Empty { figure: self.title.clone(), what, remedy })
        };
        if self.series.is_empty() {
            return empty("it".into(), "add a series with `line`, `smoothed` or `band`");
        }
        for series in &self.series {
            let xs = series.xs.len();
            if let Some(run) = series.runs.iter().find(|run| run.len() != xs) {
                let (figure, series) = (self.title.clone(), series.name.clone());
                return Err(PlotError::Lengths { figure, series, xs, ys: run.len() });
            }
            if self.trace(series).line.iter().all(Option::is_none) {
                let remedy = "give it a finite point, positive where an axis is logarithmic";
                return empty(format!("series \"{}\"", series.name), remedy);
            }
        }
        Ok(())
    }

    fn paint<B: DrawingBackend>(&self, canvas: &mut Canvas<B>) -> Result<f64, PlotError> {
        let traces: Vec<Trace> = self.series.iter().map(|series| self.trace(series)).collect();
        let all = || traces.iter().flat_map(Trace::points);
        let whole = self.x_scale == Scale::Linear && all().all(|(x, _)| x.fract() == 0.0);
        let x_axis = Axis::new(self.x_scale, all().map(|point| point.0), 6, 0.0, whole);
        // A band may reach below what a logarithmic axis holds: it is cut off there.
        let ys = all().map(|point| point.1).filter(|&y| self.y_scale.holds(y));
        let y_axis = Axis::new(self.y_scale, ys, 5, 0.05, false);

        let mut top = canvas.heading(&self.title)?;
        top = self.paint_legend(canvas, top)? + 6.0 + LINE;
        canvas.text(&self.y, (4.0, top - 0.3 * LINE), Align::Left, TEXT_SIZE, Ink::TEXT)?;
        top += 7.0;

        let labels = widest(y_axis.ticks.iter().map(|tick| tick.text.as_str()), TEXT_SIZE)?;
        let last = x_axis.ticks.last().map_or(Ok(0.0), |tick| text_width(&tick.text, TEXT_SIZE))?;
        let (x, below) = (4.0 + labels + 8.0, 2.4 * LINE);
        let area = Rect {
            x,
            y: top,
            width: canvas.width - x - (last / 2.0).max(MARKER) - 4.0,
            height: (self.size.1 - top - below).max(120.0),
        };
        let place = |(x, y): Point| {
            let (x, y) = (x_axis.along(x), y_axis.along(y));
            (area.x + x * area.width, area.y + (1.0 - y) * area.height)
        };
        axis::paint(canvas, area, (&x_axis, &self.x), &y_axis)?;
        for (k, trace) in traces.iter().enumerate() {
            paint_band(canvas, &trace.band, place, Ink::series(k).faded(0.22))?;
        }
        for (k, trace) in traces.iter().enumerate() {
            paint_line(canvas, &trace.faint, place, Ink::series(k).faded(0.35), 1.0)?;
        }
        let stroke = stroke(&traces);
        for (k, trace) in traces.iter().enumerate() {
            paint_line(canvas, &trace.line, place, Ink::series(k), stroke)?;
            for point in marked(&trace.line, k, traces.len()) {
                paint_marker(canvas, k, place(point))?;
            }
        }
        Ok(area.y + area.height + below)
    }
}

impl Curves {
    /// Names beside their lines, in rows from `y` down. Returns where what follows begins.
    fn paint_legend<B: DrawingBackend>(
        &self,
        canvas: &mut Canvas<B>,
        y: f64,
    ) -> Result<f64, PlotError> {
        let (mut x, mut y) = (4.0, y + LINE);
        for (k, series) in self.series.iter().enumerate() {
            let name = match (series.window, series.runs.len()) {
                (Some(window), _) => format!("{} (mean of {window})", series.name),
                (None, 0 | 1) => series.name.clone(),
                (None, runs) => format!("{} (± std, {runs} runs)", series.name),
            };
            let width = 32.0 + text_width(&name, TEXT_SIZE)?;
            if x > 4.0 && x + width > canvas.width - 4.0 {
                (x, y) = (4.0, y + LINE);
            }
            let middle = y - 0.3 * LINE - 0.36 * TEXT_SIZE;
            canvas.line(&[(x, middle), (x + 24.0, middle)], Ink::series(k), 2.0)?;
            paint_marker(canvas, k, (x + 12.0, middle))?;
            let at = (x + 30.0, y - 0.3 * LINE);
            canvas.text(&name, at, Align::Left, TEXT_SIZE, Ink::TEXT)?;
            x += width + 16.0;
        }
        Ok(y)
    }
}

/// The unbroken stretches of a line.
fn stretches<P: Copy>(points: &[Option<P>]) -> impl Iterator<Item = Vec<P>> {
    points.split(Option::is_none).map(|stretch| stretch.iter().flatten().copied().collect())
}

fn paint_line<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    points: &[Option<Point>],
    place: impl Fn(Point) -> Point,
    ink: Ink,
    width: f64,
) -> Result<(), PlotError> {
    for stretch in stretches(points) {
        let placed: Vec<Point> = stretch.into_iter().map(&place).collect();
        canvas.line(&thinned(&placed), ink, width)?;
        if let [(x, y)] = placed[..] {
            // A point between two gaps is no line: it is seen as a dot.
            canvas.circle((x, y), width, ink)?;
        }
    }
    Ok(())
}

fn paint_band<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    band: &[Option<(f64, f64, f64)>],
    place: impl Fn(Point) -> Point,
    ink: Ink,
) -> Result<(), PlotError> {
    for stretch in stretches(band).filter(|stretch| stretch.len() > 1) {
        let low: Vec<Point> = stretch.iter().map(|&(x, low, _)| place((x, low))).collect();
        let high: Vec<Point> = stretch.iter().map(|&(x, _, high)| place((x, high))).collect();
        let mut outline = thinned(&low);
        outline.extend(thinned(&high).into_iter().rev());
        canvas.polygon(&outline, ink)?;
    }
    Ok(())
}

/// A line as it is seen: of the points that share half a pixel's column, the first, the lowest,
/// the highest and the last. A hundred thousand steps then weigh no more than a thousand.
fn thinned(points: &[Point]) -> Vec<Point> {
    let same_column = |a: &Point, b: &Point| (2.0 * a.0).floor() == (2.0 * b.0).floor();
    let mut seen = Vec::new();
    for column in points.chunk_by(same_column) {
        if column.len() <= 4 {
            seen.extend_from_slice(column);
            continue;
        }
        let by_height = |&a: &usize, &b: &usize| column[a].1.total_cmp(&column[b].1);
        let mut kept = [
            0,
            (0..column.len()).min_by(by_height).unwrap_or(0),
            (0..column.len()).max_by(by_height).unwrap_or(0),
            column.len() - 1,
        ];
        kept.sort_unstable();
        seen.extend(kept.map(|i| column[i]));
    }
    seen
}

/// The points of series `k` of `count` that get a marker: all where they are few, else eight,
/// at other points than those of the other series.
fn marked(line: &[Option<Point>], k: usize, count: usize) -> Vec<Point> {
    let points: Vec<Point> = line.iter().flatten().copied().collect();
    let every = if points.len() <= 26 { 1 } else { points.len().div_ceil(8) };
    let first = if every == 1 { 0 } else { every * (2 * k + 1) / (2 * count) };
    points.into_iter().skip(first).step_by(every).collect()
}

/// The width of all lines: thinner where the points of one are so many that it would fill an area.
fn stroke(traces: &[Trace]) -> f64 {
    if traces.iter().any(|trace| trace.line.len() > 400) { 1.2 } else { 2.0 }
}

const MARKER: f64 = 3.6;

/// The marker of series `k`, for those who cannot tell its color: a circle, a square, a triangle,
/// a diamond, a triangle on its tip, a bar, a plus.
fn paint_marker<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    k: usize,
    (x, y): Point,
) -> Result<(), PlotError> {
    let corners: &[Point] = match k % 7 {
        0 => return canvas.circle((x, y), MARKER, Ink::series(k)),
        1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        2 => &[(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
        3 => &[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)],
        4 => &[(0.0, 1.25), (1.15, -0.85), (-1.15, -0.85)],
        5 => &[(-0.4, -1.3), (0.4, -1.3), (0.4, 1.3), (-0.4, 1.3)],
        _ => &[
            (-0.4, -1.3),
            (0.4, -1.3),
            (0.4, -0.4),
            (1.3, -0.4),
            (1.3, 0.4),
            (0.4, 0.4),
            (0.4, 1.3),
            (-0.4, 1.3),
            (-0.4, 0.4),
            (-1.3, 0.4),
            (-1.3, -0.4),
            (-0.4, -0.4),
        ],
    };
    let corners: Vec<Point> =
        corners.iter().map(|&(dx, dy)| (x + MARKER * dx, y + MARKER * dy)).collect();
    canvas.polygon(&corners, Ink::series(k))
}

outputs!(Curves);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_what_is_seen() {
        let line: Vec<Point> =
            [3.0, 1.0, 2.0, 9.0, 4.0, 5.0].map(|y| (10.1, y)).into_iter().collect();
        assert_eq!(thinned(&line), [(10.1, 3.0), (10.1, 1.0), (10.1, 9.0), (10.1, 5.0)]);
        assert_eq!(thinned(&line[..4]), line[..4]);
        let spread: Vec<Point> = (0..9).map(|i| (f64::from(i), 0.0)).collect();
        assert_eq!(thinned(&spread), spread);
    }

    #[test]
    fn few_points_are_all_marked_and_many_at_other_places_a_series() {
        let line = |n: usize| (0..n).map(|i| Some((i as f64, 0.0))).collect::<Vec<_>>();
        assert_eq!(marked(&line(26), 1, 2).len(), 26);
        let first = marked(&line(800), 0, 2);
        let second = marked(&line(800), 1, 2);
        assert_eq!((first.len(), first[0].0, first[1].0), (8, 25.0, 125.0));
        assert_eq!((second.len(), second[0].0), (8, 75.0));
    }

    #[test]
    fn a_gap_breaks_a_line_and_not_its_average() {
        let figure = Curves::new("").smoothed("s", 0..5, [1.0, 3.0, f64::NAN, 5.0, 7.0], 2);
        let trace = figure.trace(&figure.series[0]);
        let ys = |line: &[Option<Point>]| -> Vec<Option<f64>> {
            line.iter().map(|point| point.map(|point| point.1)).collect()
        };
        assert_eq!(ys(&trace.faint), [Some(1.0), Some(3.0), None, Some(5.0), Some(7.0)]);
        assert_eq!(ys(&trace.line), [Some(1.0), Some(2.0), None, Some(4.0), Some(6.0)]);
        assert_eq!(trace.left_out, 1);
        assert_eq!(stretches(&trace.line).map(|stretch| stretch.len()).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn a_band_is_one_deviation_to_either_side_of_the_mean() {
        let runs = [[1.0, 2.0, 5.0], [3.0, 4.0, f64::INFINITY]];
        let figure = Curves::new("").band("s", [0, 1, 2], runs);
        let trace = figure.trace(&figure.series[0]);
        let deviation = 2.0_f64.sqrt();
        assert_eq!(trace.line, [Some((0.0, 2.0)), Some((1.0, 3.0)), Some((2.0, 5.0))]);
        assert_eq!(trace.band[0], Some((0.0, 2.0 - deviation, 2.0 + deviation)));
        assert_eq!(trace.band[2], None);
        assert_eq!(trace.left_out, 1);
    }
}
