#!/bin/sh
# Runs the commands of a document against a real gateway: commands.sh SLUICE CONFIG FILE.md
#
#   <!-- run -->      the ```sh block that follows is run
#   <!-- prints -->   the block that follows is what the one before it prints; … stands for anything
#
# All blocks of a file run in one shell, in a folder of its own, with the gateway's data below it.
# They name the gateway as a reader would, 127.0.0.1:3000; the port is replaced.
#
# SPDX-License-Identifier: MIT
set -eu

sluice=$1 config=$2 document=$3
folder=$(mktemp -d /tmp/sluice-docs-XXXXXX)
gateway=

fail() {
    printf '%s: %s\n' "$document" "$*" >&2
    tail -n 20 "$folder/log" >&2
    exit 1
}

clean_up() {
    [ -z "$gateway" ] || kill -KILL "$gateway" 2>/dev/null || :
    rm -rf "$folder"
}
trap clean_up EXIT

start_gateway() {
    env -u PORT -u REDIS_URL -u REDIS_HOST -u SLUICE_LISTEN -u SLUICE_ADMIN_TOKEN \
        "$sluice" run -c "$config" --set listen=127.0.0.1:0 --set "data_dir=$folder/data" \
        >"$folder/output" 2>"$folder/log" &
    gateway=$!
    tries=0
    until grep -q '"ready: generation' "$folder/log"; do
        tries=$((tries + 1))
        if [ $tries -gt 400 ] || ! kill -0 "$gateway" 2>/dev/null; then
            fail "the gateway does not start"
        fi
        sleep 0.05
    done
    port=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' "$folder/log" | head -n 1)
}

# Makes `script`, whose n-th block prints to out.n, and expected.n for those that say what.
extract() {
    awk -v folder="$folder" -v port="$port" '
        /^<!-- run -->$/ { mark = "run"; next }
        /^<!-- prints -->$/ { mark = "prints"; next }
        /^```/ && inside { if (inside == "run") print "} >out." n " 2>&1" >script; inside = ""; next }
        /^```/ && mark == "run" { inside = mark; mark = ""; n++; print "{" >script; next }
        /^```/ && mark == "prints" { inside = mark; mark = ""; next }
        inside == "run" { gsub(/127\.0\.0\.1:3000/, "127.0.0.1:" port); print >script }
        inside == "prints" { print >(folder "/expected." n) }
    ' script="$folder/script" "$document"
    [ -f "$folder/script" ] || fail "no block is marked <!-- run -->"
}

# Line by line; … stands for anything. A document may leave the last lines out.
compare() { # BLOCK
    tr -d '\r' <"$folder/out.$1" | awk -v expected="$folder/expected.$1" '
        function fits(got, want,    count, pieces, i, at) {
            count = split(want, pieces, "…")
            if (count < 2)
                return got == want
            if (index(got, pieces[1]) != 1)
                return 0
            for (i = 1; i < count; i++) {
                at = index(got, pieces[i])
                if (!at)
                    return 0
                got = substr(got, at + length(pieces[i]))
            }
            at = length(got) - length(pieces[count])
            return at >= 0 && substr(got, at + 1) == pieces[count]
        }
        function print_missing(want) {
            print "does not print: " want
            return 1
        }
        (getline want <expected) > 0 && !fits($0, want) {
            print "prints:   " $0
            print "expected: " want
            exit wrong = 1
        }
        END {
            if (!wrong && (getline want <expected) > 0)
                wrong = print_missing(want)
            exit wrong
        }
    ' >"$folder/difference" || fail "block $1 $(cat "$folder/difference")"
}

start_gateway
extract
(cd "$folder" && sh -eu ./script) || fail "a command failed: $(cat "$folder"/out.* 2>/dev/null)"
for expected in "$folder"/expected.*; do
    [ ! -f "$expected" ] || compare "${expected##*.}"
done
kill -TERM "$gateway"
wait "$gateway" || fail "the gateway did not end cleanly"
gateway=
