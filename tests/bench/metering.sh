#!/bin/bash
# tests/bench/metering.sh A B CONFIG PATH [ROUNDS]    two programs, hit by hit: what metering costs
#
# A and B are builds of weir, such as one from before a change and one with it. Both serve CONFIG, whose store holds PATH (a manifest or a
# small blob, such as /v2/library/alpine/manifests/latest): pull it once before. In each round both are started one after the other, in
# turn the one and the other first, asked 20000 times over 32 connections for a start and 60000 times for the figure. Printed are answers
# for each second of the server's processors, round by round, then the medians and how far B is from A. Expects nobody else on the machine.

set -euo pipefail
cd "$(dirname "$0")/../.."
(($# >= 4)) || { sed -n '2,4p' "$0" >&2; exit 2; }
a=$1 b=$2 config=$3 path=$4 rounds=${5:-9}
work=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null || true; rm -rf "$work"' EXIT

clang++-19 -O2 -std=c++20 -Itests/bench -o "$work/load" tests/bench/{load,response_head,server_cpu,sha256}.cc -lcrypto

# rate PROGRAM : answers for each second of its processors, in $rate
rate() {
  rm -f "$work/ports"
  "$1" serve --config "$config" --set server.listen=127.0.0.1:0 --set admin.listen=off --set log.access=off \
    --set "server.ports-file=$work/ports" >"$work/log" 2>&1 &
  pid=$!
  for ((i = 0; i < 100; i++)); do [[ -s $work/ports ]] && break; sleep 0.1; done
  local address said
  address=$(awk '$1 == "server" { print $2; exit }' "$work/ports")
  "$work/load" --to "$address" --path "$path" --requests 20000 --connections 32 >/dev/null
  said=$("$work/load" --to "$address" --path "$path" --requests 60000 --connections 32 --server-pid $pid --settle)
  kill $pid
  wait $pid || true
  rate=$(awk '{ for (i = 1; i <= NF; i++) { split($i, part, "="); value[part[1]] = part[2] } printf "%.0f", value["requests"] / value["settled_cpu"] }' <<<"$said")
}

for ((round = 1; round <= rounds; round++)); do
  if ((round % 2)); then rate "$a"; of_a=$rate; rate "$b"; of_b=$rate; else rate "$b"; of_b=$rate; rate "$a"; of_a=$rate; fi
  echo "round $round: A $of_a, B $of_b"
  echo "$of_a" >>"$work/a"
  echo "$of_b" >>"$work/b"
done
median() { sort -n "$1" | awk '{ line[NR] = $1 } END { print line[int((NR + 1) / 2)] }'; }
awk -v a="$(median "$work/a")" -v b="$(median "$work/b")" 'BEGIN { printf "medians: A %d, B %d: %+.1f %%\n", a, b, (b - a) / a * 100 }'
