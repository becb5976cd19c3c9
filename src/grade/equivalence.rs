//! Whether two results are the same mathematics.
//!
//! Numbers are compared by value, units aside; tuples, intervals and matrices by their parts in order; sets, unions and
//! lists without brackets by their parts in any order; formulas by their values; anything else as normalized text.

use super::expression::same_function;
use super::expression::value;
use super::latex::normal;
use super::latex::without_name;

/// Longer texts are no final answers; they are compared as text.
pub(super) const LONGEST: usize = 2000;
/// Parts within parts that are followed.
const DEEPEST: u8 = 4;
/// Lists with more parts are no final answers; each part may be held against each.
const MOST_PARTS: usize = 100;

/// Whether two results are the same mathematics.
pub(super) fn equivalent(found: &str, wanted: &str) -> bool {
    if found.len() > LONGEST || wanted.len() > LONGEST {
        return found == wanted;
    }
    same(&normal(found), &normal(wanted), 0)
}

fn same(a: &str, b: &str, depth: u8) -> bool {
    if a == b || depth > DEEPEST {
        return a == b && !a.is_empty();
    }
    match (value(a), value(b)) {
        (Some(x), Some(y)) => {
            x.equals(&y) || (a.ends_with('%') != b.ends_with('%') && (x.percent_of(&y) || y.percent_of(&x)))
        }
        _ if without_unit(a).is_some() || without_unit(b).is_some() => {
            same(without_unit(a).unwrap_or(a), without_unit(b).unwrap_or(b), depth + 1)
        }
        _ => match (Parts::of(a), Parts::of(b)) {
            (Some(a), Some(b)) => a.are(&b, depth + 1),
            _ => same_function(a, b),
        },
    }
}

/// What brackets hold, or what commas or the mark of a union part.
struct Parts {
    shape: Shape,
    parts: Vec<String>,
}

#[derive(PartialEq, Eq)]
enum Shape {
    /// In braces, or without brackets.
    Set,
    Union,
    /// A tuple, an interval, a matrix.
    Within(char, char),
}

const UNION: &str = "\\cup";
const EITHER: &str = "\\pm";

impl Parts {
    /// The parts of a union, of a list without brackets, or of brackets that hold two or more, braces one or more.
    fn of(text: &str) -> Option<Self> {
        let united = split(text, &[UNION]);
        if united.len() > 1 {
            return Some(Self { shape: Shape::Union, parts: united });
        }
        let listed: Vec<String> = split(text, &[","]).iter().flat_map(|part| either(part)).collect();
        if listed.len() > 1 {
            return Some(Self { shape: Shape::Set, parts: unnamed(listed) });
        }
        let (open, close) = (text.chars().next()?, text.chars().next_back()?);
        if !matches!(open, '(' | '[' | '{') || !matches!(close, ')' | ']' | '}') || text.len() < 2 {
            return None;
        }
        let parts: Vec<String> =
            split(&text[1..text.len() - 1], &[",", ";"]).iter().flat_map(|part| either(part)).collect();
        let shape = if (open, close) == ('{', '}') { Shape::Set } else { Shape::Within(open, close) };
        (shape == Shape::Set || parts.len() > 1).then_some(Self { shape, parts })
    }

    fn are(&self, other: &Self, depth: u8) -> bool {
        let (xs, ys) = (&self.parts, &other.parts);
        let all_in = |xs: &[String], ys: &[String]| xs.iter().all(|x| ys.iter().any(|y| same(x, y, depth)));
        let shape = self.shape == other.shape && xs.len() == ys.len();
        shape
            && xs.len() <= MOST_PARTS
            && match self.shape {
                Shape::Set | Shape::Union => all_in(xs, ys) && all_in(ys, xs),
                Shape::Within(..) => xs.iter().zip(ys).all(|(x, y)| same(x, y, depth)),
            }
    }
}

/// The pieces between marks that stand outside all brackets.
fn split(text: &str, marks: &[&str]) -> Vec<String> {
    let (mut depth, mut from, mut found) = (0i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ if depth != 0 => {}
            _ => {
                if let Some(mark) = marks.iter().find(|mark| text[at..].starts_with(**mark)) {
                    found.push(text[from..at].to_owned());
                    from = at + mark.len();
                }
            }
        }
    }
    found.push(text[from..].to_owned());
    found.retain(|part| !part.is_empty());
    found
}

/// Both values of an expression with a plus-or-minus sign.
fn either(text: &str) -> Vec<String> {
    if !text.contains(EITHER) || text.contains("\\pmod") {
        return vec![text.to_owned()];
    }
    vec![text.replace(EITHER, "+"), text.replace(EITHER, "-")]
}

/// The values of one variable without its name: `x=1` and `x=2`, or `x=1` and `2`, but not `x=1` and `y=2`.
fn unnamed(parts: Vec<String>) -> Vec<String> {
    let mut names: Vec<&str> = parts.iter().filter_map(|part| without_name(part)).map(|(name, _)| name).collect();
    names.dedup();
    if names.len() != 1 {
        return parts;
    }
    parts.iter().map(|part| without_name(part).map_or(part.as_str(), |(_, value)| value).to_owned()).collect()
}

/// Units that are read behind a number; in LaTeX text any word is.
const UNITS: [&str; 34] = [
    "centimeters",
    "meters",
    "kilometers",
    "inches",
    "feet",
    "miles",
    "yards",
    "grams",
    "kilograms",
    "pounds",
    "liters",
    "seconds",
    "minutes",
    "hours",
    "days",
    "weeks",
    "months",
    "years",
    "degrees",
    "units",
    "squareunits",
    "cubicunits",
    "percent",
    "mph",
    "cm",
    "mm",
    "km",
    "kg",
    "ml",
    "cm^2",
    "m^2",
    "cm^3",
    "m^3",
    "kmh",
];

/// A number without the unit behind it.
fn without_unit(text: &str) -> Option<&str> {
    UNITS
        .iter()
        .filter_map(|unit| text.strip_suffix(unit))
        .min_by_key(|rest| rest.len())
        .filter(|rest| value(rest).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_forms_are_equal() {
        let rows = [
            ("\\frac{1}{2}", "0.5", true),
            ("\\dfrac12", "1/2", true),
            ("50\\%", "0.5", true),
            ("50\\%", "50", true),
            ("1,234", "1234", true),
            ("2\\sqrt{3}", "\\sqrt{12}", true),
            ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}", true),
            ("(1, \\frac{1}{2})", "(1,0.5)", true),
            ("(1, 2)", "(2, 1)", false),
            ("(1, 2]", "(1, 2)", false),
            ("\\{1, 2\\}", "\\{2,1\\}", true),
            ("\\{1, 2\\}", "\\{1\\}", false),
            ("[0,\\infty)", "[0, ∞)", true),
            ("x = 5", "5", true),
            ("5\\text{ cm}", "5", true),
            ("\\text{yes}", "yes", true),
            ("-\\frac{3}{4}", "-0.75", true),
            ("2^{10}", "1024", true),
            ("3\\pi", "9.42477796076938", true),
            ("1/3", "0.3333", false),
            ("0.1+0.2", "0.3", true),
            ("x^2+1", "x^2 + 1", true),
            ("x^2+1", "1+x^2", true),
            ("(x+1)^2", "x^2+2x+1", true),
            ("(x+1)^2", "x^2+2x+2", false),
            ("\\frac{2a}{b}", "2a/b", true),
            ("1+2i", "2i+1", true),
            ("east", "seat", false),
            ("1\\frac{1}{2}", "\\frac32", true),
            ("-1 1/2", "-1.5", true),
            ("2\\frac{\\sqrt2}{2}", "\\sqrt2", true),
            ("2.5e3", "2500", true),
            ("2.5\\times10^{-3}", "0.0025", true),
            ("5 cm", "5\\text{ cm}", true),
            ("5 cm", "6 cm", false),
            ("x \\in [0, 1]", "[0,1]", true),
            ("\\text{(A)}", "A", true),
            ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", true),
            ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}12\\end{pmatrix}", false),
            ("", "", false),
        ];
        for (a, b, equal) in rows {
            assert_eq!(equivalent(a, b), equal, "{a} and {b}");
        }
    }

    #[test]
    fn lists_unions_and_matrices_are_compared_by_their_parts() {
        let rows = [
            ("1, 2", "2,1", true),
            ("1, 2", "2,3", false),
            ("1, 2", "(1, 2)", false),
            ("x=1 \\text{ or } x=2", "2, 1", true),
            ("x=1, y=2", "y=1, x=2", false),
            ("1 \\pm \\sqrt{2}", "1-\\sqrt2, 1+\\sqrt2", true),
            ("(1,2), (3,4)", "(3,4),(1,2)", true),
            ("(1,2), (3,4)", "(2,1),(3,4)", false),
            ("2, 3, \\text{ and } 4", "4,2,3", true),
            ("(-\\infty,2)\\cup(3,\\infty)", "(3,∞) ∪ (-∞,2)", true),
            ("(-\\infty,2)\\cup(3,\\infty)", "(-\\infty,2)\\cup[3,\\infty)", false),
            (
                "\\begin{pmatrix} 1 & 0.5 \\\\ 3 & 4 \\end{pmatrix}",
                "\\begin{bmatrix}1&\\frac12\\\\3&4\\end{bmatrix}",
                true,
            ),
            (
                "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
                "\\begin{pmatrix} 3 & 4 \\\\ 1 & 2 \\end{pmatrix}",
                false,
            ),
            ("12 \\text{ cm}^2", "12", true),
            ("1{,}000{,}000", "10^6", true),
            ("k \\geq 3", "k \\ge 3", true),
            ("k > 3", "k \\ge 3", false),
            ("11_{2}", "11_2", true),
            ("11_{2}", "11_3", false),
            ("5!", "120", true),
            ("\\binom{5}{2}", "10", true),
            ("\\sqrt{x^2}", "|x|", true),
            ("\\sqrt{x^2}", "x", false),
            ("|-3|", "3", true),
            ("|xy|", "xy", false),
            ("|xy|", "|x|*|y|", true),
            ("\\frac{-b+\\sqrt{b^2-4ac}}{2a}", "(\\sqrt{b^2 - 4ac} - b)/(2a)", true),
            ("\\sqrt{x}", "-\\sqrt{x}", false),
            ("", "", false),
        ];
        for (a, b, equal) in rows {
            assert_eq!(equivalent(a, b), equal, "{a} and {b}");
        }
    }
}
