# Makes the images a benchmark pulls and pushes them into the upstream over its HTTP API: sourced by run.sh, needs curl.
# After push_image: manifest_digest, manifest_bytes and, of its first layer, layer_digest (all without "sha256:"), layer_file.

readonly manifest_type=application/vnd.oci.image.manifest.v1+json

# upload ADDRESS REPOSITORY FILE SHA256
upload() {
  local base=http://$1/v2/$2 file=$3 sha=$4 location
  location=$(curl -sSf -m 600 -o /dev/null -D - -X POST "$base/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p') || return 1
  [[ $location == http* ]] || location=http://$1$location
  [[ $location == *\?* ]] && location+="&" || location+="?"
  curl -sSf -m 600 -o /dev/null -T "$file" -H 'Content-Type: application/octet-stream' -H 'Expect:' "${location}digest=sha256:$sha"
}

# push_image ADDRESS REPOSITORY LAYERS LAYER-BYTES: as tag "bench".
push_image() {
  local address=$1 repository=$2 layers=$3 bytes=$4 dir=$work/images/${2//\//-} i sha list='' config
  mkdir -p "$dir"
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}' >"$dir/config"
  config=$(sha256sum <"$dir/config")
  config=${config%% *}
  upload "$address" "$repository" "$dir/config" "$config" || return 1
  for ((i = 0; i < layers; i++)); do
    sha=$("$bin/fixture" --size "$bytes" --seed "$((bytes + i))" "$dir/layer$i") || return 1
    upload "$address" "$repository" "$dir/layer$i" "$sha" || return 1
    list+="${list:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$sha\",\"size\":$bytes}"
    ((i == 0)) && layer_digest=$sha layer_file=$dir/layer0
  done
  printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%d},"layers":[%s]}' \
    "$manifest_type" "$config" "$(stat -c %s "$dir/config")" "$list" >"$dir/manifest"
  manifest_digest=$(sha256sum <"$dir/manifest")
  manifest_digest=${manifest_digest%% *}
  manifest_bytes=$(stat -c %s "$dir/manifest")
  curl -sSf -m 600 -o /dev/null -T "$dir/manifest" -H "Content-Type: $manifest_type" "http://$address/v2/$repository/manifests/bench"
}
