#!/bin/sh
# Compares the contract with plugins with the one that was recorded last.
#
#   guard.sh INCLUDE            fails on anything that breaks a plugin that was built before, and on an
#                               addition that has no version of its own
#   guard.sh INCLUDE --record   records what is there now, after an addition
#
# Types are compared by abidiff (libabigail), through witness.c; constants line by line.
#
# SPDX-License-Identifier: MIT
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
include=$1
header=$include/sluice/abi.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

cc -g -O0 -shared -fPIC -I"$include" -o "$work/witness.so" "$here/witness.c"
abidw --no-corpus-path --no-comp-dir-path --short-locs "$work/witness.so" >"$work/types.abi"
cc -E -dM "$header" | sed -n 's/^#define \(SLUICE_[A-Z_]* .*\)$/\1/p' | sort >"$work/constants"
version=$(sed -n 's/^SLUICE_ABI_MINOR //p' "$work/constants")

if [ "${2:-}" = --record ]; then
    cp "$work/types.abi" "$work/constants" "$here/"
    exit 0
fi

recorded=$(sed -n 's/^SLUICE_ABI_MINOR //p' "$here/constants")

# 1 and 2 are mistakes of abidiff's own; 4 and 8 are changes, told in the report.
status=0
abidiff --leaf-changes-only --no-show-locs "$here/types.abi" "$work/types.abi" >"$work/report" ||
    status=$?
[ $((status & 3)) -eq 0 ] || fail "abidiff: $(cat "$work/report")"
breaks=$(awk -f "$here/additions.awk" "$work/report")
[ -z "$breaks" ] || fail "this breaks plugins that were built before:
$(cat "$work/report")"

grep -v '^SLUICE_ABI_MINOR ' "$here/constants" >"$work/before"
gone=$(comm -23 "$work/before" "$work/constants")
[ -z "$gone" ] || fail "these constants have gone or changed, which breaks plugins that were built before:
$gone"

added=$(grep -v '^SLUICE_ABI_MINOR ' "$work/constants" | comm -13 "$work/before" -)
if [ -n "$added" ] || [ "$status" -ne 0 ]; then
    [ "$version" -gt "$recorded" ] || fail "this is an addition: raise SLUICE_ABI_MINOR beyond $recorded
$added
$(cat "$work/report")"
fi
grep -q "^ \*   1\.$version  " "$header" || fail "abi.h does not say what 1.$version adds, under Changes"
[ "$version" -eq "$recorded" ] || fail "1.$version is not recorded: tests/abi/guard.sh core/include --record"
