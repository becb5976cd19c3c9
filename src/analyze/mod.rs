//! Observations and verdicts to cells, estimates, SLO verdicts and comparisons.
