#!/bin/bash
# tests/fuzz/run.sh BINARY...    each target over its kept corpus, then FUZZ_SECONDS (5) of new input; two at a time
#
# What is found goes to build/fuzz/findings; what is worth keeping is copied to tests/fuzz/corpus by hand.

set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
seconds=${FUZZ_SECONDS:-5}
mkdir -p build/fuzz/findings
rm -f build/fuzz/*.said

# run BINARY : what there is to say of it goes to build/fuzz/NAME.said.
run() {
  local name=${1##*/fuzz_} grown log
  grown=build/fuzz/corpus/$name log=build/fuzz/$name.log
  mkdir -p "$grown" "tests/fuzz/corpus/$name"
  # What was kept comes first, all of it.
  if "$1" -max_total_time="$seconds" -max_len=8192 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/findings/$name-" \
    "$grown" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    echo "ok - $name: $(grep -aoE 'Done [0-9]+ runs' "$log" | tail -n 1)"
  else
    tail -n 30 "$log"
    echo "not ok - $name"
  fi >"build/fuzz/$name.said"
}

for binary in "$@"; do
  while (($(jobs -rp | wc -l) >= 2)); do wait -n; done
  run "$binary" &
done
wait

passed=0 failed=0
for binary in "$@"; do
  said=build/fuzz/${binary##*/fuzz_}.said
  cat "$said"
  if [[ $(tail -n 1 "$said") == 'ok - '* ]]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
((failed == 0))
