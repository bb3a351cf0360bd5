#!/bin/sh
# The guard of the contract takes what may be, and refuses what may not: changes.sh INCLUDE
#
# SPDX-License-Identifier: MIT
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# try WORD SED-EXPRESSION...: with these changes to abi.h the guard says the word ('' for nothing).
try() {
    word=$1
    shift
    rm -rf "$work/include"
    cp -r "$include" "$work/include"
    sed -i "$@" "$work/include/sluice/abi.h"
    if "$here/guard.sh" "$work/include" >"$work/said" 2>&1; then
        [ -z "$word" ] || { echo "taken: $*" >&2 && exit 1; }
    elif [ -z "$word" ] || ! grep -qF "$word" "$work/said"; then
        echo "expected \"$word\" for $*:" >&2
        cat "$work/said" >&2
        exit 1
    fi
}

include=$1
appended='s/^    void (\*runs_jobs)(sluice_host \*host);$/&\n    void (*later)(sluice_host *host);/'
raised='s/^#define SLUICE_ABI_MINOR 0$/#define SLUICE_ABI_MINOR 1/'
noted='s/^ \*   1.0  the first$/&\n *   1.1  host_api: later/'

try '' -e ''
try 'raise SLUICE_ABI_MINOR' -e "$appended"
try 'abi.h does not say what 1.1 adds' -e "$appended" -e "$raised"
try 'is not recorded' -e "$appended" -e "$raised" -e "$noted"
try 'breaks plugins' -e 's/^    void (\*runs_jobs)(sluice_host \*host);$//'
try 'breaks plugins' -e 's/^    void \*(\*self)(sluice_host \*host);$/    int32_t early;\n&/'
try 'breaks plugins' -e 's/^    uint64_t body_max;/    uint32_t body_max;/'
try 'have gone or changed' -e 's/^#define SLUICE_DONE .*/#define SLUICE_DONE ((sluice_verdict)7)/'
try 'raise SLUICE_ABI_MINOR' -e 's/^#define SLUICE_NEXT .*/&\n#define SLUICE_LATER 9/'
