#!/bin/sh
# `sluice plugin new` from an installed Sluice alone, as its first user meets it: what it writes
# builds without a warning, passes, loads, and answers; what it can't write it leaves no trace of.
#
#   scaffold.sh BUILD_TREE [SANITIZERS]
#
# SPDX-License-Identifier: MIT
set -eu

build_tree=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "failed: $*" >&2
    exit 1
}

cmake --install "$build_tree" --prefix "$work/prefix" >/dev/null
PATH=$work/prefix/bin:$PATH
CFLAGS="-Wpedantic -Werror${2:+ -fsanitize=$2}"
export PATH CFLAGS
cd "$work"

# The commands of the README, to the letter.
(sluice plugin new hello && cd hello && cmake -B build && cmake --build build &&
    ctest --test-dir build --output-on-failure) || fail "a new plugin does not pass"
if grep -rq myplugin hello --include='*.[ch]' --include='*.lua' --include='*.md' \
    --include='*.sh' --include='*.txt' --include='*.yaml'; then
    fail "the placeholder is left"
fi

# Its README has the reference of its options, and its configuration is right.
sluice plugin docs hello/build/hello.so | grep '^| `' >options
while read -r row; do
    grep -qF "$row" hello/README.md || fail "the template's README lacks: $row"
done <options
[ "$(wc -l <options)" -eq 3 ] || fail "sluice plugin docs does not list three options"
sluice check -c hello/config.yaml
sluice schema -c hello/config.yaml | grep -qF '"plugin_hello"' || fail "the schema lacks hello"

sluice plugin check hello/build/hello.so || fail "the new plugin does not pass its check"

# Another folder than the name; its continuous integration passes as well.
sluice plugin new second_one some.where
./some.where/ci.sh >ci.log 2>&1 || fail "ci.sh: $(cat ci.log)"

# refused WORDS ARGUMENT...: exits 1, says WORDS, leaves everything as it was.
refused() {
    words=$1
    shift
    find . -path ./prefix -prune -o -print | sort >before
    if sluice plugin new "$@" >/dev/null 2>errors; then
        fail "sluice plugin new $* should have been refused"
    fi
    find . -path ./prefix -prune -o -print | sort >after
    cmp -s before after || fail "sluice plugin new $* left something: $(diff before after)"
    grep -qF "$words" errors || fail "sluice plugin new $* says: $(cat errors)"
}

touch before after errors
refused 'hello is there already' hello
refused 'expected 2 to 40 of a-z' Hello
refused 'expected 2 to 40 of a-z' ../hello
refused 'expected 2 to 40 of a-z' ''
refused 'try struct_plugin' struct
refused 'No such file or directory' third nowhere/third
refused 'expected sluice plugin new NAME'
refused 'unexpected "c"' aa bb c
ln -s nowhere prefix/share/sluice/template/dangling
refused "can't write" third
rm -r prefix/share/sluice/template
refused 'the template is not at' third
