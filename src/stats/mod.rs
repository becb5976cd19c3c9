//! Samples, quantiles, intervals, tests, bootstraps, e-processes. Has never heard of a language model.
