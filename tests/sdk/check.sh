#!/bin/sh
# `sluice plugin check`: the shipped plugins pass it, and each bad one is caught for its own fault.
#
#   check.sh SLUICE PLUGINS BAD_PLUGINS
#
# SPDX-License-Identifier: MIT
set -eu

sluice=$1 plugins=$2 bad=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for plugin in "$plugins"/*.so; do
    "$sluice" plugin check "$plugin" >"$work/said" || {
        echo "a shipped plugin does not pass:" >&2
        cat "$work/said" >&2
        exit 1
    }
    cat "$work/said"
    case $plugin in
    */leaderboard.so) grep -qF 'not every way was tried' "$work/said" ;; # a board is asked much
    esac
done

# caught NAME WORDS: exits 1, and says so.
caught() {
    status=0
    "$sluice" plugin check "$bad/$1.so" >"$work/said" 2>&1 || status=$?
    if [ $status -ne 1 ] || ! grep -qF "$2" "$work/said"; then
        echo "$1 should be caught with \"$2\":" >&2
        cat "$work/said" >&2
        exit 1
    fi
    grep -F "$2" "$work/said" | head -n 1
}

caught leaks 'it leaks memory'
caught leaks_late 'it leaks memory'
grep -qF 'a hang-up' "$work/said"
caught forgets 'step wait returned SLUICE_WAIT without asking'
caught asks_twice 'step ask asked twice before it returned'
caught says_nothing 'step found returned SLUICE_DONE without an answer'
caught blocks 'step hold: it blocks'
caught crashes 'it crashes (Aborted)'
grep -qF 'an error' "$work/said"
caught never_ends 'it still waits for being woken'
caught spins 'it never returns'
grep -qF 'LRANGE a 0 -1 -> a nil' "$work/said"
caught answers_late 'step count answered, and no step of its request ran'
caught answers_twice 'step tell answered twice'
caught exits 'it ends its process'
caught leaks_asleep 'it leaks memory'
grep -qF 'the end of its sleep -> a hang-up' "$work/said"
caught leaves_files 'it leaves files open'
caught crashes_early 'it crashes (Aborted)'
grep -qF 'loading and configuring' "$work/said"
caught blocks_before 'step hold > pass: it blocks'

# What is no plugin is told as well.
for file in /nowhere.so "$sluice"; do
    if "$sluice" plugin check "$file" 2>"$work/said"; then
        echo "$file was taken for a plugin" >&2
        exit 1
    fi
    grep -qF "$file" "$work/said"
done
