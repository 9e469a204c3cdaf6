#!/bin/bash
# tests/check.sh    every suite there is, the cheap ones first; what `make check` runs
#
#   lint        tools/lint
#   unit        one program a room, in release, asan (with ubsan), and tsan where a room has threads
#   support     the scripted upstream and its like, tested on their own
#   scenario    the real program beside a scripted upstream, in release, asan and tsan
#   crash       the real program recorded, and every state that a crash may leave opened again, in release
#   e2e         the real program between real registries and real clients, in release
#   fuzz        every parser: its corpus, then FUZZ_SECONDS (3) of new input each
#
# A suite whose files are not there is left out. What a suite says goes to build/check/NAME.log and here; its last line,
# "N passed, N failed[, N skipped]", is added up, and an end without such a line, or a wrong exit code, is one failure.
# The very last line is the sum. Exit 1 when anything failed. CHECK_LONG=1: the big images, long fuzzing, minutes of chaos,
# hundreds of kills.
# CHECK_ONLY='unit scenario' runs the suites whose names contain one of the words.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
logs=build/check
mkdir -p "$logs"
if [[ ${CHECK_LONG:-} ]]; then export E2E_LONG=1 WEIR_CRASH_EVERY=${WEIR_CRASH_EVERY:-1} FUZZ_SECONDS=${FUZZ_SECONDS:-300} WEIR_CHAOS_SECONDS=${WEIR_CHAOS_SECONDS:-180} WEIR_KILLS=${WEIR_KILLS:-300} TEST_TIMEOUT=${TEST_TIMEOUT:-1800}; else export FUZZ_SECONDS=${FUZZ_SECONDS:-3}; fi

# A finding ends the program, with a stack that names lines.
symbolizer=$(command -v llvm-symbolizer-19 || true)
export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1${symbolizer:+:external_symbolizer_path=$symbolizer}"
export UBSAN_OPTIONS="print_stacktrace=1${symbolizer:+:external_symbolizer_path=$symbolizer}"
# A rebuild looks at the old index in a forked process, which tsan would end for its threads.
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:die_after_fork=0${symbolizer:+:external_symbolizer_path=$symbolizer}"

build() { make -s -j2 "$@"; }

passed=0 failed=0 skipped=0 table=

wanted() {
  local word
  [[ ${CHECK_ONLY:-} ]] || return 0
  for word in $CHECK_ONLY; do [[ $1 == *"$word"* ]] && return; done
  return 1
}

# row NAME PASSED FAILED SKIPPED SECONDS WHY
row() { table+=$(printf '  %-20s %7s %7s %8s %8d  %s' "$@")$'\n'; }

# compile NAME COMMAND... : what it says is shown only when it fails, and then it is one failure.
compile() {
  local name=$1 began=$SECONDS log="$logs/${1// /-}.log"
  wanted "${name#build }" || [[ $name == 'build release' && ${CHECK_ONLY:-} != lint ]] || return 0
  echo "== $name"
  if "${@:2}" >"$log" 2>&1; then
    row "$name" - - - $((SECONDS - began)) ''
    return 0
  fi
  tail -n 60 "$log"
  row "$name" 0 1 0 $((SECONDS - began)) "did not build"
  failed=$((failed + 1))
  return 1
}

# suite NAME COMMAND...
suite() {
  local name=$1 began=$SECONDS log="$logs/${1// /-}.log" status ok=0 bad=0 skip=0 why=''
  wanted "$name" || return 0
  echo "== $name"
  "${@:2}" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  if [[ $(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1) =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    ok=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]} skip=${BASH_REMATCH[4]:-0}
  else
    why="ended without its last line"
  fi
  ((status == 0 || bad > 0)) || why="${why:+$why, }exit code $status"
  [[ ! $why ]] || bad=$((bad + 1))
  row "$name" "$ok" "$bad" "$skip" $((SECONDS - began)) "$why"
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

finish() {
  row total $passed $failed $skipped $SECONDS ''
  printf '\n  %-20s %7s %7s %8s %8s\n%s\n' suite passed failed skipped seconds "$table"
  if ((skipped)); then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
  ((failed == 0 && passed > 0))
  exit
}

any() { compgen -G "$1" >/dev/null; }
units() { any 'tests/unit/*/*_test.cc' || any 'tests/unit/*/*/*_test.cc'; }
scenarios() { any 'tests/scenario/*.cc'; }

# Rooms without a thread have nothing to show to tsan.
unit() {
  if [[ $1 == tsan ]]; then build MODE=tsan UNIT_ROOMS='base meter cache proxy/http proxy/upstream proxy' unit
  else build "MODE=$1" unit; fi
}
# The program is the one of the mode; whoever plays its upstream and its clients is always built for release: it is not
# what is under test, and it should keep out of the way of the program's timing.
scenario() {
  build "MODE=$1" "build/$1/weir" || return
  [[ $1 == release ]] || local -x WEIR_SANITIZED=yes
  WEIR=build/$1/weir tests/run.sh build/release/tests/scenario_tests
}
support() { build build/release/tests/support_selftest && tests/run.sh build/release/tests/support_selftest; }
# Every step but of the many lives, of which every fifth; CHECK_LONG looks at all. WEIR_CRASH_EVERY=N says otherwise.
crash() { build MODE=release crash; }
e2e() { build build/release/tests/e2e/tap && WEIR=build/release/weir tests/e2e/run.sh; }
fuzz() { build fuzz; }

suite lint tools/lint
compile 'build release' build MODE=release all || finish
if units; then suite 'unit' unit release; fi
if [[ -f tests/support/selftest.cc ]]; then suite 'support' support; fi
if scenarios && compile 'build scenario' build build/release/tests/scenario_tests; then
  scenario_tests=yes
  suite 'scenario' scenario release
fi
if any 'tests/crash/*_test.cc'; then suite 'crash' crash; fi
if [[ -x tests/e2e/run.sh ]]; then suite 'e2e' e2e; fi
for mode in asan tsan; do
  compile "build $mode" build "MODE=$mode" all || continue
  if units; then suite "unit $mode" unit $mode; fi
  if [[ ${scenario_tests:-} ]]; then suite "scenario $mode" scenario $mode; fi
  if [[ $mode == asan ]] && any 'tests/fuzz/*.cc'; then suite 'fuzz' fuzz; fi
done
finish
