#!/bin/bash
# tests/run.sh BINARY...    runs doctest programs one after the other, from the root of the checkout
#
# A program that goes well is one line, and those of its own that begin with "# "; of any other all that it said is shown. Counted are test cases, as doctest's
# last line tells them; a program that crashes, hangs, or ends without that line is one failure more.
# The last line is "N passed, N failed", with ", N skipped" where some were. Exit 1 when anything failed.
# TEST_TIMEOUT=SECONDS (600) bounds each program. TEST_ARGUMENTS is handed to each: TEST_ARGUMENTS='-tc=*range*'.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
passed=0 failed=0 skipped=0

for program in "$@"; do
  began=${EPOCHREALTIME/./}
  # shellcheck disable=SC2086   # the words are the arguments
  { timeout -k 10 "${TEST_TIMEOUT:-600}" "$program" ${TEST_ARGUMENTS:-} >"$out" 2>&1; } 2>/dev/null
  status=$?
  took=$(((${EPOCHREALTIME/./} - began) / 1000))
  ok=0 bad=0 skip=0 why=
  # [doctest] test cases:  3 |  2 passed | 1 failed | 0 skipped
  summary=$(grep -aE '^\[doctest\] test cases: ' "$out" | tail -n 1)
  if [[ $summary =~ \|\ *([0-9]+)\ passed\ *\|\ *([0-9]+)\ failed\ *\|\ *([0-9]+)\ skipped ]]; then
    ok=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]} skip=${BASH_REMATCH[3]}
  else
    why="it ended without doctest's summary"
  fi
  if ((status == 124)); then why="it was stopped after ${TEST_TIMEOUT:-600} s"
  elif ((status > 128)); then why="signal $((status - 128)) ended it"
  elif ((status != 0 && bad == 0)); then why="exit code $status${why:+, and $why}"
  fi
  if [[ $why ]]; then bad=$((bad + 1)); fi
  if ((bad)); then
    sed 's/^/    /' "$out"
    printf 'not ok - %s: %d passed, %d failed%s\n' "$program" "$ok" "$bad" "${why:+ ($why)}"
  else
    printf 'ok - %s: %d passed%s, %d.%03d s\n' "$program" "$ok" "$( ((skip)) && echo ", $skip skipped")" $((took / 1000)) $((took % 1000))
    grep -a '^# ' "$out"
  fi
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done

echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
((failed == 0))
