//! What a comparison of two runs of 100,000 trials spends its time on: 9,999 resamples of sums and of percentiles.

use std::hint::black_box;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use llmark::stats::Bits;
use llmark::stats::Level;
use llmark::stats::Quantile;
use llmark::stats::bootstrap;
use llmark::stats::bootstrap::QuantileRatios;
use llmark::stats::bootstrap::Scheme;
use llmark::stats::bootstrap::Sums;
use llmark::stats::bootstrap::safe_ratio;
use llmark::stats::paired::binary::Discordant;
use llmark::stats::paired::tango;
use llmark::stats::quantile;

const TRIALS: u64 = 100_000;

fn uniforms(seed: u64) -> Vec<f64> {
    let mut bits = Bits::new(seed);
    (0..TRIALS).map(|_| bits.uniform()).collect()
}

fn sums(criterion: &mut Criterion) {
    let columns = [uniforms(1), uniforms(2), uniforms(3), uniforms(4)];
    let statistic = Sums::new(columns, |[a, b, c, d]| safe_ratio(a * d, b * c));
    let mut group = criterion.benchmark_group("bootstrap");
    group.sample_size(10).throughput(Throughput::Elements(TRIALS));
    group.bench_function("ratio of ratios", |bencher| {
        bencher.iter(|| {
            let pooled = statistic.pooled(bootstrap::MOST_UNITS, 1);
            bootstrap::replicate(pooled.n_units(), &Scheme::Units, &[&pooled], 1, 0..bootstrap::RESAMPLES)
        });
    });
    let length = bootstrap::block_length(TRIALS as usize) as u32;
    let blocked =
        |seed| -> Vec<(f64, u32)> { uniforms(seed).into_iter().zip((0..).map(|i: u32| i / length)).collect() };
    let blocks = TRIALS.div_ceil(u64::from(length)) as usize;
    let tails = [Quantile::P90, Quantile::P95, Quantile::P99];
    let in_blocks = QuantileRatios::new(&blocked(1), &blocked(2), blocks, &tails);
    group.bench_function("ratios of p90, p95, p99, in blocks", |bencher| {
        bencher.iter(|| in_blocks.replicate(1, 0..bootstrap::RESAMPLES));
    });
    let single = |seed| -> Vec<(f64, u32)> { uniforms(seed).into_iter().zip(0..).collect() };
    let pairs = QuantileRatios::new(&single(1), &single(2), TRIALS as usize, &tails);
    group.bench_function("ratios of p90, p95, p99, independent pairs", |bencher| {
        bencher.iter(|| pairs.replicate(1, 0..bootstrap::RESAMPLES));
    });
    group.finish();
}

fn closed_forms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("closed form");
    group.throughput(Throughput::Elements(1));
    let pairs = Discordant { b: 1040, c: 1120 };
    group.bench_function("tango", |b| b.iter(|| tango::interval(black_box(pairs), TRIALS, Level::P95)));
    group.bench_function("mid-p", |b| b.iter(|| black_box(pairs).p_mid()));
    group.bench_function("rank interval", |b| {
        b.iter(|| quantile::rank_interval(black_box(TRIALS), Quantile::P99, Level::P95));
    });
    group.finish();
}

criterion_group!(benches, sums, closed_forms);
criterion_main!(benches);
