#!/bin/sh
# myplugin in a real gateway with a Redis of its own, on a port that the system chooses.
#
#   test_myplugin_e2e.sh SLUICE PLUGIN.so
set -eu
cd "$(dirname "$0")"

sluice=$1 plugin=$2
folder=$(mktemp -d)
gateway=

clean_up() {
    [ -z "$gateway" ] || kill -KILL "$gateway" 2>/dev/null || :
    rm -rf "$folder"
}
trap clean_up EXIT

fail() {
    echo "failed: $*" >&2
    cat "$folder/log" >&2
    exit 1
}

start() {
    sed "s|build/myplugin.so|$plugin|" config.yaml >"$folder/config.yaml"
    "$sluice" run -c "$folder/config.yaml" --set listen=127.0.0.1:0 --set data_dir="$folder/data" \
        >"$folder/output" 2>"$folder/log" &
    gateway=$!
    tries=0
    until grep -q '"ready: generation' "$folder/log"; do
        tries=$((tries + 1))
        if [ $tries -ge 300 ] || ! kill -0 "$gateway" 2>/dev/null; then
            fail "the gateway does not start"
        fi
        sleep 0.1
    done
    port=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\).*/\1/p' "$folder/log" | head -n 1)
}

# expect WHAT CURL-ARGUMENT...: the answer's body is WHAT.
expect() {
    want=$1
    shift
    got=$(curl -sS "$@") || fail "curl $*"
    [ "$got" = "$want" ] || fail "curl $*: expected $want, got $got"
}

start
at=http://127.0.0.1:$port
expect '{"greeting":"hello, ann","times":1}' -X POST "$at/myplugin/ann"
expect '{"greeting":"hello, ann","times":2}' -X POST "$at/myplugin/ann"
expect '{"times":2}' "$at/myplugin/ann"
expect 404 -o /dev/null -w '%{http_code}' "$at/myplugin/bob"
expect 403 -o /dev/null -w '%{http_code}' -A EvilBot/2.0 "$at/myplugin/ann"

kill -TERM "$gateway"
wait "$gateway" || fail "the gateway did not end cleanly"
gateway=
