#!/bin/sh
# Every error code that the sources can answer with is in docs/http-api.md.
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."

missing=0
# problem(req, 404, "code", ...); REFUSE(400, "code", ...); unidentified(req, "code", ...)
codes=$(cat core/*.c core/include/sluice/*.h plugins/*/*.c examples/idempotency/*.c | tr '\n' ' ' |
    grep -oE '((problem|problem_with|REFUSE|request_cut_short)\(([a-z_>-]+, *)?[0-9]{3}|unidentified\([a-z]+), *"[a-z_0-9]+"' |
    sed 's/.*"\(.*\)"/\1/' | sort -u)
[ -n "$codes" ]
for code in $codes; do
    if ! grep -q "\`$code\`" docs/http-api.md; then
        echo "docs/http-api.md does not list the error $code" >&2
        missing=1
    fi
done
exit $missing
