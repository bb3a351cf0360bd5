#!/bin/sh
# The tree's shell scripts parse, and shellcheck, where it is installed, has nothing to say.
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."

scripts=$(find dev .ci/run tests bench -name node_modules -prune -o \
    -type f \( -name dev -o -name run -o -name '*.sh' \) -print)
for script in $scripts; do
    sh -n "$script"
done
if command -v shellcheck >/dev/null; then
    # shellcheck disable=SC2086 # a list of words
    shellcheck $scripts
fi
