#!/usr/bin/env bash
# guesses.sh     what password guesses cost those who only pull
#   Hits of a cached manifest, alone and beside a flood of /token: without credentials (what the requests themselves cost), with guesses
#   from one address (which the throttle holds up), and with guesses from many (which all would be hashed). Of each: hits a second, the
#   CPU of the event loops for each hit and each request of the flood together, and what the hashing threads took beside them.
# BENCH_ROUNDS=3  BENCH_HITS=100000  BENCH_RATE=2000 (requests of the flood a second)
# BUILD=build/release  WEIR=$BUILD/weir  CXX=clang++-19  TMPDIR=/tmp
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
rounds=${BENCH_ROUNDS:-3} hits=${BENCH_HITS:-100000} rate=${BENCH_RATE:-2000}
threads=$(($(nproc) > 2 ? $(nproc) - 1 : 1))
build=${BUILD:-build/release}
[[ $build == /* ]] || build=$top/$build
bin=$build/bench weir=${WEIR:-$build/weir}
[[ $weir == /* ]] || weir=$top/$weir

mkdir -p "$bin" && cd "$here" || exit 1
read -ra compiler <<<"${CXX:-clang++-19}"
make_program() { "${compiler[@]}" -std=c++20 -O2 -Wall -Wextra -pthread "${@:2}" -o "$bin/$1" || exit 1; }
make_program load load.cc response_head.cc server_cpu.cc sha256.cc -lcrypto
make_program fixture fixture.cc sha256.cc -lcrypto
make_program guess guess.cc

work=$(mktemp -d "${TMPDIR:-/tmp}/weir-guesses.XXXXXX") || exit 1
# shellcheck source=servers.sh
. "$here/servers.sh"
# shellcheck source=images.sh
. "$here/images.sh"
finish() {
  stop_all
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
give_up() {
  echo "guesses.sh: $*" >&2
  exit 1
}

start_registry upstream || give_up "the upstream $why"
push_image "${address_of[upstream]}" bench/small 12 1024 || give_up "push failed"
mkdir -p "$work/weir"
echo 'right' | "$weir" user add ann --file "$work/weir/users" >/dev/null || give_up "no user could be added"
# start_weir writes the configuration; what it lacks comes by --set.
real=$weir
cat >"$work/weir-with-users" <<END
#!/bin/sh
exec "$real" "\$@" --set auth.mode=optional --set auth.users-file="$work/weir/users"
END
chmod +x "$work/weir-with-users"
weir=$work/weir-with-users
start_weir weir "${address_of[upstream]}" off || give_up "weir $why"
server=${pid_of[weir]} to=${address_of[weir]}
path=/v2/bench/small/manifests/sha256:$manifest_digest

# cpu NICENESS: hundredths of seconds that the server's threads of that niceness have taken.
cpu() { cat /proc/"$server"/task/*/stat | sed 's/^.*) //' | awk -v nice="$1" '$17 == nice { sum += $12 + $13 } END { print sum + 0 }'; }

# Until nothing of the case before is being hashed any more.
settle() {
  local before=-1
  while [[ $(cpu 15) != "$before" ]]; do
    before=$(cpu 15)
    sleep 0.5
  done
}

# one CASE FLOOD-OPTIONS...: a line of figures.
one() {
  local name=$1 flood=0 loops hashing wall said
  shift
  settle
  if (($#)); then
    "$bin/guess" --to "$to" --rate "$rate" --guesses 100000 "$@" >"$work/flood" 2>&1 &
    flood=$!
    sleep 1
  fi
  loops=$(cpu 0) hashing=$(cpu 15)
  said=$("$bin/load" --to "$to" --path "$path" --accept "$manifest_type" --connections 32 --requests "$hits") || give_up "load: $said"
  loops=$(($(cpu 0) - loops)) hashing=$(($(cpu 15) - hashing))
  wall=${said#*wall=} wall=${wall%% *}
  if ((flood)); then
    kill "$flood" 2>/dev/null
    wait "$flood" 2>/dev/null
  fi
  awk -v name="$name" -v wall="$wall" -v loops="$loops" -v hashing="$hashing" -v hits="$hits" -v flood="$(($# ? rate : 0))" 'BEGIN {
    printf "%-34s %9.0f hits/s   %6.2f us of the loops a request   hashing %5.1f %% of a core\n",
      name, hits / wall, loops * 1e4 / (hits + flood * wall), hashing / wall }' | tee -a "$work/figures"
}
# medians CASE : of the loops' time a request.
medians() {
  grep -F "$1" "$work/figures" | sed 's/.*hits\/s *//' | sort -n | awk -v name="$1" '{ line[NR] = $1 } END {
    printf "%-34s %6.2f us of the loops a request, the median; from %.2f to %.2f\n", name, line[int((NR + 1) / 2)], line[1], line[NR] }'
}

echo "weir guesses: $rounds rounds, $hits hits each, $threads loop(s), floods of $rate/s, load $(cut -d' ' -f1 /proc/loadavg) at the start"
one "(warm)" >/dev/null
: >"$work/figures"
for ((round = 1; round <= rounds; round++)); do
  one "alone"
  one "requests without a password" --password no
  one "guesses from one address" --sources 1
  one "guesses from 60,000 addresses" --sources 60000 --known no
done
for name in "alone" "requests without a password" "guesses from one address" "guesses from 60,000 addresses"; do medians "$name"; done
echo "a hundred thousand guesses, as fast as they are answered:"
"$bin/guess" --to "$to" --rate 1000000 --guesses 100000 --sources 60000 --known no
