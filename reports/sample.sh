#!/usr/bin/env bash
# Makes the committed sample report anew from the quickstart: reports/sample.sh
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${LLMARK:-target/release/llmark}
[ -x "$binary" ] || cargo build --release
run=$(mktemp -d)/sample
trap 'rm -rf "$(dirname "$run")"' EXIT

# A missed or undecided objective of the simulated targets is part of the picture, not a failure of this script.
status=0
"$binary" run suites/quickstart.yaml --out "$run" --quiet --yes >/dev/null || status=$?
case $status in 0 | 1 | 3) ;; *) echo "the quickstart ended with $status"; exit "$status" ;; esac

rm -rf reports/sample
mkdir -p reports/sample/charts
cp "$run"/report.html "$run"/report.md reports/sample/
cp "$run"/charts/*.svg reports/sample/charts/
# The command line as a reader would type it, without the temporary folder.
sed -i "s#$run#reports/sample#g" reports/sample/report.html reports/sample/report.md
du -sh reports/sample
