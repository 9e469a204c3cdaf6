#!/usr/bin/env bash
# tests/e2e/run.sh [NAME...]    the end-to-end tests: real registries, real clients, the real program
#
# Each NN-name.sh beside this is one test file; a NAME picks those whose file name contains it. Every check is a line
#
#     ok - SENTENCE      not ok - SENTENCE      skip - SENTENCE: REASON
#
# and the last line is "N passed, N failed, N skipped". Exit 1 when anything failed.
# WEIR=PATH is the program (build/release/weir). E2E_LONG=1: big and slow ones too. E2E_KEEP=1: keep what they made.

set -uo pipefail
[[ ${WEIR:-} ]] && export WEIR=$(realpath -m "$WEIR")
cd "$(dirname "$0")" || exit 1

out=$(mktemp)
trap 'rm -f "$out"' EXIT
passed=0 failed=0 skipped=0

wanted() {
  local name
  (($# > 1)) || return 0
  for name in "${@:2}"; do [[ $1 == *"$name"* ]] && return; done
  return 1
}

for file in [0-9][0-9]-*.sh; do
  wanted "$file" "$@" || continue
  began=$SECONDS
  timeout -k 30 "${E2E_TIMEOUT:-900}" bash "$PWD/$file" | tee "$out"
  status=${PIPESTATUS[0]}
  ok=$(grep -c '^ok - ' "$out") bad=$(grep -c '^not ok - ' "$out") skip=$(grep -c '^skip - ' "$out")
  if ((status != 0 && bad == 0)) || ((ok + bad + skip == 0)); then
    echo "not ok - $file runs to its end (it ended with $status)"
    bad=$((bad + 1))
  fi
  echo "# $file: $((SECONDS - began)) s" >&2
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed + skipped > 0))
