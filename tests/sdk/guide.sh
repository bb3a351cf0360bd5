#!/bin/sh
# Follows docs/plugin-guide.md from an installed Sluice alone: guide.sh BUILD_TREE FILE.md [SANITIZERS]
#
#   <!-- run -->        the block that follows is run
#   <!-- prints -->     the block that follows is what the one before it prints; … stands for anything
#   <!-- file NAME -->  the block that follows is (a further piece of) that file, in the folder of the
#                       plugin; the first piece replaces what was there
#
# All blocks run in one shell. The gateway's address 127.0.0.1:3000 gets a port of this test's own.
#
# SPDX-License-Identifier: MIT
set -eu

build_tree=$1 document=$2
work=$(mktemp -d)
port=$((20000 + $$ % 10000))

clean_up() {
    # The gateway runs in the background of the script; its master's pid is in its data folder.
    for file in "$work"/*/data/run/sluice.pid; do
        [ ! -f "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || :
    done
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    printf '%s: %s\n' "$document" "$*" >&2
    tail -n 20 "$work"/*/log "$work"/*/gateway.log >&2 2>/dev/null || :
    exit 1
}

# Makes `script`, whose n-th block prints to out.n, and expected.n for those that say what.
extract() {
    awk -v work="$work" -v port="$port" '
        function begin(what) { inside = what; mark = ""; if (what == "run") { n++; print "{" >script } }
        function end() {
            if (inside == "run") print "} >" work "/out." n " 2>&1" >script
            if (inside == "file") print "END_OF_PIECE" >script
            inside = ""
        }
        /^<!-- run -->$/ { mark = "run"; next }
        /^<!-- prints -->$/ { mark = "prints"; next }
        /^<!-- file .* -->$/ { mark = "file"; name = $3; next }
        /^```/ && inside { end(); next }
        /^```/ && mark {
            begin(mark)
            if (inside == "file") print "cat >" (seen[name]++ ? ">" : "") name " <<\"END_OF_PIECE\"" >script
            next
        }
        inside { gsub(/127\.0\.0\.1:3000/, "127.0.0.1:" port) }
        inside == "prints" { print >(work "/expected." n) }
        inside == "run" || inside == "file" { print >script }
    ' script="$work/script" "$document"
    [ -f "$work/script" ] || fail "no block is marked <!-- run -->"
}

# As a basic regular expression, line by line.
matches() { # EXPECTED OUTPUT
    # shellcheck disable=SC2016 # the dollar signs are the expression's
    sed 's/[][\.*^$(){}|+?]/\\&/g; s/…/.*/g; s/^/^/; s/$/$/' "$1" >"$work/patterns"
    awk -v output="$2" '
        { if ((getline line <output) <= 0 || line !~ $0) { print "expected " $0 "\ngot      " line; wrong = 1; exit } }
        END { exit wrong }
    ' "$work/patterns" >&2
}

cmake --install "$build_tree" --prefix "$work/prefix" >/dev/null
PATH=$work/prefix/bin:$PATH
CFLAGS="-Werror${3:+ -fsanitize=$3}"
export PATH CFLAGS
extract
(cd "$work" && sh -eu ./script) || fail "a command failed: $(cat "$work"/out.*)"
for expected in "$work"/expected.*; do
    matches "$expected" "$work/out.${expected##*.}" || fail "block ${expected##*.}"
done
