//! Axes: range, ticks and their labels, on a linear or logarithmic scale.

/// How values become positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Equal distances are equal differences; the axis begins at zero.
    FromZero,
    /// Equal distances are equal differences; the axis begins near the smallest value.
    Linear,
    /// Equal distances are equal ratios.
    Log,
}

/// An axis over finite values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Axis {
    /// An axis that holds all finite `values`; on a logarithmic one, only the positive ones count.
    pub(crate) fn over(scale: Scale, values: impl IntoIterator<Item = f64>, wanted: usize) -> Self {
        let usable = values.into_iter().filter(|v| v.is_finite() && (scale != Scale::Log || *v > 0.0));
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
        match scale {
            Scale::Log => Self::logarithmic(low, high, wanted),
            Scale::FromZero => Self::linear(scale, low.min(0.0), high, wanted),
            Scale::Linear => Self::linear(scale, low, high, wanted),
        }
    }

    /// A linear axis with exactly these ends.
    pub(crate) fn fixed(low: f64, high: f64, wanted: usize) -> Self {
        let mut axis = Self::linear(Scale::Linear, low, high, wanted);
        axis.ticks.retain(|t| (low..=high).contains(t));
        (axis.low, axis.high) = (low, high);
        axis
    }

    fn linear(scale: Scale, low: f64, high: f64, wanted: usize) -> Self {
        let span = if high - low > 0.0 { high - low } else { high.abs().max(1.0) };
        let step = nice_step(span / wanted.max(1) as f64);
        let first = (low / step).floor();
        let last = (high / step - 1e-9).ceil().max(first + 1.0);
        let n = (last - first) as usize;
        let ticks: Vec<f64> = (0..=n.min(50)).map(|k| (first + k as f64) * step).collect();
        Self { scale, low: first * step, high: last * step, ticks }
    }

    fn logarithmic(low: f64, high: f64, wanted: usize) -> Self {
        let (low, high) = if high / low < 1.6 { (low / 1.4, high * 1.4) } else { (low / 1.08, high * 1.08) };
        let decades = (high / low).log10();
        let steps: &[f64] = match wanted as f64 / decades {
            density if density >= 9.0 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            density if density >= 4.0 => &[1.0, 2.0, 3.0, 5.0],
            density if density >= 2.5 => &[1.0, 2.0, 5.0],
            density if density >= 1.5 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let (from, to) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let skip = if decades > 1.5 * wanted as f64 { 2 } else { 1 };
        let ticks = (from..=to)
            .step_by(skip)
            .flat_map(|e| steps.iter().map(move |s| s * 10f64.powi(e)))
            .filter(|t| (low..=high).contains(t))
            .collect();
        Self { scale: Scale::Log, low, high, ticks }
    }

    /// Where a value lies between the ends: 0 at the low end, 1 at the high one. Values beyond lie on the end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = if self.scale == Scale::Log {
            if value <= 0.0 {
                return 0.0;
            }
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Tick values, ascending.
    pub(crate) fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// The upper end.
    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// The lower end.
    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    /// What the axis' title says about its scale.
    pub(crate) fn note(&self) -> &'static str {
        match self.scale {
            Scale::Log => " (log scale)",
            Scale::Linear if self.low > 0.0 => " (axis does not start at 0)",
            _ => "",
        }
    }

    /// The label of a tick: as many decimals as the ticks need.
    pub(crate) fn label(&self, tick: f64) -> String {
        let places = if self.scale == Scale::Log {
            (-(tick.abs().max(1e-12)).log10().floor()).clamp(0.0, 9.0) as usize
                + usize::from((tick / 10f64.powf(tick.log10().floor()) * 10.0).round() % 10.0 > 0.5)
        } else {
            let step = self.ticks.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
            let needed = (0..9).find(|&p| {
                let shifted = step * 10f64.powi(p);
                (shifted - shifted.round()).abs() < 1e-6 * shifted.max(1.0)
            });
            needed.unwrap_or(2) as usize
        };
        grouped(tick, places)
    }
}

/// The nearest of 1, 2, 2.5, 5 times a power of ten, not below `raw`.
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.max(1e-12).log10().floor());
    let unit = raw / power;
    let nice = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|n| unit <= n + 1e-9).unwrap_or(10.0);
    nice * power
}

/// A number with thin spaces between thousands, from 10 000 on.
pub(crate) fn grouped(value: f64, places: usize) -> String {
    let plain = format!("{:.places$}", if value == 0.0 { 0.0 } else { value });
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let digits = whole.trim_start_matches('-');
    if digits.len() < 5 {
        return plain;
    }
    let mut out = String::from(&whole[..whole.len() - digits.len()]);
    for (k, c) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().iter().map(|t| axis.label(*t)).collect()
    }

    #[test]
    fn ticks_are_round_and_cover() {
        let axis = Axis::over(Scale::FromZero, [3.0, 87.0], 5);
        assert_eq!(labels(&axis), ["0", "20", "40", "60", "80", "100"]);
        let fine = Axis::over(Scale::FromZero, [0.0, 0.0012], 4);
        assert_eq!(labels(&fine), ["0.0000", "0.0005", "0.0010", "0.0015"]);
        let log = Axis::over(Scale::Log, [12.0, 900.0], 5);
        assert_eq!(labels(&log), ["20", "50", "100", "200", "500"]);
    }

    #[test]
    fn no_value_leaves_the_axis() {
        for scale in [Scale::FromZero, Scale::Linear, Scale::Log] {
            for values in
                [vec![], vec![5.0], vec![0.0, 0.0], vec![f64::INFINITY, 2.0], vec![-3.0, 1e9], vec![1e-9, 1e12]]
            {
                let axis = Axis::over(scale, values.clone(), 5);
                for v in values {
                    assert!((0.0..=1.0).contains(&axis.place(v)), "{axis:?} {v}");
                }
                assert!(axis.ticks().len() < 60 && axis.low() < axis.high());
            }
        }
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1234.0, 0), "1234");
        assert_eq!(grouped(1_234_567.5, 1), "1\u{202f}234\u{202f}567.5");
        assert_eq!(grouped(-12_345.0, 0), "-12\u{202f}345");
    }
}
