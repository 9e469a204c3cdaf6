#!/bin/bash
# tests/run.sh BINARY...    runs doctest programs from the root of the checkout
#
# TEST_PARTS=N (1) cuts each program's test cases into so many runs; TEST_JOBS=N (1) is how many runs go at a time.
# A run that goes well is one line, and those of its own that begin with "# "; of any other all that it said is shown. Counted are
# test cases, as doctest's last line tells them; a run that crashes, hangs, or ends without that line is one failure more.
# The last line is "N passed, N failed", with ", N skipped" where a program left out some. Exit 1 when anything failed.
# TEST_TIMEOUT=SECONDS (600) bounds each run. TEST_ARGUMENTS is handed to each: TEST_ARGUMENTS='-tc=*range*'.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

parts=${TEST_PARTS:-1} jobs=${TEST_JOBS:-1}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'kill $(jobs -rp) 2>/dev/null; wait; exit 130' INT TERM
passed=0 failed=0 skipped=0

# run NUMBER PROGRAM ARGUMENT... : what it says, its exit status and its milliseconds go to $work/NUMBER.*
run() {
  local began=${EPOCHREALTIME/./} status child
  { timeout -k 10 "${TEST_TIMEOUT:-600}" "${@:2}" >"$work/$1.out" 2>&1 </dev/null & } 2>/dev/null
  child=$!
  # shellcheck disable=SC2064   # this child
  trap "kill $child" TERM
  { wait "$child"; } 2>/dev/null
  status=$?
  echo "$status $(((${EPOCHREALTIME/./} - began) / 1000))" >"$work/$1.new"
  mv "$work/$1.new" "$work/$1.end"
}

# report NUMBER : once it has ended.
report() {
  local out=$work/$1.out name=${names[$1]} status took ok=0 bad=0 skip=0 why='' summary
  read -r status took <"$work/$1.end"
  summary=$(grep -aE '^\[doctest\] test cases: ' "$out" | tail -n 1)
  if [[ $summary =~ \|\ *([0-9]+)\ passed\ *\|\ *([0-9]+)\ failed\ *\|\ *([0-9]+)\ skipped ]]; then
    ok=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]} skip=${BASH_REMATCH[3]}
    # Those of the other parts count as passed with doctest.
    ok=$((ok - ${others[$1]}))
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
    printf 'not ok - %s: %d passed, %d failed%s\n' "$name" "$ok" "$bad" "${why:+ ($why)}"
  else
    printf 'ok - %s: %d passed%s, %d.%03d s\n' "$name" "$ok" "$( ((skip)) && echo ", $skip skipped")" $((took / 1000)) $((took % 1000))
    grep -a '^# ' "$out"
  fi
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

names=() others=() reported=0
report_ended() {
  while ((reported < ${#names[@]})) && [[ -e $work/$reported.end ]]; do report $((reported++)); done
}
# start NAME OTHERS PROGRAM ARGUMENT... : OTHERS is how many test cases the arguments leave to other runs.
start() {
  while (($(jobs -rp | wc -l) >= jobs)); do
    wait -n
    report_ended
  done
  names+=("$1") others+=("$2")
  run $((${#names[@]} - 1)) "${@:3}" &
}

for program in "$@"; do
  # shellcheck disable=SC2206   # the words are the arguments
  arguments=(${TEST_ARGUMENTS:-})
  if ((parts == 1)); then
    start "$program" 0 "$program" "${arguments[@]}"
    continue
  fi
  # By name, so that the slow tests of one file are spread.
  count=$("$program" -c "${arguments[@]}" 2>/dev/null | sed -n 's/.*current filters: //p' | tail -n 1)
  if [[ ! $count ]]; then  # a program that cannot even count says why when it is run
    start "$program" 0 "$program" "${arguments[@]}"
    continue
  fi
  for ((part = 0; part < parts; part++)); do
    first=$((count * part / parts + 1)) last=$((count * (part + 1) / parts))
    ((first <= last)) || continue
    start "$program $((part + 1))/$parts" $((count - last + first - 1)) "$program" -ob=name -f=$first -l=$last "${arguments[@]}"
  done
done
while (($(jobs -rp | wc -l))); do wait -n; done
report_ended

echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
((failed == 0))
