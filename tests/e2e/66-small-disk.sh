#!/usr/bin/env bash
# a file system of 256 MiB for gigabytes of images, which others fill to the last byte and free again
. "$(dirname "$0")/enter.sh"
enter
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl jq mkfs.ext4 losetup fallocate
need_root
[[ $INSIDE ]] || { skip "$SUITE" "no mount namespaces here"; exit 0; }

IMAGE_COUNT=40 CLIENTS=3 NEW=41

# In a mount namespace of its own: the mount goes with the last process in it, and the loop device with the mount, even when
# nobody is left to clean up.
DISK=$T/disk STORE=$T/disk/store
truncate -s 256M "$T/disk.ext4"
mkfs.ext4 -q -m 0 "$T/disk.ext4"
mkdir "$DISK"
mount -o loop "$T/disk.ext4" "$DISK" 2>"$T/mount.err" || { skip "$SUITE" "no loop devices here: $(head -n 1 "$T/mount.err")"; exit 0; }
mkdir "$STORE" "$DISK/others"

for ((i = 1; i <= NEW; i++)); do
  make_image "pair-$i"
  plant_image "pair-$i" up "library/pair-$i" 1
done
start_registry up
config <<END
[upstream.up]
url = ${URL[up]}
END
start_weir --set "cache.directory=$STORE" --set cache.tag-ttl=1h --set upstream.up.max-concurrency=64 \
  --set cache.capacity=90% --set cache.reserve=16MiB

gives() { same "$(pull "$HOST/up/library/pair-$1:1")" "$(digest_of "pair-$1")"; }
stored() {
  local layer
  for layer in $(layers_of "pair-$1"); do [[ -e $STORE/blobs/sha256/${layer:7:2}/${layer:7} ]] || return; done
}
ready() { curl -sS "${URL[admin]}/readyz"; }
# answers FILTER : how many lines of the access log have a status that jq's FILTER selects.
answers() { jq -Rc "fromjson? | select(.event == \"access\") | .status | tonumber | select($1)" "$T/weir.log" | wc -l; }

# Everybody else on this file system: two seconds of not a byte left, two seconds of room. What weir lets go while they fill
# it is taken as well.
others() {
  local i=0 round left
  # The most that goes at once: what weir lets go while they take the last blocks is not taken by the block.
  takes() {
    local size
    for size in 64M 8M 1M 128k 16k 4k; do
      if fallocate -l $size "$DISK/others/$((i++))" 2>/dev/null; then return 0; fi
    done
    return 1
  }
  while runs $$; do         # nor longer than the test, whatever ends it
    for ((round = 0; round < 20; round++)); do
      while takes; do :; done
      left=$(df -B1 --output=avail "$DISK" | tail -n 1)
      ((left >= 4096)) || break
    done
    echo "$left"
    sleep 2
    rm -f "$DISK"/others/*
    sleep 2
  done
}
# What the store takes, ever so often. One walk is no moment: it may meet a file that goes meanwhile, and then the one that
# comes in its place. What two walks met was there between them, at the smaller of its sizes.
watch_store() {
  : >"$T/walk"
  while runs $$; do
    find "$STORE" -type f -printf '%i %p %b\n' 2>/dev/null >"$T/walk.new"
    awk '{ file = $1 " " $2 } FNR == NR { size[file] = $3; next }
      file in size { blocks += $3 < size[file] ? $3 : size[file] } END { printf "%d\n", blocks * 512 }' "$T/walk" "$T/walk.new"
    mv "$T/walk.new" "$T/walk"
    sleep 0.1
  done
}

pull_every() {
  local i
  for ((i = $1; i <= IMAGE_COUNT; i += CLIENTS)); do gives $i || return; done
}
# together COMMAND ARGUMENT... : once for each argument, all at the same time.
together() {
  local command=$1 clients=() client argument failed=0
  for argument in "${@:2}"; do
    "$command" "$argument" &
    clients+=($!)
  done
  for client in "${clients[@]}"; do wait "$client" || failed=1; done
  return $failed
}

start watch watch_store
check "with room, an image is pulled and kept" gives 1
check "all of it" wait_for 60 stored 1
start others others
check "$IMAGE_COUNT images, eight times the disk, come whole to $CLIENTS clients at a time" together pull_every $(seq $CLIENTS)
check "one image comes whole to many at once" together gives 30 30 30 30
# A quick machine is done before the disk was full twice: then once more.
filled() { at_least "$(awk '$1 < 4096' "$T/others.out" | wc -l)" 2; }
filled_while_pulling() { filled || { together pull_every $(seq $CLIENTS) && filled; }; }
check "nobody left a byte meanwhile, more than once" wait_for 120 filled_while_pulling

stop others
rm -f "$DISK"/others/*
heals() { gives $NEW && stored $NEW; }
check "when there is room again a new image is kept, without a restart" wait_for 20 heals
check "and weir is ready" same "$(ready)" ready
check "and what comes next is kept beside it" wait_for 20 eval 'gives 1 && stored 1'
before=$(requests up)
check "a second pull asks the upstream nothing" eval 'gives $NEW && same "$(requests up)" "$before"'
stop up
check "nor does it need one" gives $NEW
check "all that was asked was answered with 200" at_least "$(answers '. == 200')" $((4 * IMAGE_COUNT))
check "nobody met a 404 or a 5xx" same "$(answers '. >= 400')" 0

stop watch
capacity=$(($(df -B1 --output=size "$DISK" | tail -n 1) * 9 / 10))
check "the store never took more than its capacity" at_most "$(sort -n "$T/watch.out" | tail -n 1)" $capacity
kept=0
for ((i = 1; i <= NEW; i++)); do
  if stored $i; then kept=$((kept + 1)); fi
done
check "the latest images are among those that it keeps" eval 'stored $NEW && stored 1'
check "it keeps as many as there is room for" at_least $kept 2
check "the others went" at_most $kept 4
