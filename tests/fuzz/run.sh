#!/bin/bash
# tests/fuzz/run.sh BINARY...    each target over its kept corpus, then FUZZ_SECONDS (5) of new input
#
# What is found goes to build/fuzz/findings; what is worth keeping is copied to tests/fuzz/corpus by hand.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
seconds=${FUZZ_SECONDS:-5}
passed=0 failed=0
mkdir -p build/fuzz/findings
for binary in "$@"; do
  name=${binary##*/fuzz_}
  grown=build/fuzz/corpus/$name
  mkdir -p "$grown" "tests/fuzz/corpus/$name"
  log=build/fuzz/$name.log
  if "$binary" -runs=0 "tests/fuzz/corpus/$name" >"$log" 2>&1 &&
    "$binary" -max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/findings/$name-" \
      "$grown" "tests/fuzz/corpus/$name" >>"$log" 2>&1; then
    echo "ok - $name: $(grep -aoE 'Done [0-9]+ runs' "$log" | tail -n 1)"
    passed=$((passed + 1))
  else
    tail -n 30 "$log"
    echo "not ok - $name"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
((failed == 0))
