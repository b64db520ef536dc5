//! An axis: what of the data it shows, where its ticks stand, and how they read.

use super::PlotError;
use super::canvas::{Align, Canvas, LINE, Rect, TEXT_SIZE, text_width};
use super::theme::Ink;
use plotters::backend::DrawingBackend;

/// How an axis is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scale {
    #[default]
    Linear,
    Logarithmic,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    pub ticks: Vec<Tick>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub text: String,
}

/// Numbers beyond this have no place on an axis: their differences could overflow.
const GREATEST: f64 = 1e100;

impl Scale {
    /// Whether the axis has a place for `value`.
    pub(super) fn holds(self, value: f64) -> bool {
        match self {
            Self::Linear => value.abs() <= GREATEST,
            Self::Logarithmic => (GREATEST.recip()..=GREATEST).contains(&value),
        }
    }

    /// Where `value` stands on an axis that is divided evenly.
    fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.log10(),
        }
    }
}

impl Axis {
    /// An axis that shows all of `values`, with about `ticks` ticks. It holds every one.
    ///
    /// `margin` is kept free on both sides, as a share of what is shown. `whole` allows ticks at
    /// whole numbers alone.
    pub(super) fn new(
        scale: Scale,
        values: impl IntoIterator<Item = f64>,
        ticks: usize,
        margin: f64,
        whole: bool,
    ) -> Self {
        let (least, greatest) = values
            .into_iter()
            .map(|value| scale.position(value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        // No axis is shorter than its numbers can tell apart, and a single value has room too.
        let extent = (greatest - least).max(1e-9 * greatest.abs().max(least.abs()));
        let room = if greatest == least { extent.max(0.5) } else { margin * extent };
        let (mut low, high) = (least - room, greatest + room);
        if scale == Scale::Linear && least >= 0.0 {
            low = low.max(0.0);
        }
        let ticks = match scale {
            Scale::Linear => linear_ticks(low, high, ticks, whole),
            Scale::Logarithmic => logarithmic_ticks(low, high, ticks),
        };
        Self { scale, low, high, ticks }
    }

    /// How far along the axis `value` stands, from 0 to 1; at an end where it lies beyond.
    pub(super) fn along(&self, value: f64) -> f64 {
        if !self.scale.holds(value) {
            // The lower edge of a band may have no logarithm.
            return 0.0;
        }
        let position = self.scale.position(value);
        ((position - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, count: usize, whole: bool) -> Vec<Tick> {
    let rough = (high - low) / count as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&step| step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let step = if whole { step.max(1.0) } else { step };
    // A little beyond the ends, for a tick that rounding pushed over one.
    let first = (low / step - 1e-6).ceil() as i64;
    let last = (high / step + 1e-6).floor() as i64;
    (first..=last)
        .map(|k| k as f64 * step)
        .map(|value| Tick { value, text: label(value, step) })
        .collect()
}

/// Powers of ten, thinned where they are many, and 2 and 5 times them where they are few. The
/// ends are logarithms.
fn logarithmic_ticks(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    let decades = (high - low).max(0.0);
    let factors: &[f64] = if decades < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = ((decades / count as f64).ceil() as i32).max(1);
    let ticks: Vec<f64> = (first..=last)
        .filter(|power| power % every == 0)
        .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)))
        .filter(|value| (low - 1e-9..=high + 1e-9).contains(&value.log10()))
        .collect();
    if ticks.len() < 2 {
        // Too short for these: an evenly stepped axis reads better.
        return linear_ticks(10_f64.powf(low), 10_f64.powf(high), count, false);
    }
    // One way of writing for the whole axis.
    let has_powers = ticks.iter().any(|&value| !is_plain(value));
    let text = |value: f64| match has_powers && value != 1.0 {
        true => with_power(value, 0),
        false => label(value, value),
    };
    ticks.into_iter().map(|value| Tick { value, text: text(value) }).collect()
}

/// `value` with the digits that a step needs.
pub(super) fn label(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs().max(step);
    if !is_plain(magnitude) {
        return with_power(value, (magnitude / step).log10().round().max(0.0) as usize);
    }
    let decimals = (-(step * 1.000_001).log10().floor()).clamp(0.0, 12.0) as usize;
    // A minus is as wide as a digit, a hyphen is not.
    format!("{value:.decimals$}").replace('-', "−")
}

/// Whether a number of this magnitude is read without a power of ten.
fn is_plain(magnitude: f64) -> bool {
    (1e-4..1e6).contains(&magnitude)
}

/// `value` as a power of ten, with a factor of at most so many digits behind its point: 2.5·10⁶.
fn with_power(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    let (factor, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let factor = match factor.split_once('.') {
        Some(_) => factor.trim_end_matches('0').trim_end_matches('.'),
        None => factor,
    };
    let raised = exponent.chars().map(|c| match c {
        '-' => '⁻',
        c => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][c as usize - '0' as usize],
    });
    let power = format!("10{}", raised.collect::<String>());
    match factor {
        "1" => power,
        "-1" => format!("−{power}"),
        factor => format!("{}·{power}", factor.replace('-', "−")),
    }
}

/// Draws both axes of `area`, with `x_label` below it.
pub(super) fn paint<B: DrawingBackend>(
    canvas: &mut Canvas<B>,
    area: Rect,
    (x_axis, x_label): (&Axis, &str),
    y_axis: &Axis,
) -> Result<(), PlotError> {
    let (right, bottom) = (area.x + area.width, area.y + area.height);
    for tick in &y_axis.ticks {
        let y = bottom - y_axis.along(tick.value) * area.height;
        canvas.line(&[(area.x, y), (right, y)], Ink::GRID, 1.0)?;
        let at = (area.x - 6.0, y + 0.36 * TEXT_SIZE);
        canvas.text(&tick.text, at, Align::Right, TEXT_SIZE, Ink::MUTED)?;
    }
    // Labels that would touch the one before them are left out.
    let mut free = f64::NEG_INFINITY;
    for tick in &x_axis.ticks {
        let x = area.x + x_axis.along(tick.value) * area.width;
        canvas.line(&[(x, bottom), (x, bottom + 4.0)], Ink::AXIS, 1.0)?;
        let half = text_width(&tick.text, TEXT_SIZE)? / 2.0;
        if x - half > free {
            let at = (x, bottom + 4.0 + TEXT_SIZE);
            canvas.text(&tick.text, at, Align::Center, TEXT_SIZE, Ink::MUTED)?;
            free = x + half + 8.0;
        }
    }
    canvas.line(&[(area.x, bottom), (right, bottom)], Ink::AXIS, 1.0)?;
    let at = (area.x + area.width / 2.0, bottom + 4.0 + TEXT_SIZE + LINE);
    canvas.text(x_label, at, Align::Center, TEXT_SIZE, Ink::TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    fn linear(values: [f64; 2], whole: bool) -> Axis {
        Axis::new(Scale::Linear, values, 5, 0.0, whole)
    }

    #[test]
    fn linear_ticks_are_round_numbers_within_the_axis() {
        assert_eq!(texts(&linear([0.0, 1.0], false)), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&linear([-3.0, 7.0], false)), ["−2", "0", "2", "4", "6"]);
        assert_eq!(texts(&linear([0.91, 0.99], false)), ["0.92", "0.94", "0.96", "0.98"]);
        assert_eq!(texts(&linear([0.0, 18_750.0], false)), ["0", "5000", "10000", "15000"]);
        assert_eq!(texts(&linear([0.0, 4e6], false)), ["0", "10⁶", "2·10⁶", "3·10⁶", "4·10⁶"]);
        assert_eq!(texts(&linear([0.0, 3e-5], false)), ["0", "10⁻⁵", "2·10⁻⁵", "3·10⁻⁵"]);
        assert_eq!(texts(&linear([-3e6, 0.0], false)), ["−3·10⁶", "−2·10⁶", "−10⁶", "0"]);
        assert_eq!(label(2.5e10, 5e9), "2.5·10¹⁰");
        assert_eq!(texts(&linear([1.0, 3.0], true)), ["1", "2", "3"]);
        assert_eq!(texts(&linear([1.0, 3.0], false)), ["1.0", "1.5", "2.0", "2.5", "3.0"]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_and_their_parts() {
        let axis = |low: f64, high: f64| Axis::new(Scale::Logarithmic, [low, high], 5, 0.0, false);
        assert_eq!(texts(&axis(0.02, 1.5)), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(texts(&axis(1e-3, 10.0)), ["0.001", "0.01", "0.1", "1", "10"]);
        assert_eq!(texts(&axis(1e-9, 1.0)), ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "1"]);
        assert_eq!(texts(&axis(0.31, 0.39)), ["0.32", "0.34", "0.36", "0.38"]);
    }

    #[test]
    fn positions_along_the_axis() {
        let axis = linear([-1.0, 3.0], false);
        assert_eq!([-1.0, 0.0, 3.0, -9.0, 9.0].map(|x| axis.along(x)), [0.0, 0.25, 1.0, 0.0, 1.0]);
        let axis = Axis::new(Scale::Logarithmic, [0.01, 100.0], 5, 0.0, false);
        assert_eq!([0.01, 1.0, 100.0, -1.0, 0.0].map(|x| axis.along(x)), [0.0, 0.5, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn margins_stay_on_the_side_of_zero_where_the_data_are() {
        let with_margin = |values: [f64; 2]| Axis::new(Scale::Linear, values, 5, 0.1, false);
        assert_eq!((with_margin([0.5, 10.5]).low, with_margin([0.5, 10.5]).high), (0.0, 11.5));
        assert_eq!(with_margin([5.0, 15.0]).low, 4.0);
        assert_eq!(with_margin([-5.0, 5.0]).low, -6.0);
    }

    #[test]
    fn a_single_value_has_room_on_both_sides() {
        for value in [0.0, 3.0, -2e90, 1e-90] {
            let axis = linear([value, value], false);
            assert!(axis.low < axis.high, "{value}");
            assert!(axis.ticks.len() < 20, "{value}");
            assert!(axis.along(value).is_finite());
        }
        assert_eq!(linear([3.0, 3.0], false).along(3.0), 0.5);
    }

    #[test]
    fn a_scale_holds_what_it_can_place() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -2e100] {
            assert!(!Scale::Linear.holds(value));
            assert!(!Scale::Logarithmic.holds(value));
        }
        assert!(Scale::Linear.holds(-1e100) && Scale::Linear.holds(0.0));
        assert!(!Scale::Logarithmic.holds(0.0) && !Scale::Logarithmic.holds(-1.0));
        assert!(Scale::Logarithmic.holds(1e-99) && Scale::Logarithmic.holds(1e100));
    }
}
