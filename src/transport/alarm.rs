//! The timer of one exchange: set often, asked seldom.

use std::future::Future as _;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::Sleep;

use crate::domain::Offset;

/// A timer that can be set again.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When it goes off; it never does so earlier.
    due: Offset,
    /// The timer was polled since it went off last, so that it will wake this task.
    armed: bool,
}

impl Alarm {
    /// An alarm that goes off `wait` after `now`.
    pub(super) fn new(now: Offset, wait: Duration) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(wait)), due: now.plus(wait), armed: false }
    }

    /// Sets it to `wait` after `now`.
    pub(super) fn set(&mut self, now: Offset, wait: Duration) {
        // One that went off unheard has forgotten whom to wake.
        self.armed &= !self.sleep.is_elapsed();
        self.due = now.plus(wait);
        self.sleep.as_mut().reset(Instant::now() + wait);
    }

    /// Waits until it goes off.
    pub(super) async fn ring(&mut self) {
        self.sleep.as_mut().await;
        self.armed = false;
    }

    /// Whether it went off. `awake` is a time since which this task has been running: an alarm due later cannot have gone
    /// off yet and will wake the task, and need not be asked, which costs as much as a small read.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, awake: Option<Offset>) -> Poll<()> {
        if self.armed && (awake.is_some_and(|at| at < self.due) || !self.sleep.is_elapsed()) {
            return Poll::Pending;
        }
        let rung = self.sleep.as_mut().poll(cx);
        self.armed = rung.is_pending();
        rung
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const WAIT: Duration = Duration::from_millis(5);
    /// Nothing here takes a hundredth of it: an alarm that forgot whom to wake does.
    const NEVER: Duration = Duration::from_secs(20);

    /// Whether the alarm goes off, awaited as a read does: awake since `awake` in the first poll alone.
    async fn rings(alarm: &mut Alarm, mut awake: Option<Offset>) -> bool {
        tokio::time::timeout(NEVER, poll_fn(|cx| alarm.poll(cx, awake.take()))).await.is_ok()
    }

    async fn polled(alarm: &mut Alarm) -> Poll<()> {
        poll_fn(|cx| Poll::Ready(alarm.poll(cx, None))).await
    }

    #[tokio::test]
    async fn it_goes_off_each_time_it_is_set() {
        let begun = Instant::now();
        let mut alarm = Alarm::new(Offset(0), WAIT);
        assert!(rings(&mut alarm, None).await);
        alarm.set(Offset(7), WAIT);
        assert!(rings(&mut alarm, Some(Offset(7))).await);
        assert!(begun.elapsed() >= 2 * WAIT, "never early");
    }

    #[tokio::test]
    async fn set_again_while_it_runs_it_still_wakes() {
        let mut alarm = Alarm::new(Offset(0), NEVER);
        assert!(polled(&mut alarm).await.is_pending());
        alarm.set(Offset(7), WAIT);
        assert!(rings(&mut alarm, Some(Offset(8))).await);
    }

    #[tokio::test]
    async fn set_again_after_it_went_off_unheard_it_wakes() {
        let mut alarm = Alarm::new(Offset(0), WAIT);
        assert!(polled(&mut alarm).await.is_pending());
        tokio::time::sleep(2 * WAIT).await;
        alarm.set(Offset(7), WAIT);
        assert!(rings(&mut alarm, Some(Offset(8))).await);
    }
}
