#!/bin/sh
# Buys a rotation with nothing but curl. It works with a sandbox, which signs for you: its
# POST /sandbox/pay answers terms with a payment from a throw-away wallet.
#
#   make run                     # serves a sandbox on 127.0.0.1:8402
#   sh examples/curl.sh [URL]    # in another terminal; prints the answer and, before it, the receipt
set -eu
url=${1:-http://127.0.0.1:8402}
order='{"start": "2026-06-04T00:00:00Z", "people": ["alice", "bob"], "shifts": 3}'

post() { # path, further arguments of curl
  path=$1 && shift
  curl --silent --show-error -H 'Content-Type: application/json' "$url$path" "$@"
}
buy() { post /v1/scheduling/oncall-rotation --data "$order" "$@"; }

terms=$(buy)                                             # 402: what it costs, free of charge
payment=$(echo "$terms" | post /sandbox/pay --fail --data @- -H 'Accept: text/plain')
buy --fail --header "$payment" --dump-header /dev/stderr # 200: the answer, and its receipt
