#!/bin/sh
# idempotency in a real gateway with a Redis of its own, in front of a route that counts.
#
#   test_idempotency_e2e.sh SLUICE IDEMPOTENCY.so COUNTER.so
#
# SPDX-License-Identifier: MIT
set -eu

sluice=$1
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

cat >"$folder/config.yaml" <<END
listen: 127.0.0.1:0
workers: 2
plugins:
  - path: $2
    config: { in_flight: 5s }
  - path: $3
  - apikey
END

start() {
    "$sluice" run -c "$folder/config.yaml" >"$folder/output" 2>"$folder/log" &
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

# post KEY TARGET BODY: prints "status replayed location body".
post() {
    curl -sS -X POST "http://127.0.0.1:$port$2" -H "Idempotency-Key: $1" --json "$3" \
        -w ' %{http_code} %header{idempotency-replayed} %header{location}\n' |
        sed 's/"instance.*"error"/"error"/'
}

# expect WHAT GOT
expect() {
    case $2 in
    $1) ;;
    *) fail "expected $1, got $2" ;;
    esac
}

start
expect '{"count":1} 201  /counter/a/1' "$(post k1 /counter/a '{"n":1}')"
expect '{"count":1} 201 true /counter/a/1' "$(post k1 /counter/a '{"n":1}')"
expect '{"count":2} 201  /counter/a/2' "$(post k2 /counter/a '{"n":1}')"
expect '*"error":"idempotency_key_reused"} 422*' "$(post k1 /counter/a '{"n":2}')"
expect '*"error":"idempotency_key_reused"} 422*' "$(post k1 /counter/b '{"n":1}')"

# A failure is tried again, and counts again.
expect '*"error":"internal_error"} 500*' "$(post k3 '/counter/f?status=500' '{}')"
expect '*"error":"internal_error"} 500*' "$(post k3 '/counter/f?status=500' '{}')"
expect '{"count":3} 201  *' "$(post k4 /counter/f '{}')"

# Many at once: one is done, the others are told that it is under way.
for i in 1 2 3 4 5 6 7 8; do
    post k5 '/counter/slow?ms=1000' '{}' >"$folder/slow.$i" &
    slow="${slow:-} $!"
done
# shellcheck disable=SC2086 # a list of pids
wait $slow
[ "$(cat "$folder"/slow.* | grep -c '"count":1} 201')" -ge 1 ] || fail "nobody was served"
expect 8 "$(cat "$folder"/slow.* | grep -o -e '"count":1} 201' -e '_in_use".* 409' | wc -l)"
expect '{"count":1} 201 true *' "$(post k5 '/counter/slow?ms=1000' '{}')"
expect '{"count":2} 201  *' "$(post k6 /counter/slow '{}')"

# A secret is told again to who asked for it and to nobody else, and Redis does not know it.
admin="Authorization: Bearer $(cat "$folder/data/admin.token")"
make() { # PATH KEY CREDENTIALS BODY
    curl -sS -X POST "http://127.0.0.1:$port$1" -H "Idempotency-Key: $2" -H "$3" --json "$4"
}
make /v1/clients s1 "$admin" '{"id":"acme","name":"Acme"}' >/dev/null
secret=$(make /v1/clients/acme/keys s2 "$admin" '{}')
expect '*"key":"slc_*' "$secret"
expect "$secret" "$(make /v1/clients/acme/keys s2 "$admin" '{}')"
own="x-api-key: $(echo "$secret" | sed 's/.*"key":"\([^"]*\)".*/\1/')"
other="x-api-key: $(make /v1/clients/acme/keys s3 "$own" '{}' | sed 's/.*"key":"\([^"]*\)".*/\1/')"
expect '*"key":"slc_*' "$(make /v1/clients/acme/keys s4 "$own" '{}')"
expect '*"error":"idempotency_answer_sealed"*' "$(make /v1/clients/acme/keys s4 "$other" '{}')"

# Kept for a day, not for ever.
if command -v redis-cli >/dev/null; then
    cli="redis-cli -s $folder/data/run/redis.sock"
    for record in $($cli --raw KEYS 'idempotency:*'); do
        if $cli --raw HGET "$record" body | grep -q slc_; then
            fail "$record has a secret"
        fi
        ttl=$($cli --raw TTL "$record")
        if [ "$ttl" -le 86000 ] || [ "$ttl" -gt 86400 ]; then
            fail "$record is kept for $ttl s"
        fi
    done
fi

kill -TERM "$gateway"
wait "$gateway" || fail "the gateway did not end cleanly"
gateway=
