#!/usr/bin/env bash
# many clients ask for one cold blob at once
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
