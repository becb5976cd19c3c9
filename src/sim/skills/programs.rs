//! Small Python functions that every textbook has, for prompts that ask for one by its name.

use std::sync::LazyLock;

use regex::Regex;

use super::Question;
use crate::domain::random::Stream;

static ASKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)python function `([a-z_][a-z0-9_]*)\(").expect("tested"));

/// Answers with the function that is asked for, where it is a known one; with `slip` it returns nothing.
pub(super) fn answer(question: &Question, slip: bool, _stream: &mut Stream) -> Option<String> {
    let asked = ASKED.captures(question.text)?;
    let (_, source) = PROGRAMS.iter().find(|(name, _)| *name == &asked[1])?;
    let source = source.trim_start_matches('\n');
    let source = if slip { without_result(source) } else { source.to_owned() };
    Some(format!("```python\n{source}```"))
}

/// The program with its last result forgotten, as beginners do.
fn without_result(source: &str) -> String {
    source.rsplit_once("return ").map_or_else(|| source.to_owned(), |(head, _)| format!("{head}return None\n"))
}

const PROGRAMS: &[(&str, &str)] = &[
    (
        "running_total",
        r"
def running_total(numbers):
    sums, total = [], 0
    for number in numbers:
        total += number
        sums.append(total)
    return sums
",
    ),
    (
        "is_leap",
        r"
def is_leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
",
    ),
    (
        "count_vowels",
        r"
def count_vowels(text):
    return sum(letter in 'aeiou' for letter in text.lower())
",
    ),
    (
        "second_largest",
        r"
def second_largest(numbers):
    distinct = sorted(set(numbers))
    return distinct[-2] if len(distinct) > 1 else None
",
    ),
    (
        "to_roman",
        r"
def to_roman(n):
    numerals = [(1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'), (50, 'L'),
                (40, 'XL'), (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I')]
    text = ''
    for value, numeral in numerals:
        text += numeral * (n // value)
        n %= value
    return text
",
    ),
    (
        "merge_sorted",
        r"
def merge_sorted(a, b):
    return sorted(a + b)
",
    ),
    (
        "word_lengths",
        r"
def word_lengths(text):
    return {word: len(word) for word in text.split()}
",
    ),
    (
        "is_balanced",
        r"
def is_balanced(text):
    partner, still_open = {')': '(', ']': '[', '}': '{'}, []
    for letter in text:
        if letter in '([{':
            still_open.append(letter)
        elif letter in partner:
            if not still_open or still_open.pop() != partner[letter]:
                return False
    return not still_open
",
    ),
    (
        "gcd_list",
        r"
def gcd_list(numbers):
    divisor = 0
    for number in numbers:
        while number:
            divisor, number = number, divisor % number
    return divisor
",
    ),
    (
        "transpose",
        r"
def transpose(rows):
    return [list(column) for column in zip(*rows)]
",
    ),
    (
        "dedupe",
        r"
def dedupe(items):
    return list(dict.fromkeys(items))
",
    ),
    (
        "caesar",
        r"
def caesar(text, shift):
    def move(letter):
        for first in 'aA':
            if ord(first) <= ord(letter) < ord(first) + 26:
                return chr(ord(first) + (ord(letter) - ord(first) + shift) % 26)
        return letter
    return ''.join(move(letter) for letter in text)
",
    ),
    (
        "flatten",
        r"
def flatten(value):
    if not isinstance(value, list):
        return [value]
    return [item for inner in value for item in flatten(inner)]
",
    ),
    (
        "most_common",
        r"
def most_common(text):
    letters = [letter for letter in text.lower() if letter.isalpha()]
    return min(letters, key=lambda letter: (-letters.count(letter), letter), default=None)
",
    ),
    (
        "chunks",
        r"
def chunks(items, size):
    return [items[at:at + size] for at in range(0, len(items), size)]
",
    ),
    (
        "primes",
        r"
def primes(n):
    return [k for k in range(2, n + 1) if all(k % d for d in range(2, int(k ** 0.5) + 1))]
",
    ),
    (
        "parse_pairs",
        r"
def parse_pairs(text):
    pairs = (part.split('=', 1) for part in text.split(';') if '=' in part)
    return {name.strip(): value.strip() for name, value in pairs}
",
    ),
    (
        "binary_search",
        r"
def binary_search(items, wanted):
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < len(items) and items[low] == wanted else -1
",
    ),
    (
        "hours",
        r"
def hours(seconds):
    return f'{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}'
",
    ),
    (
        "collatz",
        r"
def collatz(n):
    steps = 0
    while n != 1:
        n = 3 * n + 1 if n % 2 else n // 2
        steps += 1
    return steps
",
    ),
    (
        "compress",
        r"
def compress(text):
    runs = []
    for letter in text:
        if runs and runs[-1][0] == letter:
            runs[-1][1] += 1
        else:
            runs.append([letter, 1])
    return ''.join(letter + str(count) for letter, count in runs)
",
    ),
    (
        "intersect",
        r"
def intersect(a, b):
    return sorted(set(a) & set(b))
",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_function_is_written_and_a_slip_forgets_its_result() {
        let text = "Write a Python function `is_leap(year)` that tells whether a year is a leap year.";
        let question = Question { text, all: text.to_owned(), context: String::new() };
        let said = |slip| answer(&question, slip, &mut Stream::new(1, "x")).unwrap();
        assert!(said(false).starts_with("```python\ndef is_leap(year):\n    return year % 4"));
        assert!(said(true).ends_with("    return None\n```"));
        let text = "Write a Python function `fold(x)`.";
        let question = Question { text, all: text.to_owned(), context: String::new() };
        assert_eq!(answer(&question, false, &mut Stream::new(1, "x")), None);
    }
}
