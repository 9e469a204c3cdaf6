#!/bin/bash
# Prints the results of the spike as three tables: what the flows cost, what the compilers make of the cases, and whether
# the flows stay right when cancelled and when another thread answers; `run.sh costs` (or cases, or sanitized) prints one.
# Needs g++-12, clang++-19 and libevent. Each flow is measured in ROUNDS (11) interleaved runs.
set -u
cd "$(dirname "$0")" || exit 1
BUILD=$(mktemp -d) || exit 1
trap 'rm -rf "$BUILD"' EXIT
ROUNDS=${ROUNDS:-11}
FLAGS="-std=c++20 -Wall -Wextra -Wshadow -pthread"
LIBRARIES="-levent_core -levent_pthreads"
export ASAN_OPTIONS=exitcode=66 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=exitcode=66 LSAN_OPTIONS=exitcode=66

# Runs a program and says in one word how it ended.
verdict() {
  timeout 30 "$@" >"$BUILD/out" 2>&1
  case $? in
    0) echo right ;;
    3) echo wrong ;;
    66) grep -q 'detected memory leaks' "$BUILD/out" && echo leak || echo report ;;
    124) echo hangs ;;
    *) echo crash ;;
  esac
} 2>/dev/null

# try_case COMPILER SYMMETRIC CASE FLAGS...: compiles a case and runs it.
try_case() {
  local compiler=$1 symmetric=$2 case=$3
  shift 3
  if $compiler $FLAGS -DSPIKE_SYMMETRIC=$symmetric "$@" "cases/$case.cc" -o "$BUILD/case" 2>"$BUILD/errors"; then
    verdict "$BUILD/case"
  elif grep -q 'internal compiler error' "$BUILD/errors"; then
    echo 'compiler crash'
  else
    echo refused
  fi
}

case_row() {
  local name=$1 case=$2 symmetric=$3 row compiler
  row="| $name |"
  for compiler in g++-12 clang++-19; do
    row+=" $(try_case $compiler "$symmetric" "$case" -O0) |"
    row+=" $(try_case $compiler "$symmetric" "$case" -O2) |"
    row+=" $(try_case $compiler "$symmetric" "$case" -O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all) |"
    row+=" $(try_case $compiler "$symmetric" "$case" -O1 -g -fsanitize=thread) |"
  done
  echo "$row"
}

cases() {
  local compiler
  echo '| case | g++ -O0 | -O2 | asan,ubsan | tsan | clang -O0 | -O2 | asan,ubsan | tsan |'
  echo '|---|---|---|---|---|---|---|---|---|'
  case_row '`if (!co_await a()) co_return`' condition 1
  case_row '`if (co_await a() \|\| co_await b())`' either 1
  case_row 'braced aggregate by value' aggregate 1
  case_row '`co_await f({"a", "b"})`' list 1
  case_row 'a million awaits, symmetric' million 1
  case_row 'a million awaits, trampoline' million 0
  case_row 'braced awaiter with `this` in a member' awaiter 1
  case_row '`c ? co_await a() : B()`' ternary 1
  case_row 'cancelled in a half-made aggregate' cancel 1
  case_row 'cancelled in a `new` expression' new 1
  echo
  for compiler in g++-12 clang++-19; do
    $compiler $FLAGS -c cases/dangling.cc -o "$BUILD/dangling.o" 2>"$BUILD/errors"
    echo "Tasks that outlive what they refer to, of two: $compiler warns of $(grep -c 'Wdangling' "$BUILD/errors")."
  done
}

# name | flow | compiler | flags
candidates() {
  cat <<'LIST'
steps, g++|steps|g++-12|
steps, clang|steps|clang++-19|
coroutines, clang, symmetric|coroutines|clang++-19|-DSPIKE_SYMMETRIC=1
coroutines, clang, trampoline|coroutines|clang++-19|-DSPIKE_SYMMETRIC=0
coroutines, clang, symmetric, one file|coroutines|clang++-19|-DSPIKE_SYMMETRIC=1 -DSPIKE_SEPARATE=0
limited coroutines, clang, symmetric|limited|clang++-19|-DSPIKE_SYMMETRIC=1
limited coroutines, g++, trampoline|limited|g++-12|-DSPIKE_SYMMETRIC=0
coroutines, g++, trampoline|coroutines|g++-12|-DSPIKE_SYMMETRIC=0
LIST
}

median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

lowest() { sort -n | head -1; }

lines() { cat "$@" | grep -cvE '^ *(//.*)?$'; }

# build PROGRAM FLOW COMPILER MODE FLAGS: what all flows share is compiled once for each compiler and mode.
build() {
  local program=$1 flow=$2 compiler=$3 mode=$4 flags=$5 source
  local shared="$BUILD/$compiler$(tr -d ' ' <<<"$mode")"
  mkdir -p "$shared"
  for source in bench world memory; do
    [ -e "$shared/$source.o" ] || $compiler $FLAGS $mode -c $source.cc -o "$shared/$source.o" || return 1
  done
  $compiler $FLAGS $mode $flags "$shared"/*.o "flow_$flow.cc" -o "$BUILD/$program" $LIBRARIES
}

# Processor seconds to compile a flow alone, the least of five.
compile_seconds() {
  local flow=$1 compiler=$2
  shift 2
  local TIMEFORMAT='%U %S' round
  for round in 1 2 3 4 5; do
    { time $compiler $FLAGS "$@" -c "flow_$flow.cc" -o "$BUILD/flow.o"; } 2>&1 | awk '{ printf "%.2f\n", $1 + $2 }'
  done | lowest
}

costs() {
  local index=0 round name flow compiler flags
  while IFS='|' read -r name flow compiler flags; do
    build "time$((++index))" "$flow" "$compiler" -O2 "$flags" || exit 1
    timeout 20 "$BUILD/time$index" time >/dev/null || rm "$BUILD/time$index"
  done < <(candidates)
  for round in $(seq "$ROUNDS"); do
    for program in "$BUILD"/time?; do "$program" time >>"$program.runs"; done
  done
  echo '| flow | ns a request (lowest) | allocations | bytes allocated | most bytes held a connection | held when idle | compile -O0 | -O2 | lines | totals |'
  echo '|---|---|---|---|---|---|---|---|---|---|'
  index=0
  while IFS='|' read -r name flow compiler flags; do
    local runs="$BUILD/time$((++index)).runs"
    if [ ! -e "$runs" ]; then
      echo "| $name | did not finish | | | | | | | $(lines "flow_$flow.cc") | |"
      continue
    fi
    echo "| $name | $(cut -d' ' -f1 "$runs" | median) ($(cut -d' ' -f1 "$runs" | lowest))" \
      "$(awk 'NR == 1 { print "|", $2, "|", $3, "|", $4 }' "$runs") | $("$BUILD/time$index" idle)" \
      "| $(compile_seconds "$flow" "$compiler" -O0 $flags) s | $(compile_seconds "$flow" "$compiler" -O2 $flags) s" \
      "| $(lines "flow_$flow.cc") | $(cut -d' ' -f5 "$runs" | sort -u | cut -c1-8) |"
  done < <(candidates)
  echo
  echo "Lines shared by the coroutine flows: $(lines task.h) in task.h, $(lines awaiters.h) in awaiters.h."
}

# Every flow, destroyed at some moment of each connection's life, then served with a second thread answering.
sanitized() {
  local name flow compiler flags mode row
  echo '| flow | -O0 | -O2 | asan,ubsan | tsan |'
  echo '|---|---|---|---|---|'
  while IFS='|' read -r name flow compiler flags; do
    row="| $name |"
    for mode in '-O0' '-O2' '-O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all -DSPIKE_SANITIZED' \
      '-O1 -g -fsanitize=thread -DSPIKE_SANITIZED'; do
      build check "$flow" "$compiler" "$mode" "$flags" || exit 1
      row+=" $(verdict "$BUILD/check" cancel), $(verdict "$BUILD/check" pool) |"
    done
    echo "$row"
  done < <(candidates)
}

g++-12 --version | head -1
clang++-19 --version | head -1
for table in ${*:-costs cases sanitized}; do
  echo
  $table
done
