//! Comparisons within a run that could stop on what it saw: only evidence that stands being looked at decides, and no
//! p value for a fixed number of cases is shown.

use super::gate::Verdict;
use super::judge::Draft;
use super::judge::Judge;
use crate::analyze::early::Answered;
use crate::analyze::early::Stopping;
use crate::analyze::early::Word;

const INDICATIVE: &str =
    "the run could stop early: this line's interval is for a fixed number of cases, and it has no p";

/// Puts what was decided early in the place of the tests of a pair of cells.
pub(super) fn overrule(drafts: &mut [Draft], stopping: &Stopping, cells: Option<(usize, usize)>) {
    let Some(cells) = cells.filter(|(a, b)| stopping.could_end(*a) || stopping.could_end(*b)) else { return };
    let asked = stopping.comparison(cells);
    let quality = ["pass_rate", "score"];
    let decisive = quality.iter().find_map(|name| drafts.iter().position(|draft| draft.comparison.metric == *name));
    for (at, draft) in drafts.iter_mut().enumerate() {
        match asked.filter(|_| decisive == Some(at)) {
            Some(asked) => settle(draft, asked),
            None if draft.comparison.p_value.is_some() => {
                draft.comparison.p_value = None;
                draft.comparison.p_exact = None;
                draft.comparison.p_noninferior = None;
                draft.comparison.notes.push(INDICATIVE.into());
            }
            None => {}
        }
    }
}

fn settle(draft: &mut Draft, asked: &Answered) {
    let line = &mut draft.comparison;
    line.test = "e-process";
    line.n_pairs = asked.n;
    if line.b.is_some() {
        (line.b, line.c) = (Some(asked.discordant[0]), Some(asked.discordant[1]));
    }
    line.difference = asked.estimate;
    line.p_value = asked.p_value;
    line.p_exact = None;
    line.p_noninferior = None;
    line.smallest_detectable = None;
    let verdict = match asked.word {
        Some(Word::Improved) => Verdict::Improved,
        Some(Word::Equivalent) => Verdict::Equivalent,
        Some(Word::Regressed) => Verdict::Regressed,
        _ => Verdict::Inconclusive,
    };
    line.notes = vec![match asked.word {
        Some(word) => format!("sequential: {} after {} of {} cases", word.name(), asked.n, asked.planned),
        None => format!("sequential: not decided after {} of {} cases", asked.n, asked.planned),
    }];
    draft.judge = Judge::Settled { verdict };
}
