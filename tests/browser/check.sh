#!/usr/bin/env bash
# Opens a report in headless Chromium and uses it by clicks and keys.
#
#     tests/browser/check.sh REPORT.html [PICTURES-FOLDER]
#
# Says `skipped` and succeeds where there is no Chromium, no node, or no playwright-core and axe-core to be had.
set -euo pipefail
cd "$(dirname "$0")/../.."
report=$1
pictures=${2:-target/browser/pictures}

skip() { echo "report in a browser: skipped, $1"; exit 0; }

CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || skip "no Chromium (Debian: apt-get install chromium)"
command -v node >/dev/null || skip "no node"
export CHROMIUM MODULES=$PWD/target/browser
mkdir -p "$MODULES"
if [ ! -d "$MODULES/node_modules/axe-core" ] || [ ! -d "$MODULES/node_modules/playwright-core" ]; then
    npm install --prefix "$MODULES" --no-save --no-audit --no-fund playwright-core@1 axe-core@4 >/dev/null 2>&1 ||
        skip "playwright-core and axe-core could not be installed"
fi
node tests/browser/check.mjs "$report" "$pictures"
