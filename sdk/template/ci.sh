#!/bin/sh
# What continuous integration runs: warnings are errors, every test, and everything going wrong.
#
#   ci.sh [CMAKE-ARGUMENT...]
set -eu
cd "$(dirname "$0")"

cmake -B build -DCMAKE_COMPILE_WARNING_AS_ERROR=ON "$@"
cmake --build build
ctest --test-dir build --output-on-failure
! command -v sluice >/dev/null || sluice plugin check build/myplugin.so
