#!/usr/bin/env bash
# tests/e2e/run.sh [NAME...]    the end-to-end tests: real registries, real clients, the real program
#
# Each NN-name.sh beside this is one test file; a NAME picks those whose file name contains it. Every check is a line
#
#     ok - SENTENCE      not ok - SENTENCE      skip - SENTENCE: REASON
#
# and the last line is "N passed, N failed, N skipped". Exit 1 when anything failed.
# Three files run at a time (E2E_JOBS), the slow ones first. WEIR=PATH is the program (build/release/weir). E2E_LONG=1: big and slow ones too.
# E2E_KEEP=1: keep what they made.

set -uo pipefail
[[ ${WEIR:-} ]] && export WEIR=$(realpath -m "$WEIR")
cd "$(dirname "$0")" || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A test that is told to end cleans up after itself.
trap 'kill $(jobs -rp) 2>/dev/null; wait; exit 130' INT TERM
passed=0 failed=0 skipped=0

wanted() {
  local name
  (($# > 1)) || return 0
  for name in "${@:2}"; do [[ $1 == *"$name"* ]] && return; done
  return 1
}

# run_file FILE : what it says, its exit status and how long it took go to files in $work.
run_file() {
  local began=$SECONDS child status
  timeout -k 30 "${E2E_TIMEOUT:-1800}" bash "$PWD/$1" >"$work/$1.out" 2>"$work/$1.err" </dev/null &
  child=$!
  # shellcheck disable=SC2064   # this child
  trap "kill $child" TERM
  wait "$child"
  status=$?
  wait "$child" 2>/dev/null     # when a signal ended the first
  echo "$status $((SECONDS - began))" >"$work/$1.end.new"
  mv "$work/$1.end.new" "$work/$1.end"
}

# report FILE : once it has ended.
report() {
  local file=$1 status seconds ok bad skip
  read -r status seconds <"$work/$file.end"
  cat "$work/$file.out"
  cat "$work/$file.err" >&2
  ok=$(grep -c '^ok - ' "$work/$file.out") bad=$(grep -c '^not ok - ' "$work/$file.out") skip=$(grep -c '^skip - ' "$work/$file.out")
  if ((status != 0 && bad == 0)) || ((ok + bad + skip == 0)); then
    echo "not ok - $file runs to its end (it ended with $status)"
    bad=$((bad + 1))
  fi
  echo "# $file: $seconds s" >&2
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

# Those that have ended, in their order, as far as the first that has not.
waiting=()
report_ended() {
  while ((${#waiting[@]})) && [[ -e $work/${waiting[0]}.end ]]; do
    report "${waiting[0]}"
    waiting=("${waiting[@]:1}")
  done
}

running() { jobs -rp | wc -l; }

# They wait more than they work, so three at a time. The slow ones begin, or the last of them would run alone; one that puts
# together what the others learned comes after them.
slow=(22-faults.sh 21-engines.sh 66-small-disk.sh 23-bypass.sh 20-containerd.sh 40-crash.sh)
last=(29-nodes.sh)
rest=()
for file in [0-9][0-9]-*.sh; do
  [[ " ${slow[*]} ${last[*]} " == *" $file "* ]] || rest+=("$file")
done
for file in "${slow[@]}" "${rest[@]}" "${last[@]}"; do
  wanted "$file" "$@" || continue
  most=${E2E_JOBS:-3}
  [[ " ${last[*]} " != *" $file "* ]] || most=1
  while (($(running) >= most)); do
    wait -n
    report_ended
  done
  run_file "$file" &
  waiting+=("$file")
done
wait
report_ended

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed + skipped > 0))
