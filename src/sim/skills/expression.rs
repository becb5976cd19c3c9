//! Arithmetic expressions: `+ - * / ^ %`, parentheses, unary minus, by recursive descent.

/// Deepest nesting; deeper expressions have no value.
const DEEPEST: usize = 64;

/// The value of `text`, if it is an expression with a finite value.
pub(super) fn evaluate(text: &str) -> Option<f64> {
    let mut reader = Reader { rest: text.trim_start(), depth: 0 };
    let value = reader.sum()?;
    (reader.rest.trim().is_empty() && value.is_finite()).then_some(value)
}

/// A number as people write it: no places where it is whole, six at most.
pub(super) fn show(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    format!("{}", rounded + 0.0)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self, sign: char) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.map_or(self.rest, str::trim_start);
        rest.is_some()
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.power()?;
        loop {
            if self.take('*') {
                value *= self.power()?;
            } else if self.take('/') {
                value /= self.power()?;
            } else if self.take('%') {
                value = value.rem_euclid(self.power()?);
            } else {
                return Some(value);
            }
        }
    }

    fn power(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let base = self.atom()?;
        let value = if self.take('^') { base.powf(self.power()?) } else { base };
        self.depth -= 1;
        Some(value)
    }

    fn atom(&mut self) -> Option<f64> {
        if self.take('-') {
            return self.power().map(|value| -value);
        }
        if self.take('(') {
            let value = self.sum()?;
            return self.take(')').then_some(value);
        }
        let digits = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest.trim_start();
        number.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_holds() {
        let rows = [
            ("2 + 3 * 4", Some(14.0)),
            ("(2 + 3) * 4", Some(20.0)),
            ("2 ^ 3 ^ 2", Some(512.0)),
            ("-2 ^ 2", Some(-4.0)),
            ("7 / 2 - 1", Some(2.5)),
            ("17 % 5", Some(2.0)),
            ("10 - -3", Some(13.0)),
            ("1 / 0", None),
            ("2 +", None),
            ("(1", None),
            ("", None),
        ];
        for (text, value) in rows {
            assert_eq!(evaluate(text), value, "{text}");
        }
        assert_eq!(evaluate(&"(".repeat(100_000)), None);
        assert_eq!((show(14.0), show(2.5), show(0.1 + 0.2)), ("14".into(), "2.5".into(), "0.3".into()));
    }
}
