#!/usr/bin/env bash
# weir, its client or its upstream dies in the middle of a big layer
. "$(dirname "$0")/lib.sh"
need docker-registry nginx skopeo curl openssl

make_image "$BIG" big-96 big-97
start_registry up
for image in "$BIG" big-96 big-97; do push_image "$image" "${URL[up]}" library/$image 1; done
blob=$(layers_of "$BIG")
size=$(size_of "$BIG" "$blob")
start_front slow up $((size / 5))          # a fill takes about five seconds
start_front slower up 24m                  # one of the smaller images: four

config <<END
[upstream.slow]
url = ${URL[slow]}

[upstream.slower]
url = ${URL[slower]}
END
start_weir

has() { (($(stat -c %s "$1" 2>/dev/null || echo 0) >= $2)); }
# What nginx says it sent for a blob, and with which ranges it was asked; a line comes when the answer is over.
sent() { awk -v uri="/v2/$2" '$2 == uri && $1 == "GET" { sum += $4 } END { printf "%d\n", sum }' "$T/$1.access"; }
ranges() { awk -v uri="/v2/$2" '$2 == uri && $1 == "GET" { print $3, $5 }' "$T/$1.access"; }

# ---- weir is killed
path=library/$BIG/blobs/$blob
curl -sS -o "$T/first" "${URL[weir]}/v2/slow/$path" 2>"$T/curl" &
client=$!
wait_for 30 has "$T/first" $((size / 3))
stop weir KILL
said=0
wait $client || said=$?
check "a client whose answer broke off knows it" differ $said 0
check "what it got is the beginning of the blob" same "$(sha256 "$T/first")" "$(head -c "$(stat -c %s "$T/first")" "$(blob_file "$blob")" | sha256)"
rm "$T/first"
wait_for 30 grep -q "$path 200" "$T/slow.access"
before=$(sent slow "$path")

start_weir
check "after the kill and a restart the blob comes whole and right" same "sha256:$(curl -sS "${URL[weir]}/v2/slow/$path" | sha256)" "$blob"
check "the fill was resumed from the bytes held" matches "$(ranges slow "$path")" '^206 bytes=[1-9][0-9]*-'
check "the upstream sent hardly more than the blob" at_most "$(sent slow "$path")" $((size + size / 8))
check "and no more than a part of it before the kill" at_most "$before" $((size * 9 / 10))
check "skopeo pulls the image whole and right" same "$(pull "$HOST/slow/library/$BIG:1")" "$(digest_of "$BIG")"

# ---- the only client leaves
blob=$(layers_of big-96)
path=library/big-96/blobs/$blob
size=$(size_of big-96 "$blob")
start leaver curl -sS -o "$T/gone" "${URL[weir]}/v2/slower/$path"
wait_for 30 has "$T/gone" 1
stop leaver
check "the client left in the middle" at_most "$(stat -c %s "$T/gone")" $((size * 9 / 10))
wait_for 60 grep -q "$path 200" "$T/slower.access"
check "its fill went on to the end" same "$(sent slower "$path")" "$size"
check "the next client gets the blob whole and right" same "sha256:$(curl -sS "${URL[weir]}/v2/slower/$path" | sha256)" "$blob"
check "without the upstream" same "$(ranges slower "$path" | wc -l)" 1

# ---- the upstream is killed and comes back
blob=$(layers_of big-97)
path=library/big-97/blobs/$blob
size=$(size_of big-97 "$blob")
curl -sS -o "$T/third" "${URL[weir]}/v2/slower/$path" 2>"$T/curl" &
client=$!
wait_for 20 has "$T/third" $((size / 3))
stop up KILL
start_registry up
said=0
wait $client || said=$?
check "a client does not notice that the upstream broke off and came back" same "$said $(sha256 "$T/third")" "0 ${blob#sha256:}"
check "the upstream was asked for the rest only" matches "$(ranges slower "$path")" '^206 bytes=[1-9][0-9]*-'
check "the next client gets the blob whole and right" same "sha256:$(curl -sS "${URL[weir]}/v2/slower/$path" | sha256)" "$blob"

# ---- a client slower than the upstream
took=$SECONDS
check "a slow client gets every byte" same "sha256:$(curl -sS --limit-rate 40M "${URL[weir]}/v2/slower/$path" | sha256)" "$blob"
check "at its own pace" at_least $((SECONDS - took)) 1
check "no fill failed for good" same "$(metric weir_fills_total 'result="(failed|corrupt)"')" 0
