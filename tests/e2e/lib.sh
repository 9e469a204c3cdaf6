# Sourced by every end-to-end test: a place of its own, named checks, and an end that leaves nothing behind.
#
#   check SENTENCE COMMAND...   runs COMMAND in a subshell under `set -e`; prints "ok - SENTENCE" or "not ok - SENTENCE"
#   skip  SENTENCE REASON       prints "skip - SENTENCE: REASON"
#   need  PROGRAM...            skips the whole file when one is missing
#   start NAME COMMAND...       a server in the background; stopped by its process id when the file ends
#
# E2E_KEEP=1 keeps the temporary directory. E2E_LONG=1 takes the big and slow images too.
# What a server wrote is in $T/NAME.log.

set -euo pipefail
shopt -s nullglob

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
WEIR=$(realpath -m "${WEIR:-$ROOT/build/release/weir}")
TAP=$(realpath -m "${TAP:-$ROOT/build/release/tests/e2e/tap}")
LONG=${E2E_LONG:-${CHECK_LONG:-}}
SUITE=$(sed -n '2s/^# //p' "$0")

# Nothing of the caller's: no proxies, no trust stores, no logins, no weir or registry settings.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
for name in $(compgen -e); do
  case $name in
    WEIR_* | REGISTRY_* | CONTAINER* | XDG_* | AWS_* | DOCKER_* | *_proxy | *_PROXY | SSL_CERT_* | *CA_BUNDLE*) unset "$name" ;;
  esac
done
export PATH LC_ALL=C.UTF-8

# On disk rather than in memory, and short enough for the names of sockets.
T=$(mktemp -d "${TMPDIR:-/var/tmp}/weir-e2e.XXXXXX")
export HOME=$T/home
mkdir "$HOME"

declare -A PID=()
FAILED=0

say() { echo "# $*" >&2; }

skip() { echo "skip - $1: $2"; }

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || { skip "$SUITE" "$program is not installed"; exit 0; }
  done
}

need_root() { [[ $EUID == 0 ]] || { skip "$SUITE" "needs root"; exit 0; }; }

check() {
  local sentence=$1 status
  shift
  set +e
  (set -e; "$@") >"$T/check.out" 2>&1
  status=$?
  set -e
  if ((status == 0)); then
    echo "ok - $sentence"
  else
    FAILED=1
    echo "not ok - $sentence"
    say "$* ended with $status"
    tail -n 15 "$T/check.out" | cut -c -400 | sed 's/^/#   /' >&2
  fi
}

# Helpers for the commands of a check: each says what it saw.
same() { [[ $1 == "$2" ]] || { echo "got '$1', wanted '$2'"; return 1; }; }
differ() { [[ $1 != "$2" ]] || { echo "both are '$1'"; return 1; }; }
at_most() { (($1 <= $2)) || { echo "got $1, wanted at most $2"; return 1; }; }
at_least() { (($1 >= $2)) || { echo "got $1, wanted at least $2"; return 1; }; }
matches() { grep -qE -- "$2" <<<"$1" || { echo "no match for '$2' in:"; echo "$1"; return 1; }; }

# learn ENGINE SUBJECT WHAT : a cell of the table of clients in docs/nodes.md, which 29-nodes.sh puts together.
# A file that learns calls learn_anew first.
LEARNED=$ROOT/build/e2e/learned
learn_anew() { mkdir -p "$LEARNED"; : >"$LEARNED/$(basename "$0" .sh)"; }
learn() { printf '%s\t%s\t%s\n' "$@" >>"$LEARNED/$(basename "$0" .sh)"; }

# exits CODE COMMAND... : the command ends with just this code; its output stays.
exits() {
  local want=$1 got=0
  shift
  "$@" || got=$?
  ((got == want)) || { echo "exit code $got, wanted $want"; return 1; }
}

# wait_for SECONDS COMMAND... : asks until the answer is yes. It asks once more when the time is over: a machine may stand still.
wait_for() {
  local end=$((SECONDS + $1)) over
  shift
  while :; do
    over=$((SECONDS > end))
    if "$@"; then return; fi
    ((!over)) || { echo "waited in vain for: $*" >&2; return 1; }
    sleep 0.05
  done
}

start() {
  local name=$1
  shift
  : >"$T/$name.log"     # here, not in the child: nobody may find what an earlier one of that name said
  "$@" >"$T/$name.out" 2>"$T/$name.log" </dev/null &
  PID[$name]=$!
}

# A child that ended stays a zombie until someone waits for it.
runs() {
  local state
  read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" && [[ $state != Z ]]
}

alive() { runs "${PID[$1]}" 2>/dev/null; }

# stop NAME [SIGNAL] : and waits until it is gone; what ignores the signal for forty seconds is killed.
stop() {
  local name=$1 pid=${PID[$1]:-} i
  [[ $pid ]] || return 0
  unset "PID[$name]"
  kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
  disown "$pid" 2>/dev/null || true          # or the shell tells that it was killed
  for ((i = 0; i < 900; i++)); do
    runs "$pid" 2>/dev/null || return 0
    if ((i == 800)); then
      say "$name does not end: it is killed"
      kill -s KILL "$pid" 2>/dev/null || true
    fi
    sleep 0.05
  done
}

the_end() {
  local status=$? name mount
  trap - EXIT
  set +e
  if ((status)); then echo "not ok - ${0##*/} runs to its end"; fi
  if ((FAILED || status)) && [[ -s $T/weir.log ]]; then
    say "the end of weir's log, without what went well:"
    grep -vE '"event":"access".*"status":[23]' "$T/weir.log" | tail -n 10 | cut -c -400 | sed 's/^/#   /' >&2
  fi
  [[ $(type -t end_containers) ]] && end_containers
  for name in "${!PID[@]}"; do stop "$name"; done
  while read -r _ mount _; do
    [[ $mount == "$T"/* ]] && umount -l "$mount"
  done < <(tac /proc/self/mounts)
  if [[ ${E2E_KEEP:-} ]]; then say "kept: $T"; else rm -rf --one-file-system "$T"; fi
  ((status)) || status=$FAILED
  exit "$status"
}
trap the_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

. "$HERE/images.sh"
. "$HERE/servers.sh"
. "$HERE/clients.sh"
. "$HERE/engines.sh"
. "$HERE/object-store.sh"
