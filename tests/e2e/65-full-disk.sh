#!/usr/bin/env bash
# a full disk, and one that became read-only: hits go on, misses pass through, and it heals without a restart
. "$(dirname "$0")/enter.sh"
enter
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl jq nginx
need_root
[[ $INSIDE ]] || { skip "$SUITE" "no mount namespaces here"; exit 0; }

images=(tiny three big-16 big-64)
make_image "${images[@]}"
start_registry up
for image in "${images[@]}"; do push_image "$image" "${URL[up]}" "library/$image" 1; done
start_tap upstream up
# One that has the image and sends another last byte of its layer.
big=$(layers_of big-64)
mkdir "$T/wrong" "$T/store"
{ head -c -1 "$(blob_file "$big")"; echo; } >"$T/wrong/$big"
start_nginx liar <<END
    location ~ /blobs/($big)\$ { root $T/wrong; try_files /\$1 =404; }
    location / { proxy_pass ${URL[up]}; }
END
mount -t tmpfs -o size=40m tmpfs "$T/store"
config <<END
[upstream.up]
url = ${URL[upstream]}
[upstream.liar]
url = ${URL[liar]}
END
# It may take more than there is, and nothing may go: only the disk says no.
start_weir --set cache.tag-ttl=1h --set upstream.up.max-concurrency=64 --set cache.capacity=1GiB --set cache.reserve=0 \
  --set 'cache.pin=**'
U=$HOST/up/library

gives() { same "$(pull "$U/$1:1" "${@:2}")" "$(digest_of "$1")"; }
blob_is_right() { same "sha256:$(curl -sSf "$@" "${URL[weir]}/v2/up/library/big-64/blobs/$big" | sha256)" "$big"; }
ready() { curl -sS "${URL[admin]}/readyz"; }
stored() { [[ -e $T/store/blobs/sha256/${1:7:2}/${1:7} ]]; }
# fill_disk BYTES : until so many are left.
fill_disk() {
  rm -f "$T/store/others"
  fallocate -l $(($(df -B1 --output=avail "$T/store" | tail -n 1) - $1)) "$T/store/others"
}

check "with room, an image is pulled and kept" gives tiny
check "and weir is ready" same "$(ready)" ready

fill_disk 20000000
check "an image that does not fit comes whole" gives big-64
check "and is not kept" eval '! stored "$big"'
check "what there was no room for leaves no piece behind" eval '! compgen -G "$T/store/partial/*"'

fill_disk 0
before=$(requests up)
check "a hit needs no room" gives tiny
check "and no upstream" same "$(requests up)" "$before"
check "an image comes whole with no byte left" gives big-64
check "so does one that was never seen" gives three
check "weir says that it is degraded, and serves on" matches "$(ready)" '^degraded'
check "the metrics say so too" same "$(metric weir_store_degraded)" 1
blob_is_right >/dev/null     # it may be weir's turn to try the disk again: not with the one that is cut
faults upstream "1 GET /blobs/$big cut 30000000"
check "when the upstream breaks off, it is asked for the rest" blob_is_right
check "by a Range" same "$(tapped upstream '.headers.range == ["bytes=30000000-"]')" 1
faults upstream

crowd() {
  local clients=() i
  for i in 1 2 3 4 5 6 7 8; do
    blob_is_right &
    clients+=($!)
  done
  for i in "${clients[@]}"; do wait "$i"; done
}
check "many clients at once are all served" crowd
part() { same "$(curl -sSf -r "$1" "${URL[weir]}/v2/up/library/big-64/blobs/$big" | sha256)" "$(tail -c "+$2" "$(blob_file "$big")" | head -c "$3" | sha256)"; }
check "a range comes from the upstream" part 1000000-1999999 1000001 1000000
check "an open range too" part 60000000- 60000001 999999999
check "a range past the end is 416" same "$(status_of -r 999999999- "${URL[weir]}/v2/up/library/big-64/blobs/$big")" 416
check "HEAD tells the length" same "$(header_of Content-Length -I "${URL[weir]}/v2/up/library/big-64/blobs/$big")" "$(size_of big-64 "$big")"
check "what is not there is 404 as ever" same "$(status_of "${URL[weir]}/v2/up/library/none/manifests/1")" 404

lied_to() {
  local got
  got=$(curl -sS "$@" "${URL[weir]}/v2/liar/library/big-64/blobs/$big" 2>"$T/curl.err" | wc -c || true)
  cat "$T/curl.err"
  at_most "$got" $(($(size_of big-64 "$big") - 65536))
}
check "nobody gets the end of a blob whose bytes are wrong" lied_to
check "nor as a range of all of it" lied_to -r 0-

check "nothing was answered with 5xx" same "$(metric weir_requests_total 'code="5')" 0
check "the log says it once a minute, not for each request" at_most "$(grep -c 'cannot be written' "$T/weir.log")" 3

rm "$T/store/others"
mount -o remount,size=400m "$T/store"
heals() { gives big-64 && stored "$big"; }
check "when there is room again, it is kept again, without a restart" wait_for 20 heals
check "and weir is ready" same "$(ready)" ready
before=$(requests up)
check "the next pull is a hit" gives big-64
check "that asked the upstream nothing" same "$(requests up)" "$before"

# As a file system does that met an error; a real one need not ask who has files open.
for folder in partial blobs; do
  mount --bind "$T/store/$folder" "$T/store/$folder"
  mount -o remount,bind,ro "$T/store/$folder"
done
check "read-only: a hit is served" gives big-64
check "read-only: a miss comes whole" gives big-16
check "read-only: weir says so" matches "$(ready)" '^degraded'
for folder in partial blobs; do umount "$T/store/$folder"; done
back() { gives big-16 && stored "$(layers_of big-16)"; }
check "writable again: it is kept again" wait_for 20 back
check "nothing was answered with 5xx" same "$(metric weir_requests_total 'code="5')" 0
