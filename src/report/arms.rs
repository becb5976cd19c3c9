//! Fronts in words, for terminals and for Markdown alike.

use crate::analyze::Summary;
use crate::analyze::summary::CellKey;
use crate::analyze::summary::Front;
use crate::analyze::summary::FrontArm;
use crate::text::number::percent;

/// A front in one paragraph: who is on it and how surely, who is beaten by whom.
pub(crate) fn front(summary: &Summary, front: &Front) -> String {
    let metrics: Vec<&str> =
        front.arms.first().map_or_else(Vec::new, |arm| arm.ranks.iter().map(|r| r.metric).collect());
    let name = |at: usize| summary.cells.get(at).map_or_else(String::new, |cell| short(summary, &cell.key));
    let on = |arm: &&FrontArm| arm.on_front;
    let best: Vec<String> =
        front.arms.iter().filter(on).map(|arm| format!("{} ({})", name(arm.cell_index), percent(arm.share))).collect();
    let beaten = front.arms.iter().filter(|arm| !arm.on_front).map(|arm| {
        let by = arm.dominated_by.map(|at| format!(" by {}", name(at))).unwrap_or_default();
        format!("{}{by} (on the front in {})", name(arm.cell_index), percent(arm.share))
    });
    let beaten: Vec<String> = beaten.collect();
    let rest = if beaten.is_empty() { String::new() } else { format!("; dominated: {}", beaten.join(", ")) };
    format!("Front at {} in {} (share of resamples): {}{rest}.", front.load, metrics.join(", "), best.join(", "))
}

/// A cell's name without what all cells share.
fn short(summary: &Summary, key: &CellKey) -> String {
    let differs = |of: fn(&CellKey) -> &str| summary.cells.iter().any(|cell| of(&cell.key) != of(key));
    let parts: [fn(&CellKey) -> &str; 3] = [|k| k.target.as_str(), |k| k.mode.as_str(), |k| k.prompt.as_str()];
    let own: Vec<&str> = parts.into_iter().filter(|of| differs(*of)).map(|of| of(key)).collect();
    own.join(" ")
}
