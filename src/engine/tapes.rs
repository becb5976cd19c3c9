//! Whether exchanges happen on the network, are recorded there, or come from recordings.

use std::sync::Arc;

use super::decode::ToDecoder;
use super::io::Asked;
use crate::domain::tape::Label;
use crate::domain::tape::Tape;
use crate::transport::Ended;
use crate::transport::Signals;
use crate::transport::Speed;
use crate::transport::Wire;
use crate::transport::tape::Taping;
use crate::transport::tape::play;
use crate::transport::tape::unrecorded;

/// Where recordings are kept.
pub trait Shelf: Send + Sync {
    /// Keeps a recording. Must not block.
    fn keep(&self, label: Label, tape: Tape);

    /// The recording with this label.
    ///
    /// # Errors
    /// Why there is none, and which comes closest.
    fn find(&self, label: &Label) -> Result<Tape, String>;
}

/// Where answers come from.
#[derive(Clone, Default)]
pub enum Tapes {
    /// The network.
    #[default]
    Live,
    /// The network, and every exchange is kept.
    Record(Arc<dyn Shelf>),
    /// Recordings alone: nothing is sent.
    Replay(Arc<dyn Shelf>, Speed),
}

impl Tapes {
    /// Exchanges need a label.
    pub fn are_used(&self) -> bool {
        !matches!(self, Self::Live)
    }

    /// Nothing is waited for.
    pub fn hurry(&self) -> bool {
        matches!(self, Self::Replay(_, Speed::Max))
    }

    /// Has a labeled request answered: from its recording, or from the network while it is recorded.
    pub(super) async fn answer<T>(
        &self,
        wire: &Wire,
        (request, label): (&Asked, Label),
        signals: &Signals,
        tap: &mut ToDecoder<T>,
    ) -> Ended {
        match self {
            Self::Replay(kept, speed) => match kept.find(&label) {
                Ok(tape) => play(wire, &tape, *speed, tap).await,
                Err(why) => unrecorded(wire.clock(), why),
            },
            Self::Record(kept) => {
                let mut taping = Taping::new(tap);
                let ended = request.exchange(wire, signals, &mut taping).await;
                if let Some(tape) = taping.tape(&request.request, &ended) {
                    kept.keep(label, tape);
                }
                ended
            }
            Self::Live => request.exchange(wire, signals, tap).await,
        }
    }
}
