//! Between the engine and the log: events go to the writer, and to the progress display once they are durable.

use std::sync::mpsc::Sender;

use crate::domain::Asker;
use crate::domain::CellId;
use crate::domain::Event;
use crate::domain::GraderId;
use crate::domain::Outcome;
use crate::domain::Phase;
use crate::domain::TrialId;
use crate::domain::Usd;
use crate::domain::Verdict;
use crate::engine::Recorder;
use crate::engine::setup::WhenDurable;
use crate::store::Writer;

/// What the progress display hears of a durable event.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Trials from this number on may be sent: their cell's turn has come.
    Begun(TrialId),
    /// An attempt of a measured or warm-up trial ended.
    Attempt {
        /// Its cell.
        cell: CellId,
        /// The trial.
        trial: TrialId,
        /// Warm-up or measured.
        phase: Phase,
        /// The trial is over with it.
        is_last: bool,
        /// How it ended.
        outcome: Outcome,
        /// First token after due.
        ttft_ms: Option<f64>,
        /// Output tokens.
        tokens: u64,
        /// Cost.
        cost: Option<Usd>,
    },
    /// A grader asked a model.
    Asked {
        /// Cost.
        cost: Option<Usd>,
    },
    /// A grader judged, and counts.
    Verdict {
        /// The trial.
        trial: TrialId,
        /// The grader.
        grader: GraderId,
        /// Failed for certain, or not.
        failed: bool,
    },
}

impl Seen {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Observed(o) if o.attempt.asker == Asker::Subject => Some(Self::Attempt {
                cell: o.attempt.cell,
                trial: o.attempt.trial,
                phase: o.attempt.phase,
                is_last: o.attempt.is_last,
                outcome: o.outcome,
                ttft_ms: o.ttft_ms(),
                tokens: o.reply.usage.as_ref().and_then(|u| u.output).unwrap_or(0),
                cost: o.cost.usd,
            }),
            Event::Observed(o) => Some(Self::Asked { cost: o.cost.usd }),
            Event::Graded { verdict: Verdict::Ungradable { .. }, .. } => None,
            Event::Graded { trial, grader, verdict, .. } => {
                let failed = matches!(verdict, Verdict::Fail { .. });
                Some(Self::Verdict { trial: *trial, grader: grader.clone(), failed })
            }
            _ => None,
        }
    }
}

/// Writes the engine's events.
pub struct Log {
    writer: Writer,
    progress: Option<Sender<Seen>>,
}

impl Log {
    /// A log that tells `progress` what is durable.
    pub fn new(writer: Writer, progress: Option<Sender<Seen>>) -> Self {
        Self { writer, progress }
    }

    /// The writer, to be closed.
    pub fn into_writer(self) -> Writer {
        self.writer
    }
}

impl Recorder for Log {
    fn record(&self, event: Event) -> Result<(), String> {
        let Some((progress, seen)) = self.progress.clone().zip(Seen::of(&event)) else {
            return self.writer.append(event).map_err(|error| error.to_string());
        };
        let then = Box::new(move |result: Result<(), _>| {
            if result.is_ok() {
                let _ = progress.send(seen);
            }
        });
        self.writer.append_noting(event, then).map_err(|error| error.to_string())
    }

    fn record_durably(&self, event: Event, then: WhenDurable) -> Result<(), String> {
        if let (Some(progress), Event::Intent { trials, .. }) = (&self.progress, &event) {
            let _ = progress.send(Seen::Begun(TrialId(trials.start)));
        }
        let then =
            Box::new(move |result: Result<(), crate::store::StoreError>| then(result.map_err(|e| e.to_string())));
        self.writer.append_durable(event, then).map_err(|error| error.to_string())
    }
}
