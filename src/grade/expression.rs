//! Arithmetic in LaTeX or plain text, evaluated within bounds: exact rationals while they fit, floats after that.
//! Expressions with variables are equal where they agree at several points (Schwartz 1980): a chance agreement to nine
//! digits is beyond practice.

/// Nesting that is followed.
const DEEPEST: u8 = 40;

/// A number: a float, and the exact fraction where it fits into 64 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    float: f64,
    exact: Option<(i64, i64)>,
}

impl Number {
    fn float(float: f64) -> Option<Self> {
        float.is_finite().then_some(Self { float, exact: None })
    }

    fn ratio(top: i128, bottom: i128) -> Option<Self> {
        let divisor = gcd(top, bottom).max(1) * bottom.signum();
        if divisor == 0 {
            return None;
        }
        let exact = i64::try_from(top / divisor).ok().zip(i64::try_from(bottom / divisor).ok());
        Some(Self { float: top as f64 / bottom as f64, exact })
    }

    /// Both are the same number: exactly where both are fractions, else to nine digits.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self.exact, other.exact) {
            (Some(a), Some(b)) => a == b,
            _ => (self.float - other.float).abs() <= 1e-9 * self.float.abs().max(other.float.abs()).max(1e-300),
        }
    }

    /// This number is the other one's hundredfold: the other was read as a percentage.
    pub(super) fn percent_of(&self, other: &Self) -> bool {
        (self.float - 100.0 * other.float).abs() <= 1e-9 * self.float.abs().max(1e-300)
    }

    fn add(self, other: Self, sign: i128) -> Option<Self> {
        let float = self.float + sign as f64 * other.float;
        match (self.exact, other.exact) {
            (Some((a, b)), Some((c, d))) => {
                let (a, b, c, d) = (i128::from(a), i128::from(b), i128::from(c), i128::from(d));
                Self::ratio(a.checked_mul(d)?.checked_add(sign * c.checked_mul(b)?)?, b * d)
            }
            _ => Self::float(float),
        }
    }

    fn times(self, other: Self) -> Option<Self> {
        match (self.exact, other.exact) {
            (Some((a, b)), Some((c, d))) => Self::ratio(i128::from(a) * i128::from(c), i128::from(b) * i128::from(d)),
            _ => Self::float(self.float * other.float),
        }
    }

    fn over(self, other: Self) -> Option<Self> {
        match (self.exact, other.exact) {
            (_, Some((0, _))) => None,
            (Some((a, b)), Some((c, d))) => Self::ratio(i128::from(a) * i128::from(d), i128::from(b) * i128::from(c)),
            _ => Self::float(self.float / other.float),
        }
    }

    fn power(self, other: Self) -> Option<Self> {
        match other.exact {
            Some((n @ 0..=64, 1)) if self.exact.is_some() => {
                let mut all = Self::ratio(1, 1)?;
                for _ in 0..n {
                    all = all.times(self)?;
                }
                Some(all)
            }
            _ => Self::float(self.float.powf(other.float)),
        }
    }

    /// `n!`, as far as it fits.
    fn factorial(self) -> Option<Self> {
        let Some((n @ 0..=20, 1)) = self.exact else { return None };
        Self::ratio((1..=i128::from(n)).product(), 1)
    }

    /// The binomial coefficient.
    fn choose(self, other: Self) -> Option<Self> {
        let (Some((n @ 0..=60, 1)), Some((k, 1))) = (self.exact, other.exact) else { return None };
        let (n, k) = (i128::from(n), i128::from(k));
        let step = |all: i128, i: i128| Some(all * (n - i) / (i + 1));
        Self::ratio((0..k.min(n + 1)).try_fold(1, step)?, 1)
    }

    fn size(self) -> Self {
        Self { float: self.float.abs(), exact: self.exact.map(|(top, bottom)| (top.abs(), bottom)) }
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The value of an expression without blanks; `None` where it is none, or too deep, or out of range.
pub(super) fn value(text: &str) -> Option<Number> {
    evaluate(text, None)
}

/// Whether two expressions in the same variables are equal wherever they are defined.
pub(super) fn same_function(a: &str, b: &str) -> bool {
    let values = || (0..POINTS).map(|point| (evaluate(a, Some(point)), evaluate(b, Some(point))));
    let agree = |(a, b)| match (a, b) {
        (Some(a), Some(b)) => Number::equals(&a, &b),
        (a, b) => a.is_none() && b.is_none(),
    };
    is_formula(a) && is_formula(b) && values().all(agree) && values().any(|(a, _)| a.is_some())
}

/// Places at which expressions with variables are compared. At the first of them all variables are positive; at the
/// others each pair of variables differs in sign at least once.
const POINTS: u8 = ALL_POSITIVE + 5;
const ALL_POSITIVE: u8 = 4;

/// Letters stand for variables only next to arithmetic, and not in words: `east` and `seat` are no products.
fn is_formula(text: &str) -> bool {
    let without_commands =
        ["\\frac", "\\sqrt", "\\binom", "\\pi"].iter().fold(text.to_owned(), |text, name| text.replace(name, "("));
    let longest = without_commands.split(|c: char| !c.is_ascii_alphabetic()).map(str::len).max().unwrap_or(0);
    longest <= 2 && text.contains(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '*' | '/' | '^' | '|' | '\\'))
}

fn evaluate(text: &str, point: Option<u8>) -> Option<Number> {
    let mut parser = Parser { rest: text, depth: 0, point };
    let value = parser.sum()?;
    parser.rest.is_empty().then_some(value)
}

struct Parser<'t> {
    rest: &'t str,
    depth: u8,
    /// Where variables are evaluated, if they may occur.
    point: Option<u8>,
}

impl Parser<'_> {
    fn take(&mut self, mark: &str) -> bool {
        self.rest.strip_prefix(mark).map(|rest| self.rest = rest).is_some()
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn sum(&mut self) -> Option<Number> {
        let mut all = self.product()?;
        loop {
            let sign = if self.take("+") {
                1
            } else if self.take("-") {
                -1
            } else {
                return Some(all);
            };
            all = all.add(self.product()?, sign)?;
        }
    }

    fn product(&mut self) -> Option<Number> {
        let mut all = self.signed()?;
        loop {
            if self.take("*") {
                all = all.times(self.signed()?)?;
            } else if self.take("/") {
                all = all.over(self.signed()?)?;
            } else if self.rest.starts_with(['(', '\\', '{']) || self.at_variable() {
                all = all.times(self.power()?)?;
            } else {
                return Some(all);
            }
        }
    }

    fn signed(&mut self) -> Option<Number> {
        if self.take("-") {
            let value = self.deeper(Self::signed)?;
            return Number::ratio(0, 1)?.add(value, -1);
        }
        self.take("+");
        self.power()
    }

    fn power(&mut self) -> Option<Number> {
        let base = self.atom()?;
        let base = if self.take("!") { base.factorial()? } else { base };
        let base = if self.take("%") { base.over(Number::ratio(100, 1)?)? } else { base };
        if self.take("^") {
            let exponent = self
                .deeper(|parser| if parser.rest.starts_with('{') { parser.group('{', '}') } else { parser.signed() })?;
            return base.power(exponent);
        }
        Some(base)
    }

    fn group(&mut self, open: char, close: char) -> Option<Number> {
        self.rest = self.rest.strip_prefix(open)?;
        let value = self.deeper(Self::sum)?;
        self.rest = self.rest.strip_prefix(close)?;
        Some(value)
    }

    /// A group in braces, or a single digit as in `\frac12`.
    fn argument(&mut self) -> Option<Number> {
        if self.rest.starts_with('{') {
            return self.group('{', '}');
        }
        if self.rest.starts_with('(') {
            return self.group('(', ')');
        }
        let digit = self.rest.chars().next()?.to_digit(10)?;
        self.rest = &self.rest[1..];
        Number::ratio(i128::from(digit), 1)
    }

    fn atom(&mut self) -> Option<Number> {
        if self.take("\\frac") {
            let top = self.argument()?;
            return top.over(self.argument()?);
        }
        if self.take("\\sqrt") {
            let root = if self.rest.starts_with('[') { self.group('[', ']')? } else { Number::ratio(2, 1)? };
            let under = if self.rest.starts_with(['{', '(']) { self.argument()? } else { self.number()? };
            return Number::float(under.float.powf(1.0 / root.float));
        }
        if self.take("\\binom") {
            let n = self.argument()?;
            return n.choose(self.argument()?);
        }
        if self.take("\\pi") || self.take("pi") {
            return Number::float(std::f64::consts::PI);
        }
        match self.rest.chars().next()? {
            '(' => self.group('(', ')'),
            '{' => self.group('{', '}'),
            '|' => self.group('|', '|').map(Number::size),
            _ if self.at_variable() => self.variable(),
            _ => self.mixed(),
        }
    }

    fn at_variable(&self) -> bool {
        self.point.is_some() && self.rest.starts_with(|c: char| c.is_ascii_alphabetic())
    }

    /// A letter's value at the point: between 0.5 and 2.5 in size, without a pattern.
    fn variable(&mut self) -> Option<Number> {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let (letter, point) = (*self.rest.as_bytes().first()?, self.point?);
        self.rest = &self.rest[1..];
        let size = 0.5 + 2.0 * (f64::from(letter) * GOLDEN * f64::from(point + 1)).fract();
        // Letters differ in their last five bits.
        let is_negative = point >= ALL_POSITIVE && (letter >> (point - ALL_POSITIVE)) & 1 == 1;
        Number::float(if is_negative { -size } else { size })
    }

    /// A number, or a mixed one as in `1\frac{1}{2}`: a whole number before a proper fraction of whole numbers.
    fn mixed(&mut self) -> Option<Number> {
        let number = self.number()?;
        let before = self.rest;
        if matches!(number.exact, Some((_, 1))) && self.take("\\frac") {
            if let (Some((top, 1)), Some((bottom, 1))) = (self.argument()?.exact, self.argument()?.exact)
                && (0..bottom).contains(&top)
            {
                return number.add(Number::ratio(top.into(), bottom.into())?, 1);
            }
            self.rest = before;
        }
        Some(number)
    }

    fn number(&mut self) -> Option<Number> {
        let end = self.rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(self.rest.len());
        let written = &self.rest[..end];
        let (whole, places) = written.split_once('.').unwrap_or((written, ""));
        let grouped = whole.split(',').skip(1).all(|group| group.len() == 3) && !whole.starts_with(',');
        if !grouped || places.contains(['.', ',']) || (whole.is_empty() && places.is_empty()) {
            return None;
        }
        let digits: String = whole.chars().filter(char::is_ascii_digit).collect();
        self.rest = &self.rest[end..];
        let number = if digits.len() + places.len() <= 18 {
            let top: i128 = format!("0{digits}{places}").parse().ok()?;
            Number::ratio(top, 10i128.pow(places.len() as u32))?
        } else {
            Number::float(format!("0{digits}.{places}0").parse().ok()?)?
        };
        match self.power_of_ten() {
            Some(exponent) => number.times(Number::ratio(10, 1)?.power(exponent)?),
            None => Some(number),
        }
    }

    /// The exponent of scientific notation, as in `2.5e-3`.
    fn power_of_ten(&mut self) -> Option<Number> {
        let digits = self.rest.strip_prefix('e')?;
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, digits.strip_prefix('+').unwrap_or(digits)),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let exponent: i128 = digits[..end].parse().ok().filter(|_| end <= 3)?;
        self.rest = &digits[end..];
        Number::ratio(sign * exponent, 1)
    }
}
