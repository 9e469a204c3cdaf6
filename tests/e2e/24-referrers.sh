#!/usr/bin/env bash
# an image's signature and its list of contents come through with it, from registries that know referrers and that do not
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl jq

make_image three
start_registry up
push_image three "${URL[up]}" team/three 1
subject=$(digest_of three)

# artifact NAME TYPE TEXT : a manifest about the image, whose only layer is TEXT.
EMPTY='{}'
artifact() {
  local name=$1 type=$2 blob=$T/$1.blob config=$T/empty
  printf %s "$3" >"$blob"
  printf %s "$EMPTY" >"$config"
  put_blob "${URL[up]}" team/three "sha256:$(sha256 "$blob")" "$blob"
  put_blob "${URL[up]}" team/three "sha256:$(sha256 "$config")" "$config"
  jq -jcn --arg type "$type" --arg subject "$subject" --argjson size "$(size_of three "$subject")" --arg blob "sha256:$(sha256 "$blob")" \
    --argjson length "$(stat -c %s "$blob")" --arg config "sha256:$(sha256 "$config")" '{schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: $type,
    config: {mediaType: "application/vnd.oci.empty.v1+json", digest: $config, size: 2},
    layers: [{mediaType: $type, digest: $blob, size: $length}],
    subject: {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $subject, size: $size},
    annotations: {"org.example.about": "three"}}' >"$T/$name"
  curl -sSf -X PUT -H "Content-Type: ${TYPE[oci.manifest]}" --data-binary @"$T/$name" -o /dev/null \
    "${URL[up]}/v2/team/three/manifests/sha256:$(sha256 "$T/$name")"
}
descriptor() {
  jq -cn --arg digest "sha256:$(sha256 "$T/$1")" --argjson size "$(stat -c %s "$T/$1")" --arg type "$2" \
    '{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size, artifactType: $type}'
}
SIGNATURE=application/vnd.dev.cosign.artifact.sig.v1+json CONTENTS=application/spdx+json
artifact signature $SIGNATURE '{"critical":{"type":"signature"}}'
artifact contents $CONTENTS '{"spdxVersion":"SPDX-2.3"}'
{
  printf '{"schemaVersion":2,"mediaType":"%s","manifests":[' "${TYPE[oci.index]}"
  descriptor signature $SIGNATURE
  printf ,
  descriptor contents $CONTENTS
  printf ']}'
} | tr -d '\n' >"$T/referrers"

# docker-registry keeps artifacts and lists none of them: clients put an index under a tag (distribution-spec, "Referrers Tag
# Schema"). Before it, nginx answers as a registry of OCI 1.1 does, which need not filter.
curl -sSf -X PUT -H "Content-Type: ${TYPE[oci.index]}" --data-binary @"$T/referrers" -o /dev/null \
  "${URL[up]}/v2/team/three/manifests/${subject/:/-}"
mkdir -p "$T/modern.files"
cp "$T/referrers" "$T/modern.files/$subject"
printf '{"schemaVersion":2,"mediaType":"%s","manifests":[]}' "${TYPE[oci.index]}" >"$T/modern.files/none"
start_nginx modern <<END
    location ~ ^/v2/team/three/referrers/(.*)\$ { default_type ${TYPE[oci.index]}; root $T/modern.files; try_files /\$1 /none =404; }
    location / { proxy_pass ${URL[up]}; }
END
config <<END
[upstream.old]
url = ${URL[up]}
namespaces = old.test
[upstream.modern]
url = ${URL[modern]}
namespaces = modern.test
END
start_weir --set cache.tag-ttl=1h

listed() { curl -sSf "${URL[weir]}/v2/$1/team/three/referrers/$subject$2"; }
lists() { same "$(listed "$1" "$2" | jq -c '[.manifests[].artifactType] | sort')" "$3"; }
comes() {
  local digest
  digest=sha256:$(sha256 "$T/$2")
  same "$(manifest_digest "${URL[weir]}/v2/$1/team/three/manifests/$digest")" "$digest"
  local layer
  layer=$(jq -r '.layers[0].digest' "$T/$2")
  same "sha256:$(curl -sSf "${URL[weir]}/v2/$1/team/three/blobs/$layer" | sha256)" "$layer"
}
copied() {
  local digest=sha256:$(sha256 "$T/$2")
  same "$(pull "$HOST/$1/team/three@$digest")" "$digest"
}

for registry in old modern; do
  both="[\"$CONTENTS\",\"$SIGNATURE\"]"
  check "$registry: both referrers of an image are listed" lists $registry.test "" "$both"
  check "$registry: of one type when asked so" lists $registry.test "?artifactType=$SIGNATURE" "[\"$SIGNATURE\"]"
  check "$registry: the answer says that it was filtered" same \
    "$(header_of OCI-Filters-Applied "${URL[weir]}/v2/$registry.test/team/three/referrers/$subject?artifactType=$SIGNATURE")" artifactType
  check "$registry: it is an image index" same "$(header_of Content-Type "${URL[weir]}/v2/$registry.test/team/three/referrers/$subject")" "${TYPE[oci.index]}"
  check "$registry: an image without any has an empty list" same \
    "$(curl -sSf "${URL[weir]}/v2/$registry.test/team/three/referrers/sha256:$(sha256 "$T/signature")" | jq -c .manifests)" "[]"
  check "$registry: the image comes" same "$(pull "$HOST/$registry.test/team/three:1")" "$subject"
  check "$registry: its signature comes, manifest and layer" comes $registry.test signature
  check "$registry: its list of contents comes, manifest and layer" comes $registry.test contents
done
check "skopeo copies the artifact by its digest" copied old.test signature
check "the tag that clients without the API ask for comes as it is" same \
  "$(manifest_digest "${URL[weir]}/v2/old.test/team/three/manifests/${subject/:/-}")" "sha256:$(sha256 "$T/referrers")"

stop up
stop modern
for registry in old modern; do
  check "$registry: without the upstream the referrers are listed" lists $registry.test "" "$both"
  check "$registry: without the upstream the signature comes" comes $registry.test signature
done
