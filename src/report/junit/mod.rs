//! `junit.xml`: a suite per cell, a case per trial. A wrong answer is a failure; trouble on the path is an error.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::artifact::Artifact;
use super::escape::xml;
use super::row::Row;
use crate::analyze::compare::Comparison;
use crate::analyze::compare::Comparisons;
use crate::analyze::compare::Verdict;
use crate::analyze::summary::CellKey;
use crate::report::table::compare::change;
use crate::report::table::compare::p_value;
use crate::report::table::compare::word;

/// Longest text of a message: servers cut them anyway.
const LONGEST: usize = 2000;

/// Collects trials, then writes the file.
#[derive(Debug, Default)]
pub struct Report {
    suites: BTreeMap<CellKey, Suite>,
    arms: Vec<(String, Suite)>,
}

#[derive(Debug, Default)]
struct Suite {
    cases: String,
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
    seconds: f64,
}

impl Report {
    /// Adds a trial's last attempt; others and warm-ups are left out.
    pub fn push(&mut self, row: &Row) {
        if row.is_last && row.cell_index.is_some() {
            self.suites.entry(row.cell.clone()).or_default().push(row);
        }
    }

    /// Adds the lines of comparisons that gate: a regression is a failure, an open question is an error.
    pub fn compare(&mut self, found: &[Comparisons]) {
        for one in found.iter().filter(|one| one.gates) {
            let name = format!("{} against {}", one.candidate, one.baseline);
            let mut suite = Suite::default();
            for line in one.comparisons.iter().filter(|line| line.gates) {
                suite.compare(&name, line);
            }
            self.arms.push((name, suite));
        }
    }

    /// The file.
    pub fn render(&self, name: &str) -> Artifact {
        let suites = self.suites.values().chain(self.arms.iter().map(|(_, suite)| suite));
        let sum = |pick: fn(&Suite) -> u64| suites.clone().map(pick).sum::<u64>();
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
            xml(name),
            sum(|s| s.tests),
            sum(|s| s.failures),
            sum(|s| s.errors),
            sum(|s| s.skipped),
        );
        for (key, suite) in &self.suites {
            suite.write(&format!("{} {} {} {}", key.target, key.mode, key.prompt, key.load), &mut text);
        }
        for (name, suite) in &self.arms {
            suite.write(name, &mut text);
        }
        Artifact::text("junit.xml", text + "</testsuites>\n")
    }
}

impl Suite {
    fn write(&self, name: &str, text: &mut String) {
        let _ = write!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n{}  </testsuite>\n",
            xml(name),
            self.tests,
            self.failures,
            self.errors,
            self.skipped,
            self.seconds,
            self.cases
        );
    }

    fn compare(&mut self, class: &str, line: &Comparison) {
        self.tests += 1;
        let name = format!("{} {}", line.metric, line.slice);
        let _ = write!(self.cases, "    <testcase name=\"{}\" classname=\"{}\"", xml(&name), xml(class));
        let what = format!("{}: {}, p {}", line.metric, change(line), p_value(line.p_adjusted));
        let kind = match line.verdict {
            Verdict::Regressed => {
                self.failures += 1;
                "failure"
            }
            Verdict::Inconclusive => {
                self.errors += 1;
                "error"
            }
            Verdict::Improved | Verdict::Equivalent => {
                self.cases += "/>\n";
                return;
            }
        };
        let problem = element(kind, line.verdict.name(), &format!("{}: {what}", word(line)), &line.notes.join("\n"));
        self.cases.extend([">", &problem, "</testcase>\n"]);
    }

    fn push(&mut self, row: &Row) {
        let seconds = row.e2e_ms.filter(|ms| ms.is_finite()).unwrap_or(0.0) / 1000.0;
        self.tests += 1;
        self.seconds += seconds;
        let class = format!("{}.{}", row.cell.target, row.cell.mode);
        let _ = write!(
            self.cases,
            "    <testcase name=\"{} #{}\" classname=\"{}\" time=\"{seconds:.3}\"",
            xml(row.case.as_str()),
            row.repeat + 1,
            xml(&class)
        );
        let rest = self.problem(row).map_or("/>\n".to_owned(), |element| format!(">{element}</testcase>\n"));
        self.cases += &rest;
    }

    /// The element inside a case that did not simply pass.
    fn problem(&mut self, row: &Row) -> Option<String> {
        if row.outcome.is_infra() {
            self.errors += 1;
            let message = format!("{} {}", row.outcome.name(), row.detail);
            return Some(element("error", row.outcome.name(), &message, &row.message));
        }
        if row.pass == Some(false) {
            self.failures += 1;
            let failed: Vec<&crate::analyze::summary::VerdictLine> =
                row.verdicts.iter().filter(|line| line.verdict != "pass").collect();
            let kind = failed.first().map_or("score", |line| line.grader.as_str());
            let why: Vec<String> = failed.iter().map(|line| format!("{}: {}", line.grader, line.why)).collect();
            let body = format!("{}\n\nanswer: {}", why.join("\n"), row.answer);
            return Some(element("failure", kind, why.first().map_or("failed", String::as_str), &body));
        }
        if row.pass.is_none() && !row.verdicts.is_empty() {
            self.skipped += 1;
            return Some("<skipped message=\"not judged\"/>".to_owned());
        }
        None
    }
}

fn element(name: &str, kind: &str, message: &str, body: &str) -> String {
    let cut = |text: &str| xml(&text.chars().take(LONGEST).collect::<String>()).replace('\n', "&#10;");
    format!("<{name} type=\"{}\" message=\"{}\">{}</{name}>", cut(kind), cut(message), cut(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Outcome;
    use crate::report::hostile::CORPUS;
    use crate::report::sample;

    fn rows() -> Vec<Row> {
        let summary = sample::summary();
        let mut rows = sample::rows(&summary);
        rows.truncate(4);
        rows[1].pass = Some(false);
        rows[2].outcome = Outcome::RateLimited;
        rows[2].detail = "429".into();
        rows[3].pass = None;
        rows
    }

    fn written(rows: &[Row]) -> String {
        let mut report = Report::default();
        for row in rows {
            report.push(row);
        }
        String::from_utf8(report.render("quickstart").bytes).unwrap()
    }

    #[test]
    fn failures_stand_apart_from_errors() {
        let text = written(&rows());
        assert!(text.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_regression_is_a_failure_and_an_open_question_an_error() {
        let mut found = crate::analyze::compare::sample::comparisons();
        found.comparisons[2].gates = true;
        found.comparisons[2].slice = "tag=<b>".into();
        let mut report = Report::default();
        report.compare(&[found.clone()]);
        let text = String::from_utf8(report.render("quickstart").bytes).unwrap();
        assert!(text.contains("tests=\"2\" failures=\"1\" errors=\"1\""), "{text}");
        assert!(text.contains("<failure type=\"regressed\"") && text.contains("tag=&lt;b&gt;"), "{text}");
        found.gates = false;
        let mut silent = Report::default();
        silent.compare(&[found]);
        assert!(String::from_utf8(silent.render("quickstart").bytes).unwrap().contains("tests=\"0\""));
    }

    #[test]
    fn hostile_text_is_legal_xml() {
        let mut rows = rows();
        let tags = regex::Regex::new("<[^>]*>").unwrap();
        let ours = regex::Regex::new("^<(\\?xml|/?testsuites?|/?testcase|/?failure|/?error|skipped)\\b").unwrap();
        for nasty in CORPUS {
            for row in &mut rows {
                row.answer = (*nasty).to_owned();
                row.message = (*nasty).to_owned();
                row.case = (*nasty).into();
                row.verdicts[0].why = (*nasty).to_owned();
            }
            let text = written(&rows);
            let illegal = |c: char| {
                c.is_control() && !matches!(c, '\n' | '\t' | '\r') && (c as u32) < 0x20
                    || c == '\u{fffe}'
                    || c == '\u{ffff}'
            };
            assert!(!text.contains(illegal), "{nasty:?}");
            // Every tag is one of ours: nothing from the corpus opens an element, a comment or a section.
            assert!(tags.find_iter(&text).all(|tag| ours.is_match(tag.as_str())), "{nasty:?}\n{text}");
            assert!(!text.contains("]]>"), "{nasty:?}");
        }
    }
}
