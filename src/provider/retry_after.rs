//! How long a provider asks to wait, in all the forms seen in the field.

use std::time::Duration;
use std::time::SystemTime;

use super::Head;

/// The wait that `head` asks for; a hint from the body counts where no header is usable.
///
/// `retry-after-ms` is the exact form and wins over `retry-after`. Of several usable `retry-after` values the longest
/// holds. A date is read against the server's own `date`, so that a skewed clock does no harm; without one it is
/// ignored. A wait of zero or less, or no number at all, asks for nothing.
pub fn wait(head: &Head, body_seconds: Option<f64>) -> Option<Duration> {
    let values =
        |name: &'static str| head.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str());
    let exact = values("retry-after-ms").filter_map(|ms| positive(ms.trim().parse::<f64>().ok()? / 1000.0)).max();
    let sent = values("date").find_map(|date| httpdate::parse_http_date(date.trim()).ok());
    let plain = values("retry-after").filter_map(|value| seconds_or_date(value.trim(), sent)).max();
    exact.or(plain).or_else(|| positive(body_seconds?))
}

/// Whether the provider wants the request repeated: the header `x-should-retry`, which the SDKs of OpenAI and Anthropic
/// obey (`_base_client.py`). Of contradicting values the one that repeats nothing holds.
pub fn advice(head: &Head) -> Option<bool> {
    let said = head.headers.iter().filter(|(name, _)| name == "x-should-retry");
    said.filter_map(|(_, value)| value.trim().to_ascii_lowercase().parse().ok()).reduce(|a, b| a && b)
}

fn seconds_or_date(value: &str, sent: Option<SystemTime>) -> Option<Duration> {
    if let Ok(seconds) = value.parse::<f64>() {
        return positive(seconds);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    until.duration_since(sent?).ok().filter(|wait| !wait.is_zero())
}

/// A wait of this many seconds, if it is a positive number that a duration can hold.
fn positive(seconds: f64) -> Option<Duration> {
    if seconds > 0.0 { Duration::try_from_secs_f64(seconds).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: (&str, &str) = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");

    #[track_caller]
    fn check(headers: &[(&str, &str)], body: Option<f64>, expected: Option<f64>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let head = Head { headers, ..Head::default() };
        assert_eq!(wait(&head, body), expected.map(Duration::from_secs_f64), "{:?}", head.headers);
    }

    #[test]
    fn every_form_is_read() {
        check(&[("retry-after", "3")], None, Some(3.0));
        check(&[("retry-after", "0.5")], None, Some(0.5));
        check(&[DATE, ("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT")], None, Some(7.0));
        check(&[DATE, ("retry-after", "Sunday, 22-Nov-26 10:00:07 GMT")], None, Some(7.0));
        check(&[DATE, ("retry-after", "Sun Nov 22 10:00:07 2026")], None, Some(7.0));
        check(&[("retry-after-ms", "250")], None, Some(0.25));
        check(&[], Some(30.0), Some(30.0));
        check(&[("retry-after", "999999")], None, Some(999_999.0));
    }

    #[test]
    fn the_advice_is_true_or_false_and_nothing_else() {
        let said = |values: &[&str]| {
            let headers = values.iter().map(|value| ("x-should-retry".to_owned(), (*value).to_owned())).collect();
            advice(&Head { headers, ..Head::default() })
        };
        assert_eq!(said(&["true"]), Some(true));
        assert_eq!(said(&[" False "]), Some(false));
        assert_eq!(said(&["true", "false"]), Some(false));
        assert_eq!((said(&[]), said(&["yes"]), said(&[""])), (None, None, None));
    }

    #[test]
    fn what_asks_for_nothing_is_nothing() {
        check(&[DATE, ("retry-after", "Sun, 22 Nov 2026 09:59:00 GMT")], None, None);
        check(&[("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT")], None, None);
        for value in ["-1", "0", "abc", "", "NaN", "inf", "1e400"] {
            check(&[("retry-after", value)], None, None);
        }
        check(&[], Some(-1.0), None);
    }

    #[test]
    fn the_exact_form_wins_and_of_equals_the_longest() {
        check(&[("retry-after", "3"), ("retry-after", "9")], None, Some(9.0));
        check(&[("retry-after", "abc"), ("retry-after", "9")], None, Some(9.0));
        check(&[("retry-after", "3"), ("retry-after-ms", "250")], None, Some(0.25));
        check(&[("retry-after", "3"), ("retry-after-ms", "x")], Some(30.0), Some(3.0));
    }
}
