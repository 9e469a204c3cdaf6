#!/usr/bin/env bash
# many clients ask for one cold blob at once, and more clients come than there is room for
. "$(dirname "$0")/lib.sh"
need docker-registry nginx curl openssl

make_image big-16
start_registry up
push_image big-16 "${URL[up]}" library/big 1
start_front slow up 6m
config <<END
[upstream.up]
url = ${URL[slow]}
END
start_weir
blob=$(layers_of big-16)
size=$(size_of big-16 "$blob")
clients=50
mkdir "$T/crowd"

crowd() { curl -sSf --parallel --parallel-immediate --parallel-max $clients -o "$T/crowd/#1" "${URL[weir]}/v2/up/library/big/blobs/$blob?client=[1-$clients]"; }
whole() {
  local file right=0
  for file in "$T/crowd"/*; do cmp -s "$file" "$(blob_file "$blob")" && right=$((right + 1)); done
  same "$right" "$clients"
}
check "$clients clients at once are all answered" crowd
check "every one holds the whole blob" whole
check "the upstream was asked for it once" same "$(requests up "GET /v2/library/big/blobs/")" 1
check "and sent it once" same "$(upstream_bytes up "/blobs/")" "$size"
check "one request was the miss" same "$(metric weir_requests_total 'outcome="miss".*route="blob"')" 1
check "all the others joined it or came after it" same "$(metric weir_requests_total 'outcome="(joined|hit)".*route="blob"')" $((clients - 1))
check "the bytes weir says it sent are those the clients hold" same \
  "$(metric weir_sent_bytes_total 'outcome="(miss|joined|hit)"')" $((clients * size))

# ---- more clients than the machine has descriptors for: those inside are served, the others are told
stop weir
printf '#!/bin/sh\nulimit -n 200\nexec "%s" "$@"\n' "$WEIR" >"$T/limited"
chmod +x "$T/limited"
WEIR=$T/limited start_weir
exec {inside}<>"/dev/tcp/127.0.0.1/${HOST##*:}"
idle=()
refused=0
for ((i = 0; i < 200; i++)); do
  exec {each}<>"/dev/tcp/127.0.0.1/${HOST##*:}"
  idle+=("$each")
  # One that is refused is told so at once; read gives up on the others.
  if ((i >= 145)) && read -r -t 0.5 -u "$each" line && [[ $line == *" 503 "* ]]; then refused=$((refused + 1)); fi
  ((refused < 5)) || break
done
check "connections over three quarters of the descriptors are told 503" at_least "$refused" 5
stored() {
  local line
  printf 'GET /v2/up/library/big/blobs/%s HTTP/1.1\r\nHost: weir\r\nRange: bytes=0-9\r\nConnection: close\r\n\r\n' "$blob" >&"$inside"
  read -r -u "$inside" line
  matches "$line" ' 206 '
}
check "a client that came before them is served" stored
check "the log says why there are fewer connections" wait_for 20 grep -q RLIMIT_NOFILE "$T/weir.log"
for each in "${idle[@]}"; do exec {each}>&-; done
exec {inside}>&-
free_again() { [[ $(status_of "${URL[weir]}/v2/") == 200 ]]; }
check "when they have left, new ones are served" wait_for 20 free_again
