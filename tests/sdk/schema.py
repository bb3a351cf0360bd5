"""What the schema accepts and refuses: schema.py SCHEMA CONFIG. Needs jsonschema and PyYAML; ends
with 77 where one of them is missing.

SPDX-License-Identifier: MIT"""

import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)

RIGHT = [
    "{}",
    "listen:",
    "{workers: 4, listen: [':3000', 'unix:/run/s.sock'], log: {access: no}}",
    "{http: {connections: '${MAX:-5}', body_max: 1M, idle_timeout: 0}, gateways: '${N}'}",
    "plugins: [lock, {apikey: }, {apikey: {grace: '${GRACE:-7}d', retention: 3}}]",
    "plugins: [{path: my/own.so, config: {anything: [at, all]}}]",
    "plugins: [{ratelimit: {policies: {default: {refill: 3/250ms}, mail: }}}]",
    "routes: {GET /leaderboard/top: {auth: none, limit: a+b, body: 4k}}",
]
WRONG = [
    "[]",
    "{listn: ':3000'}",
    "{gateways: 0}",
    "{gateways: many}",
    "{log: {level: loud}}",
    "{http: {idle_timeout: 5}}",
    "{http: '${HTTP}'}",
    "plugins: [{apikey: {retention: 0}}]",
    "plugins: [{apikey: {retension: 3}}]",
    "plugins: [{apikey: , lock: }]",
    "plugins: [nosuchplugin]",
    "plugins: [{config: {}}]",
    "plugins: [{ratelimit: {policies: {default: {refill: fast}}}}]",
    "plugins: [{ratelimit: {policies: {'a b': {}}}}]",
    "routes: {/leaderboard/top: {auth: none}}",
]

failed = 0
for error in validator.iter_errors(yaml.safe_load(open(sys.argv[2]))):
    print(f"{sys.argv[2]}: {list(error.absolute_path)}: {error.message}")
    failed = 1
for text in RIGHT + WRONG:
    if validator.is_valid(yaml.safe_load(text)) != (text in RIGHT):
        print(f"should be {'accepted' if text in RIGHT else 'refused'}: {text}")
        failed = 1
sys.exit(failed)
