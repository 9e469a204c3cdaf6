#!/usr/bin/env bash
# content addressed by another digest than sha256
. "$(dirname "$0")/lib.sh"
need docker-registry curl openssl

start_registry up
noise 3000000 >"$T/blob"
sha512=sha512:$(sha512sum "$T/blob" | cut -c -128)
sha256=sha256:$(sha256 "$T/blob")
if ! put_blob "${URL[up]}" library/long "$sha512" "$T/blob"; then
  skip "$SUITE" "this registry takes no sha512"
  exit 0
fi

config <<END
[upstream.up]
url = ${URL[up]}
namespaces = up.test
END
start_weir
url=${URL[weir]}/v2/up.test/library/long/blobs

gives() { same "$(curl -sSf "$url/$1" | sha256)" "${sha256#sha256:}"; }
check "a cold blob comes by its sha512 digest" gives "$sha512"
check "its digest is told as it was asked for" same "$(header_of Docker-Content-Digest -I "$url/$sha512")" "$sha512"
check "the same bytes come by their sha256 digest" gives "$sha256"
stop up
check "a warm blob comes by its sha512 digest without the upstream" gives "$sha512"
check "a digest of the wrong length is 400" same "$(status_of "$url/sha512:${sha256#sha256:}")" 400
check "a digest of an unknown kind is 400" same "$(status_of "$url/md5:00112233445566778899aabbccddeeff")" 400
