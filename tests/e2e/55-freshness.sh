#!/usr/bin/env bash
# tags are asked for again when their time is over, and only tags
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl

make_image tiny three
start_registry up
push_image tiny "${URL[up]}" library/app 1
config <<END
[upstream.up]
url = ${URL[up]}
namespaces = up.test
END
start_weir --set cache.tag-ttl=0 --set cache.negative-ttl=0
U=$HOST/up.test/library
url=${URL[weir]}/v2/up.test/library/app/manifests

pull "$U/app:1" >/dev/null
gets=$(requests up '"GET .*weir/') heads=$(requests up '"HEAD .*weir/')
check "with tag-ttl 0 a warm pull gives the same image" same "$(pull "$U/app:1")" "$(digest_of tiny)"
check "the upstream was asked by HEAD for the tag" same "$(requests up '"HEAD .*weir/')" $((heads + 1))
check "and for no bytes" same "$(requests up '"GET .*weir/')" "$gets"
check "a pull by digest asks nothing" same "$(pull "$U/app@$(digest_of tiny)") $(requests up '"HEAD .*weir/')" "$(digest_of tiny) $((heads + 1))"

push_image three "${URL[up]}" library/app 1
check "when the tag moves the next pull has the new image" same "$(pull "$U/app:1")" "$(digest_of three)"
check "a tag that was not there" same "$(status_of "$url/2")" 404
push_image tiny "${URL[up]}" library/app 2
check "is served as soon as it is there" same "$(pull "$U/app:2")" "$(digest_of tiny)"

# ---- the upstream is gone
stop up
check "without the upstream the last known image is served" same "$(pull "$U/app:1")" "$(digest_of three)"
check "and the answer says that it is stale" same "$(header_of X-Cache "$url/1")" stale
check "a tag never seen is an error of the upstream's side, not a 404" matches "$(status_of "$url/3")" '^50[234]$'
start_registry up
fresh_again() { differ "$(header_of X-Cache "$url/1")" stale; }   # while nothing answered it is asked once a second
check "when it is back the answer is not stale any more" wait_for 20 fresh_again
