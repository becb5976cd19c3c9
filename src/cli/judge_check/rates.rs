//! The rates that a judge found in a stored run, corrected by what it said of labelled answers.

use super::Replies;
use crate::analyze::Estimate;
use crate::analyze::judges::Labelled;
use crate::analyze::summary::CellKey;
use crate::cli::exit::Failure;
use crate::cli::finish;
use crate::store::RunFolder;

/// A judge's mean in one cell of a run, as it stands and corrected.
pub(super) struct Rate {
    /// The cell.
    pub(super) cell: CellKey,
    /// The judge.
    pub(super) grader: String,
    /// As the judge says.
    pub(super) raw: Estimate,
    /// As people would say.
    pub(super) corrected: Estimate,
}

/// The rates of every judge in every cell.
///
/// # Errors
/// The run cannot be read, or none of its graders is one of these judges.
pub(super) fn corrected(run: &RunFolder, replies: &Replies) -> Result<Vec<Rate>, Failure> {
    let labelled: Vec<Labelled> = replies
        .plain()
        .map(|(grader, item)| Labelled { grader: grader.into(), judged: item.judged, human: item.human })
        .collect();
    let back = finish::read_back_with(run, |run| run.labelled = labelled)?;
    let mut rates = Vec::new();
    for cell in &back.summary.cells {
        for score in cell.quality.iter().flat_map(|quality| &quality.scores) {
            if let Some(corrected) = score.corrected {
                let grader = score.grader.to_string();
                rates.push(Rate { cell: cell.key.clone(), grader, raw: score.mean, corrected });
            }
        }
    }
    if rates.is_empty() {
        let what = "holds no verdicts of these judges that labels could correct";
        return Err(Failure::usage(format!("{}: {what}", run.path().display())));
    }
    Ok(rates)
}
