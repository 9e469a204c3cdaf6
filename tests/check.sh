#!/bin/bash
# tests/check.sh    every suite there is, the cheap ones first; what `make check` runs
#
#   lint        tools/lint
#   scenario    the real program beside a scripted upstream, in release, asan (with ubsan) and tsan
#   support     the scripted upstream and its like, tested on their own
#   crash       the real program recorded, and every state that a crash may leave opened again, in release
#   e2e         the real program between real registries and real clients, in release
#   unit        one program a room, in asan, and tsan where a room has threads; CHECK_LONG=1: in release as well
#   fuzz        every parser: its corpus, then FUZZ_SECONDS (1) of new input each
#   instructions  with CHECK_LONG=1: what a hit, a miss and others cost, compared with the figures in the tree
#
# What is needed for the sanitizers is built while the tests in release run: these wait more than they work, and the
# compiler takes only what they leave.
#
# What a suite says goes to build/check/NAME.log and here; its last line,
# "N passed, N failed[, N skipped]", is added up, and an end without such a line, or a wrong exit code, is one failure.
# The very last line is the sum. Exit 1 when anything failed. CHECK_LONG=1: the big images, long fuzzing, minutes of chaos,
# hundreds of kills.
# CHECK_ONLY='unit scenario' runs the suites whose names contain one of the words.
# CHECK_BUSY=N runs N loops beside it that do nothing but take a processor, and CHECK_RUNS=N does all of it N times, until one fails:
# CHECK_BUSY=2 CHECK_RUNS=3 tests/check.sh finds tests that fail on a busy machine.

set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
logs=build/check
mkdir -p "$logs"
if [[ ${CHECK_LONG:-} ]]; then export E2E_LONG=1 WEIR_CRASH_EVERY=${WEIR_CRASH_EVERY:-1} FUZZ_SECONDS=${FUZZ_SECONDS:-300} WEIR_CHAOS_SECONDS=${WEIR_CHAOS_SECONDS:-180} WEIR_KILLS=${WEIR_KILLS:-300} WEIR_RELOADS=${WEIR_RELOADS:-1000} TEST_TIMEOUT=${TEST_TIMEOUT:-1800}; else export FUZZ_SECONDS=${FUZZ_SECONDS:-1}; fi

if ((${CHECK_RUNS:-1} > 1)); then
  for ((run = 1; run <= CHECK_RUNS; run++)); do
    echo "== run $run of $CHECK_RUNS"
    CHECK_RUNS=1 tests/check.sh || exit
  done
  exit
fi

# They end with this shell, whatever ends it, for they look whether it is there.
busy=()
for ((i = 0; i < ${CHECK_BUSY:-0}; i++)); do
  while kill -0 $$ 2>/dev/null; do for ((turn = 0; turn < 200000; turn++)); do :; done; done </dev/null >/dev/null 2>&1 &
  busy+=($!)
done

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
  if "${@:2}" >>"$log" 2>&1; then
    row "$name" - - - $((SECONDS - began)) ''
    return 0
  fi
  tail -n 60 "$log"
  row "$name" 0 1 0 $((SECONDS - began)) "did not build"
  failed=$((failed + 1))
  return 1
}

# Sanitizers look at the program's memory: what their tests store lies in memory as well, where there is room, and need not wait
# for a disk.
memory=
if (($(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1) + 0 > 6 << 20)); then memory=$(mktemp -d /dev/shm/weir-check.XXXXXX); fi

# Builds MODE in the background with what the tests leave of the processors; compile waits for it by awaited MODE.
background=
ahead() {
  rm -f "$logs"/build-{asan,tsan}.status
  (
    trap 'kill $!; exit' TERM
    for mode in asan tsan; do
      # shellcheck disable=SC2046   # the words are the targets
      chrt --idle 0 make -s -j2 "MODE=$mode" $(targets $mode) >"$logs/build-$mode.log" 2>&1 &
      wait $!
      echo $? >"$logs/build-$mode.status"
    done
  ) &
  background=$!
}
awaited() {
  while [[ ! -e $logs/build-$1.status ]] && kill -0 "$background" 2>/dev/null; do sleep 0.2; done
  return "$(cat "$logs/build-$1.status")"
}
trap '[[ ! $background ]] || kill "$background" 2>/dev/null; ((${#busy[@]} == 0)) || kill "${busy[@]}" 2>/dev/null
  [[ ! $memory ]] || rm -rf "$memory"' EXIT

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

targets() { if [[ $1 == asan ]]; then echo all units fuzzers; else echo all units; fi; }
unit() {
  [[ $1 == release ]] || local -x TMPDIR=${memory:-${TMPDIR:-/tmp}}
  TEST_PARTS=6 TEST_JOBS=2 build "MODE=$1" unit
}
# The program is the one of the mode; whoever plays its upstream and its clients is always built for release: it is not
# what is under test, and it should keep out of the way of the program's timing.
scenario() {
  build "MODE=$1" "build/$1/weir" || return
  [[ $1 == release ]] || local -x WEIR_SANITIZED=yes TMPDIR=${memory:-${TMPDIR:-/tmp}}
  WEIR=build/$1/weir TEST_PARTS=34 TEST_JOBS=3 tests/run.sh build/release/tests/scenario_tests
}
support() { build build/release/tests/support_selftest && tests/run.sh build/release/tests/support_selftest; }
# Every step but of the many lives, of which every tenth; CHECK_LONG looks at all. WEIR_CRASH_EVERY=N says otherwise.
crash() { build MODE=release crash; }
e2e() { build build/release/tests/e2e/tap && WEIR=build/release/weir tests/e2e/run.sh; }
fuzz() { build fuzz; }
# Each operation is a line of its table, and a test.
instructions() {
  local table status
  table=$(build MODE=release bench-instructions)
  status=$?
  echo "$table"
  echo "$(grep -c '  ok$' <<<"$table") passed, $(grep -cE '  (costs (more|less)|not in the table|not counted)$' <<<"$table") failed"
  return $status
}

suite lint tools/lint
compile 'build release' build MODE=release all build/release/tests/{scenario_tests,support_selftest,crash_tests,e2e/tap} || finish
if wanted asan || wanted tsan || wanted fuzz; then ahead; fi
suite 'scenario' scenario release
suite 'support' support
suite 'crash' crash
suite 'e2e' e2e
[[ ! ${CHECK_LONG:-} ]] || suite 'unit' unit release
[[ ! ${CHECK_LONG:-} ]] || suite 'instructions' instructions
for mode in asan tsan; do
  compile "build $mode" awaited $mode || continue
  suite "unit $mode" unit $mode
  suite "scenario $mode" scenario $mode
  [[ $mode != asan ]] || suite 'fuzz' fuzz
done
finish
