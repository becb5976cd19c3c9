//! `trials.csv`: one row per attempt. Numbers are numbers; texts cannot begin a formula.

use std::io;
use std::io::Write;

use serde::Serialize;

use super::escape;
use super::row::Row;
use crate::analyze::summary::VerdictLine;

/// The columns, a public contract.
pub const COLUMNS: [&str; 31] = [
    "trial",
    "attempt",
    "target",
    "model",
    "provider",
    "mode",
    "prompt",
    "case",
    "repeat",
    "load",
    "outcome",
    "http_status",
    "finish_reason",
    "response_model",
    "queue_ms",
    "ttfb_ms",
    "ttft_ms",
    "ttfa_ms",
    "e2e_ms",
    "tpot_ms",
    "itl_max_ms",
    "input_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "output_tokens",
    "output_tps",
    "cost_usd",
    "cost_basis",
    "pass",
    "score",
    "verdicts",
];

/// The last columns: texts of any length.
const TEXTS: [&str; 2] = ["answer", "warnings"];

/// Writes rows one by one to any sink; memory does not grow with their number.
pub struct Table<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> Table<W> {
    /// Begins a table with its header.
    ///
    /// # Errors
    /// The sink's own.
    pub fn new(sink: W) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(sink);
        out.write_record(COLUMNS.iter().chain(&TEXTS)).map_err(io::Error::other)?;
        Ok(Self { out })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// The sink's own.
    pub fn push(&mut self, row: &Row) -> io::Result<()> {
        self.names(row)?;
        self.figures(row)?;
        self.text(&verdicts(&row.verdicts))?;
        self.text(&row.answer)?;
        self.text(&row.warnings.join("; "))?;
        self.out.write_record(None::<&[u8]>).map_err(io::Error::other)
    }

    /// Ends the table and returns the sink.
    ///
    /// # Errors
    /// The sink's own.
    pub fn finish(self) -> io::Result<W> {
        self.out.into_inner().map_err(|e| io::Error::other(e.to_string()))
    }

    fn names(&mut self, row: &Row) -> io::Result<()> {
        self.number(Some(row.trial))?;
        self.number(Some(row.attempt))?;
        self.text(row.cell.target.as_str())?;
        self.text(&row.model)?;
        self.text(&row.provider)?;
        self.text(row.cell.mode.as_str())?;
        self.text(row.cell.prompt.as_str())?;
        self.text(row.case.as_str())?;
        self.number(Some(row.repeat))?;
        self.text(row.cell.load.as_str())?;
        self.text(row.outcome.name())?;
        self.number(row.http_status)?;
        self.text(row.finish_reason.as_deref().unwrap_or_default())?;
        self.text(row.response_model.as_deref().unwrap_or_default())
    }

    fn figures(&mut self, row: &Row) -> io::Result<()> {
        let times = [row.queue_ms, row.ttfb_ms, row.ttft_ms, row.ttfa_ms, row.e2e_ms, row.tpot_ms, row.itl_max_ms];
        for time in times {
            self.real(time)?;
        }
        for tokens in [row.input_tokens, row.cached_tokens, row.reasoning_tokens, row.output_tokens] {
            self.number(tokens)?;
        }
        self.real(row.output_tps)?;
        self.real(row.cost_usd)?;
        self.text(row.cost_basis.name())?;
        self.number(row.pass)?;
        self.real(row.score)
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.out.write_field(escape::csv(text).as_bytes()).map_err(io::Error::other)
    }

    fn number(&mut self, value: Option<impl ToString>) -> io::Result<()> {
        let text = value.map(|v| v.to_string()).unwrap_or_default();
        self.out.write_field(text).map_err(io::Error::other)
    }

    /// The shortest decimal that reads back as the same number; nothing for what is not finite.
    fn real(&mut self, value: Option<f64>) -> io::Result<()> {
        self.number(value.filter(|v| v.is_finite()))
    }
}

/// The whole table in memory, for small runs and tests.
pub fn text<'a>(rows: impl IntoIterator<Item = &'a Row>) -> io::Result<Vec<u8>> {
    let mut table = Table::new(Vec::new())?;
    for row in rows {
        table.push(row)?;
    }
    table.finish()
}

#[derive(Serialize)]
struct Line<'a> {
    grader: &'a str,
    verdict: &'a str,
    value: Option<f64>,
    why: &'a str,
    version: &'a str,
}

/// Verdicts as compact JSON; empty where nothing was judged.
fn verdicts(lines: &[VerdictLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let list: Vec<Line<'_>> = lines
        .iter()
        .map(|line| Line {
            grader: line.grader.as_str(),
            verdict: line.verdict,
            value: line.value.filter(|v| v.is_finite()),
            why: &line.why,
            version: &line.version,
        })
        .collect();
    serde_json::to_string(&list).expect("strings and finite numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::hostile::CORPUS;
    use crate::report::sample;

    /// The header as the contract writes it.
    const HEADER: &str = "trial,attempt,target,model,provider,mode,prompt,case,repeat,load,outcome,http_status,finish_reason,response_model,queue_ms,ttfb_ms,ttft_ms,ttfa_ms,e2e_ms,tpot_ms,itl_max_ms,input_tokens,cached_tokens,reasoning_tokens,output_tokens,output_tps,cost_usd,cost_basis,pass,score,verdicts,answer,warnings";

    #[test]
    fn the_header_is_the_contract() {
        let bytes = text(&[]).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap().trim_end(), HEADER);
    }

    #[test]
    fn hostile_answers_survive_and_do_nothing() {
        let summary = sample::summary();
        let mut rows = sample::rows(&summary);
        rows.truncate(CORPUS.len());
        for (row, nasty) in rows.iter_mut().zip(CORPUS) {
            row.answer = (*nasty).to_owned();
            row.model = (*nasty).to_owned();
            row.score = Some(-1.5);
        }
        let bytes = text(&rows).unwrap();
        let mut reader = csv::Reader::from_reader(&*bytes);
        let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(read.len(), CORPUS.len());
        for (record, nasty) in read.iter().zip(CORPUS) {
            assert_eq!(&record[29], "-1.5");
            for field in [&record[3], &record[13], &record[31]] {
                assert!(
                    !field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']),
                    "{field:?}"
                );
            }
            assert_eq!(
                record[31].trim_start_matches('\'').replace('\0', ""),
                nasty.trim_start_matches('\'').replace('\0', "")
            );
            let verdicts: serde_json::Value = serde_json::from_str(&record[30]).unwrap();
            assert!(verdicts.is_array());
        }
    }

    #[test]
    fn unknown_is_empty() {
        let summary = sample::summary();
        let mut row = sample::rows(&summary).remove(0);
        row.ttft_ms = None;
        row.e2e_ms = Some(f64::INFINITY);
        row.pass = None;
        row.verdicts.clear();
        let bytes = text(&[row]).unwrap();
        let record = csv::Reader::from_reader(&*bytes).records().next().unwrap().unwrap();
        for column in ["ttft_ms", "e2e_ms", "pass", "verdicts"] {
            let at = COLUMNS.iter().position(|c| *c == column).unwrap();
            assert_eq!(&record[at], "", "{column}");
        }
    }
}
