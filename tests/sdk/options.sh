#!/bin/sh
# The option reference and the editor schema in docs/ are those of the sources.
#
#   options.sh SLUICE SOURCE_TREE
#
# SPDX-License-Identifier: MIT
set -eu

sluice=$1
cd "$2"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

"$sluice" plugin docs -c config.yaml >"$made/options.md"
"$sluice" schema -c config.yaml >"$made/config.schema.json"

stale=0
for file in options.md config.schema.json; do
    diff -u "docs/$file" "$made/$file" >&2 || stale=1
done
if [ $stale -ne 0 ]; then
    echo "docs/ is behind the option tables; run
    $sluice plugin docs -c config.yaml >docs/options.md
    $sluice schema -c config.yaml >docs/config.schema.json" >&2
fi
exit $stale
