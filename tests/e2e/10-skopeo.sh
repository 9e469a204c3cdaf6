#!/usr/bin/env bash
# skopeo pulls through weir, cold and warm, by every way of naming an upstream
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl jq

images=(tiny tiny-docker three multi multi-docker files)
make_image "${images[@]}"
start_registry up
for image in "${images[@]}"; do push_image "$image" "${URL[up]}" "library/$image" 1; done

config <<END
[upstream.up]
url = ${URL[up]}
namespaces = up.test
default = yes
END
start_weir --set cache.tag-ttl=1h
U=$HOST/up.test/library

gives() { same "$(pull "$1" "${@:3}")" "$(digest_of "$2")"; }

# ---- cold, then warm
check "a cold pull by tag gives the upstream's digest" gives "$U/three:1" three
check "a cold pull of an image of Docker types gives the upstream's digest" gives "$U/tiny-docker:1" tiny-docker
check "a cold pull by digest gives the upstream's digest" gives "$U/tiny@$(digest_of tiny)" tiny
check "a cold pull of every platform gives the index's digest" gives "$U/multi:1" multi --all
check "a cold pull of every platform of a Docker manifest list gives the list's digest" gives "$U/multi-docker:1" multi-docker --all
check "a cold pull of thousands of real files gives the upstream's digest" gives "$U/files:1" files

inspected() {
  same "$(run_skopeo inspect --tls-verify=false "docker://$1" | jq -r .Digest)" "$2"
}
raw() { same "sha256:$(run_skopeo inspect --tls-verify=false --raw "docker://$1" | sha256)" "$2"; }
tags() { same "$(run_skopeo list-tags --tls-verify=false "docker://$1" | jq -c .Tags)" "$2"; }
check "skopeo inspect tells the upstream's digest" inspected "$U/tiny:1" "$(digest_of tiny)"
check "skopeo inspect --raw gives the index byte for byte" raw "$U/multi:1" "$(digest_of multi)"
check "skopeo list-tags gives the upstream's tags" tags "$U/tiny" '["1"]'

# What carries images across by hand: whole repositories into a folder.
synced() {
  printf '%s:\n  tls-verify: false\n  images:\n    up.test/library/tiny: ["1"]\n    up.test/library/multi: ["1"]\n' "$HOST" >"$T/sync.yml"
  run_skopeo sync --all --src yaml --dest dir "$T/sync.yml" "$T/synced" >/dev/null 2>&1
  same "sha256:$(sha256 "$T/synced/tiny:1/manifest.json")" "$(digest_of tiny)"
  same "sha256:$(sha256 "$T/synced/multi:1/manifest.json")" "$(digest_of multi)"
  verify_folder "$T/synced/multi:1"
}
check "skopeo sync brings the repositories of a list" synced

fetched() { requests up "\"GET /v2/library/$1/(manifests|blobs)/"; }
check "each part of an image was fetched from the upstream once" same "$(fetched three)" "$(parts_of three)"
check "each part of an index was fetched from the upstream once" same "$(fetched multi)" "$(parts_of multi)"
received=$(metric weir_upstream_received_bytes_total 'upstream="up"')
check "the bytes weir says it received are those the upstream says it sent" same "$received" "$(upstream_bytes up)"

# ---- by other names
before=$(requests up)
check "the default upstream needs no name in the reference" gives "$HOST/library/three:1" three
printf '[[registry]]\nprefix = "up.test"\nlocation = "up.test"\n[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' "$HOST/up.test" >"$T/registries.conf"
by_mirror() { same "$(pull_by_name "up.test/library/$1:1" --all)" "$(digest_of "$1")"; }
check "a mirror in registries.conf is pulled from by the registry's own name" by_mirror multi
: >"$T/registries.conf"
tiny=$(digest_of tiny)
check "the Host header names the upstream" same "$(manifest_digest -H "Host: up.test" "${URL[weir]}/v2/library/tiny/manifests/$tiny")" "$tiny"
check "?ns= names the upstream" same "$(manifest_digest "${URL[weir]}/v2/library/tiny/manifests/$tiny?ns=up.test")" "$tiny"
check "what ?ns= named is repeated in OCI-Namespace" same "$(header_of OCI-Namespace "${URL[weir]}/v2/library/tiny/manifests/1?ns=up.test")" up.test
check "every name leads to one cached copy" same "$(requests up)" "$before"

# ---- HTTP
blob=$(layers_of three | head -n 1)
url=${URL[weir]}/v2/up.test/library/three/blobs/$blob
part() { same "$(curl -sSf -r "$1" "$url" | sha256)" "$(tail -c "+$2" "$(blob_file "$blob")" | head -c "$3" | sha256)"; }
check "a range from the middle of a cached blob is right" part 100-299 101 200
check "an open range of a cached blob is right" part 1000- 1001 999999999
check "a range answers 206" same "$(status_of -r 5-9 "$url")" 206
check "a range past the end answers 416" same "$(status_of -r 999999999- "$url")" 416
check "HEAD of a cached blob tells its length" same "$(header_of Content-Length -I "$url")" "$(size_of three "$blob")"
check "a warm answer says hit" same "$(header_of X-Cache "$url")" hit
check "a digest already held answers If-None-Match with 304" same "$(status_of -H "If-None-Match: \"$blob\"" "$url")" 304
check "an unknown tag is 404" same "$(status_of "${URL[weir]}/v2/up.test/library/tiny/manifests/none")" 404
check "an unknown repository is 404" same "$(status_of "${URL[weir]}/v2/up.test/library/none/manifests/1")" 404
check "a blob of another repository is not shown" same "$(status_of "${URL[weir]}/v2/up.test/library/tiny/blobs/$blob")" 404

# ---- the upstream is gone
received=$(metric weir_upstream_received_bytes_total)
stop up
check "a warm pull by tag needs no upstream" gives "$U/three:1" three
check "a warm pull by digest needs no upstream" gives "$U/tiny@$tiny" tiny
check "a warm pull of every platform needs no upstream" gives "$U/multi:1" multi --all
check "a warm pull of a Docker manifest list needs no upstream" gives "$U/multi-docker:1" multi-docker --all
check "a warm pull of thousands of real files needs no upstream" gives "$U/files:1" files
check "no byte more came from the upstream" same "$(metric weir_upstream_received_bytes_total)" "$received"

stop weir
start_weir --set cache.tag-ttl=1h
U=$HOST/up.test/library
check "after a restart a warm pull by tag needs no upstream" gives "$U/three:1" three
check "after a restart a warm pull of every platform needs no upstream" gives "$U/multi:1" multi --all
