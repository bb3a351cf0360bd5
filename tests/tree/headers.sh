#!/bin/sh
# Compiles headers alone: headers.sh public|core COMPILER...
#
# The public ones as C11, C17 and C++17, with the asking and answering calls in one spelling
# (spelling.c); those of core/ as the core is compiled.
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."

failed=0

compile() { # FILE LANGUAGE STANDARD COMPILER FLAG...
    file=$1 language=$2 standard=$3 compiler=$4
    shift 4
    if ! printf '#include "%s"\n#include "%s"\n' "$file" "$file" |
        "$compiler" -x "$language" -std="$standard" -Icore/include -c -o /dev/null -Wall -Wextra \
            -Werror "$@" -; then
        echo "headers: $file does not compile alone with $compiler as $standard" >&2
        failed=1
    fi
}

public() { # COMPILER
    case $1 in
    *clang) cxx=$1++ ;;
    *) cxx=$(echo "$1" | sed 's/gcc/g++/') ;;
    esac
    for file in core/include/sluice/*.h tests/tree/spelling.c; do
        compile "$file" c c11 "$1" -Wpedantic -I.
        compile "$file" c c17 "$1" -Wpedantic -I.
        compile "$file" c++ c++17 "$cxx" -Wpedantic -I.
        compile "$file" c++ c++20 "$cxx" -Wpedantic -I.
    done
}

what=$1
shift
for compiler in "$@"; do
    case $what in
    public)
        public "$compiler"
        ;;
    core)
        for file in core/*.h core/*/*.h; do
            # shellcheck disable=SC2046 # a list of options
            compile "$file" c gnu11 "$compiler" -D_GNU_SOURCE -Icore $(printf ' -I%s' core/*/) -I.
        done
        ;;
    esac
done
exit $failed
