#!/usr/bin/env bash
# weir cache list, stat, refresh and purge beside the running server, and without one
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl jq

make_image tiny three multi
start_registry up
push_image tiny "${URL[up]}" library/app 1
push_image three "${URL[up]}" library/other 1
config <<END
[upstream.up]
url = ${URL[up]}
namespaces = up.test
END
start_weir --set cache.tag-ttl=1h
U=$HOST/up.test/library

lists() { matches "$(weir cache list)" "$1"; }
row() { same "$(weir cache list --format json | jq -r ".rows[] | select(.repository == \"$1\" and .tag == \"$2\") | .digest")" "$3"; }
tells() { same "$(weir cache stat --format json "${@:3}" | jq -r ".$1")" "$2"; }

check "an empty store lists nothing" exits 1 lists up.test
check "an empty store has no tags" tells tags 0
pull "$U/app:1" >/dev/null
pull "$U/other:1" >/dev/null
wait_for 30 settled
check "what was pulled is listed by its canonical name" lists 'up\.test/library/app +1 +sha256:'
check "as JSON, with its digest" row up.test/library/app 1 "$(digest_of tiny)"
check "the statistics count the tags" tells tags 2
check "the statistics count the blobs" tells blobs $(($(parts_of tiny) + $(parts_of three)))
check "the statistics count the bytes" tells bytes $(($(bytes_of tiny) + $(bytes_of three)))
check "stat of a reference tells its digest" tells digest "$(digest_of tiny)" up.test/library/app:1
check "stat of what was never pulled is a no" exits 1 weir cache stat up.test/library/none:1

# ---- the tag moves
push_image three "${URL[up]}" library/app 1
check "within the tag's time the old image is served" same "$(pull "$U/app:1")" "$(digest_of tiny)"
check "refresh asks the upstream now" matches "$(weir cache refresh up.test/library/app:1)" "$(digest_of three)"
check "and the new image is served" same "$(pull "$U/app:1")" "$(digest_of three)"
check "the old one still by its digest" same "$(pull "$U/app@$(digest_of tiny)")" "$(digest_of tiny)"
check "refreshing what the upstream does not have is a no" exits 1 weir cache refresh up.test/library/none:1

# ---- purge
before=$(requests up)
check "purge takes a reference out" exits 0 weir cache purge up.test/library/other:1
check "it is not listed any more" exits 1 lists 'up\.test/library/other'
check "the next pull has the same image" same "$(pull "$U/other:1")" "$(digest_of three)"
check "and asked the upstream for it" at_least "$(requests up)" $((before + 1))
check "another repository kept what it shared" same "$(pull "$U/app:1")" "$(digest_of three)"
check "purge takes a whole repository out" exits 0 weir cache purge up.test/library/app
check "and none of its tags is left" exits 1 lists 'up\.test/library/app'
check "purging what is not a reference is a no" differ 0 "$(weir cache purge 'up.test/Not A Name' >/dev/null 2>&1; echo $?)"
pull "$U/app:1" >/dev/null

# ---- no server runs
stop weir
check "the list can be read when no server runs" row up.test/library/app 1 "$(digest_of three)"
check "refresh is noted when no server runs" exits 0 weir cache refresh up.test/library/app:1
check "purge works when no server runs" exits 0 weir cache purge up.test/library/other
check "and is seen at once" exits 1 lists 'up\.test/library/other'
push_image multi "${URL[up]}" library/app 1
start_weir --set cache.tag-ttl=1h
U=$HOST/up.test/library
check "after the next start the refreshed tag was asked for" same "$(pull "$U/app:1" --all)" "$(digest_of multi)"
check "and the purged repository is fetched again" same "$(pull "$U/other:1")" "$(digest_of three)"

# ---- the store of another user, the way to which is root's alone, as that of a service with DynamicUser is
stop weir
if [[ $EUID == 0 ]]; then
  start_weir --set auth.mode=optional     # which makes its token keys
  stop weir
  chmod 700 "$T"
  chown -R 65534:65534 "$T/store"
  check "root takes a reference out of a store whose owner cannot come to it" exits 0 weir cache purge up.test/library/other
  check "root makes its index again" exits 0 weir cache rebuild
  check "root puts a new key in front, and makes a token" exits 0 eval 'weir token rotate && weir token issue --subject node/1'
  check "and all that is in it is still its owner's" same "$(find "$T/store" -not -uid 65534)" ""
else
  skip "a store of another user" "needs root"
fi
