//! Objectives and warnings that say the same of many cells, said once.

use std::collections::BTreeSet;

use crate::analyze::summary::SloResult;
use crate::analyze::summary::SloVerdict;
use crate::analyze::summary::Warning;

/// One objective over all cells that it covers.
#[derive(Debug)]
pub(crate) struct Objective<'a> {
    /// The objective as written.
    pub(crate) slo: &'a str,
    /// Its results, worst first.
    pub(crate) results: Vec<&'a SloResult>,
}

impl Objective<'_> {
    /// Cells with this verdict.
    pub(crate) fn count(&self, verdict: SloVerdict) -> usize {
        self.results.iter().filter(|r| r.verdict == verdict).count()
    }

    /// The worst verdict of any cell.
    pub(crate) fn verdict(&self) -> SloVerdict {
        self.results.first().map_or(SloVerdict::Inconclusive, |r| r.verdict)
    }

    /// Verdicts with the number of their cells: `1 missed, 15 inconclusive`.
    pub(crate) fn counts(&self) -> String {
        let of = |verdict: SloVerdict| {
            (self.count(verdict) > 0).then(|| format!("{} {}", self.count(verdict), verdict.name()))
        };
        let parts: Vec<String> = ORDER.into_iter().filter_map(of).collect();
        parts.join(", ")
    }
}

const ORDER: [SloVerdict; 3] = [SloVerdict::Missed, SloVerdict::Inconclusive, SloVerdict::Met];

/// Results by objective, in the order of the suite.
pub(crate) fn objectives(slos: &[SloResult]) -> Vec<Objective<'_>> {
    let mut groups: Vec<Objective<'_>> = Vec::new();
    for result in slos {
        match groups.iter_mut().find(|g| g.slo == result.slo) {
            Some(group) => group.results.push(result),
            None => groups.push(Objective { slo: &result.slo, results: vec![result] }),
        }
    }
    for group in &mut groups {
        group.results.sort_by_key(|r| ORDER.iter().position(|v| *v == r.verdict));
    }
    groups
}

/// Warnings of one kind, the most severe kind first.
pub(crate) fn warnings(all: &[Warning]) -> Vec<Vec<&Warning>> {
    let mut groups: Vec<Vec<&Warning>> = Vec::new();
    for warning in all {
        match groups.iter_mut().find(|g| g[0].code == warning.code && g[0].severity == warning.severity) {
            Some(group) => group.push(warning),
            None => groups.push(vec![warning]),
        }
    }
    groups
}

/// The cells that a group of warnings is about: `a minimal c1 and 14 more cells`; empty for the run.
pub(crate) fn place(group: &[&Warning]) -> String {
    let Some(key) = group.first().and_then(|w| w.cell.as_ref()) else { return String::new() };
    let first = format!("{} {} {} {}", key.target, key.mode, key.prompt, key.load);
    let cells: BTreeSet<_> = group.iter().filter_map(|warning| warning.cell.as_ref()).collect();
    match cells.len() - 1 {
        0 => first,
        1 => format!("{first} and 1 more cell"),
        more => format!("{first} and {more} more cells"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_is_the_same_is_said_once() {
        let summary = sample::summary();
        let groups = objectives(&summary.slos);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].counts(), "1 missed, 1 met");
        assert_eq!(groups[0].verdict(), SloVerdict::Missed);
        let mut many = vec![summary.warnings[0].clone(); 3];
        for (n, warning) in many.iter_mut().enumerate() {
            warning.cell = Some(summary.cells[n].key.clone());
        }
        let groups = warnings(&many);
        assert_eq!(groups.len(), 1);
        assert_eq!(place(&groups[0]), "seed-2.0-mini minimal terse c1 and 2 more cells");
        let twice = [many[0].clone(), many[0].clone()];
        assert_eq!(place(&warnings(&twice)[0]), "seed-2.0-mini minimal terse c1");
    }
}
