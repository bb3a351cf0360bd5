#!/bin/sh
# What continuous integration runs: warnings are errors, and every test.
#
#   ci.sh [CMAKE-ARGUMENT...]
set -eu
cd "$(dirname "$0")"

cmake -B build -DCMAKE_COMPILE_WARNING_AS_ERROR=ON "$@"
cmake --build build
ctest --test-dir build --output-on-failure
