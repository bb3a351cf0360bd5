#!/bin/sh
# Builds every example out of tree, from an installed Sluice alone, runs its tests and has the
# installed gateway check a configuration that loads it.
#
#   examples.sh BUILD_TREE EXAMPLES [SANITIZERS]
#
# SPDX-License-Identifier: MIT
set -eu

build_tree=$1
examples=$2
flags="-Wall -Wextra -Werror${3:+ -fsanitize=$3}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build_tree" --prefix "$work/prefix" >/dev/null

for example in "$examples"/*/; do
    name=$(basename "$example")
    echo "== $name"
    cmake -S "$example" -B "$work/$name" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" \
        -DCMAKE_C_FLAGS="$flags" >/dev/null
    cmake --build "$work/$name" >"$work/log" || { cat "$work/log" && exit 1; }
    ctest --test-dir "$work/$name" --output-on-failure
    set -- "$work/$name/$name.so"
    [ ! -f "$example/options.yaml" ] || set -- "$@" "$example/options.yaml"
    "$work/prefix/bin/sluice" plugin check "$@"
    [ -f "$example/config.yaml" ] || continue
    sed "s|BUILD|$work/$name|" "$example/config.yaml" >"$work/$name.yaml"
    "$work/prefix/bin/sluice" check -c "$work/$name.yaml"
done
