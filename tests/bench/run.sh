#!/usr/bin/env bash
# run.sh [--only A|B|C]... [--json FILE]     what weir costs, beside its peers, in the same run (README.md)
#   A  manifest hit: server CPU a request, against nginx
#   B  blob hit: server CPU a gigabyte, against a bare sendfile loop
#   C  cold pull: seconds to the last byte, against docker-registry as a proxy
# BENCH_ROUNDS=5  BENCH_QUICK=1 (small sizes, two rounds: a smoke test)
# BENCH_THREADS=2 (of every server; in part A it is the number of cores less the client's)
# BUILD=build/release  WEIR=$BUILD/weir  CXX=clang++-19  TMPDIR=/tmp (a disk with 8 GiB free)
# Exit 0 whatever the figures say; 1 when a server broke or answered wrongly; 2 on wrong usage.
set -uo pipefail
PATH=$PATH:/usr/sbin # where Debian keeps nginx
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

only=() json=
while (($#)); do
  case $1 in
    --only) only+=("${2:-}") && shift 2 ;;
    --json) json=${2:-} && shift 2 ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "run.sh: unknown option $1" >&2 && exit 2 ;;
  esac
done
((${#only[@]})) || only=(A B C)
for part in "${only[@]}"; do [[ $part == [ABC] ]] || { echo "run.sh: --only A, B or C" >&2 && exit 2; }; done

quick=0
[[ ${BENCH_QUICK:-0} == 0 ]] || quick=1
rounds=${BENCH_ROUNDS:-$((quick ? 2 : 5))}
threads=${BENCH_THREADS:-2}
threads_beside_client=${BENCH_THREADS:-$(($(nproc) > 2 ? $(nproc) - 1 : 1))}
turns=$((quick ? 1 : 3)) # of every peer in a round of parts A and B: many short turns meet the same noise more evenly than few long ones
build=${BUILD:-build/release}
[[ $build == /* ]] || build=$top/$build
bin=$build/bench
weir=${WEIR:-$build/weir}
[[ $weir == /* ]] || weir=$top/$weir

say() { echo "$*" >&2; }

# program NAME SOURCES... [-lLIBRARY]: built when older than any source.
program() {
  local name=$1 source stale=1 compiler
  shift
  if [[ -x $bin/$name ]]; then
    stale=0
    for source in "$here"/*.cc "$here"/*.h; do [[ $source -nt $bin/$name ]] && stale=1; done
  fi
  ((stale)) || return 0
  say "building $name"
  read -ra compiler <<<"${CXX:-clang++-19}"
  (cd "$here" && "${compiler[@]}" -std=c++20 -O2 -Wall -Wextra -pthread "$@" -o "$bin/$name")
}

build_programs() {
  mkdir -p "$bin" &&
    program load load.cc response_head.cc server_cpu.cc sha256.cc -lcrypto &&
    program bare bare.cc &&
    program fixture fixture.cc sha256.cc -lcrypto &&
    program hash_floor hash_floor.cc sha256.cc -lcrypto &&
    program free_port free_port.cc &&
    program summary summary.cc
}
build_programs || { say "run.sh: the bench programs do not build"; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/weir-bench.XXXXXX") || exit 1
samples=$work/samples.tsv notes=$work/notes.tsv
: >"$samples"
: >"$notes"
# shellcheck source=servers.sh
. "$here/servers.sh"
# shellcheck source=images.sh
. "$here/images.sh"
# shellcheck source=manifest_hit.sh
. "$here/manifest_hit.sh"
# shellcheck source=blob_hit.sh
. "$here/blob_hit.sh"
# shellcheck source=cold_pull.sh
. "$here/cold_pull.sh"

finish() {
  stop_all
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# note KIND PART PEER REASON: once a part and peer; further runs of that pair are left out.
declare -A out_of_it
note() {
  [[ ${out_of_it[$2/$3]:-} ]] && return 0
  out_of_it[$2/$3]=$1
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$(tr '\n\t' '  ' <<<"$4")" >>"$notes"
  say "$1: part $2, $3: $4"
}
broken() { note broken "$@"; }

# have PART PEER PROGRAM: 1, and a note, when it is not there.
have() {
  command -v "$3" >/dev/null && return 0
  note skipped "$1" "$2" "$3 is not $([[ $3 == /* ]] && echo built || echo installed)"
  return 1
}

# ready PART PEER START...: starts a server, or notes why it would not.
ready() {
  local part=$1 peer=$2
  shift 2
  [[ ${out_of_it[$part/$peer]:-} ]] && return 1
  "$@" && return 0
  broken "$part" "$peer" "$why"
  return 1
}

# ask PART PEER NAME PATH OPTIONS...: loads the server NAME; what `load` printed is in $measured. 1 when it does not run or answered wrongly.
measured=
ask() {
  local part=$1 peer=$2 name=$3 path=$4
  shift 4
  [[ ${out_of_it[$part/$peer]:-} || ! ${pid_of[$name]:-} ]] && return 1
  measured=$("$bin/load" --to "${address_of[$name]}" --path "$path" --server-pid "${pid_of[$name]}" "$@" 2>"$work/load.err") && return 0
  broken "$part" "$peer" "GET $path: $(cat "$work/load.err")"
  return 1
}

# check PART PEER NAME PATH SHA256 OPTIONS...: one request, its body hashed; never inside a timed run.
check() { ask "${@:1:4}" --sha256 "${@:5}"; }

# sample PART CASE PEER [MORE]: keeps $measured for the summary.
sample() { printf '%s\t%s\t%s\t%s %s\n' "$1" "$2" "$3" "$measured" "${4:-}" >>"$samples"; }

# in_turn ROUND NAME...: the names, each round beginning with another one, so that nobody always runs first.
in_turn() {
  local shift_by=$((($1 - 1) % ($# - 1)))
  shift
  echo "${@:shift_by+1}" "${@:1:shift_by}"
}

load_average=$(cut -d' ' -f1 /proc/loadavg)
awk -v load="$load_average" 'BEGIN { exit !(load > 0.5) }' && say "note: load average $load_average before the start: figures will be noisy"
free_kib=$(df --output=avail -k "$work" | tail -n 1)
((free_kib > 8 << 20 || quick)) || { say "run.sh: needs 8 GiB free in ${TMPDIR:-/tmp}"; exit 1; }

if ! command -v docker-registry >/dev/null; then
  for part in "${only[@]}"; do note skipped "$part" "every peer" "docker-registry, the upstream, is not installed"; done
elif ! start_registry upstream; then
  for part in "${only[@]}"; do broken "$part" upstream "$why"; done
else
  upstream=${address_of[upstream]}
  for part in "${only[@]}"; do
    case $part in
      A) manifest_hit ;;
      B) blob_hit ;;
      C) cold_pull ;;
    esac
  done
fi

filesystem=$(df --output=fstype "$work" | tail -n 1)
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "weir bench: medians of $rounds rounds, $threads threads a server ($threads_beside_client in part A), $(nproc) x $processor, Linux $(uname -r), $filesystem, load $load_average at the start"
((quick)) && echo "quick mode: sizes are too small for the figures to mean anything"
"$bin/summary" --samples "$samples" --notes "$notes" ${json:+--json "$json"} \
  --fact "date=$(date -u +%FT%TZ)" --fact "rounds=$rounds" --fact "threads=$threads" --fact "quick=$quick" --fact "cpus=$(nproc)" \
  --fact "processor=$processor" --fact "kernel=$(uname -r)" --fact "filesystem=$filesystem" --fact "load_average=$load_average" || exit 1
! grep -q '^broken' "$notes"
