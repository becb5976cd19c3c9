#!/usr/bin/env bash
# Writes the results table of benches/README.md from criterion's own estimates.
#
#   cargo bench -- --quick && benches/table.sh
#
# A row per benchmark: median time of one iteration with its 95 % interval, and what that makes per second. Everything
# between the two marks in the README is replaced. Needs jq.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

results=${CARGO_TARGET_DIR:-target}/criterion
readme=benches/README.md
[ -d "$results" ] || { echo "no results in $results; run: cargo bench -- --quick" >&2; exit 1; }

rows() {
  find "$results" -path '*/new/estimates.json' -print0 | sort -z | while IFS= read -r -d '' estimates; do
    jq -r --slurpfile about "$(dirname "$estimates")/benchmark.json" '
      def three: if . == 0 then 0 else (. | log10 | floor | 2 - .) as $d | . * pow(10; $d) | round / pow(10; $d) end;
      def time: if . < 1e3 then "\(three) ns" elif . < 1e6 then "\(. / 1e3 | three) us"
                elif . < 1e9 then "\(. / 1e6 | three) ms" else "\(. / 1e9 | three) s" end;
      def count: if . < 1e3 then "\(three)" elif . < 1e6 then "\(. / 1e3 | three) thousand"
                 elif . < 1e9 then "\(. / 1e6 | three) million" else "\(. / 1e9 | three) billion" end;
      $about[0] as $b | .median.point_estimate as $t | .median.confidence_interval as $ci
      | ($b.throughput // {} | to_entries | map(select(.value != null)) | first) as $per
      | (if $per == null then "" else ($per.value * 1e9 / $t | count) + (if $per.key == "Elements" then "" else " bytes" end) end) as $rate
      | "| \($b.full_id) | \($t | time) | \($ci.lower_bound | time) to \($ci.upper_bound | time) | \($rate) |"
    ' "$estimates"
  done
}

table=$(mktemp)
trap 'rm -f "$table"' EXIT
{
  cpu=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)
  echo "Median of an iteration with its 95 % interval, and elements (events, trials, calls) or bytes per second;"
  echo "$(date -u +%Y-%m-%d), ${cpu:-unknown processor}, $(nproc) cores, $(rustc --version | cut -d' ' -f1,2)."
  echo
  echo "| benchmark | time | interval | per second |"
  echo "|---|---|---|---|"
  rows
} > "$table"

awk -v table="$table" '
  /^<!-- results -->$/ { print; print ""; while ((getline line < table) > 0) print line; print ""; skip = 1; next }
  /^<!-- end of results -->$/ { skip = 0 }
  !skip { print }
' "$readme" > "$readme.new"
mv "$readme.new" "$readme"
cat "$table"
