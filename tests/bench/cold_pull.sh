# Part C: a blob nobody has yet, pulled through each cache. Sourced by run.sh.
# Every run has a fresh server with an empty cache, and clean disk buffers. The client has read the manifest first, as every client does.
# CPU is counted until the server has come to rest: what is stored after the client's last byte is work too.
# Two floors stand beside them: "upstream" is the registry asked directly; "sha256 alone" is the blob hashed by one thread, without any transfer,
# less than which nobody takes who verifies before the last byte goes out.

cold_pull() {
  local bytes=$((512 << 20))
  ((quick)) && bytes=$((32 << 20))
  push_image "$upstream" bench/cold 1 "$bytes" || { broken C upstream "push failed"; return 0; }
  local file=$layer_file
  say "C: blob of $((bytes >> 20)) MiB, cold, 1 and 8 clients"
  local round clients peer
  for ((round = 1; round <= rounds; round++)); do
    for clients in 1 8; do
      for peer in $(in_turn "$round" weir docker-registry nginx upstream); do
        cold_pull_once "$round" "$clients" "$peer" "$bytes"
      done
      measured=$("$bin/hash_floor" "$file") && sample C "$(case_of "$clients")" "sha256 alone" "blob_bytes=$bytes"
    done
  done
  rm -rf "$work/images/bench-cold"
}

case_of() { (($1 == 1)) && echo "1 client" || echo "$1 clients"; }

# cold_pull_once ROUND CLIENTS PEER BYTES
cold_pull_once() {
  local round=$1 clients=$2 peer=$3 bytes=$4 path=/v2/bench/cold/blobs/sha256:$layer_digest sent_before
  case $peer in
    weir) have C weir "$weir" && ready C weir start_weir weir "$upstream" off ;;
    nginx) have C nginx nginx && ready C nginx start_nginx nginx "$upstream" off ;;
    docker-registry) ready C docker-registry start_registry docker-registry "$upstream" ;;
  esac
  [[ ${pid_of[$peer]:-} ]] || return 0
  ask C "$peer" "$peer" "/v2/bench/cold/manifests/sha256:$manifest_digest" --accept "$manifest_type"
  sync -f "$work"
  sent_before=$(upstream_sent "$path")
  if ask C "$peer" "$peer" "$path" --bytes "$bytes" --requests "$clients" --connections "$clients" --settle; then
    sample C "$(case_of "$clients")" "$peer" "upstream_bytes=$(($(upstream_sent "$path") - sent_before)) blob_bytes=$bytes"
    ((round == 1)) && check C "$peer" "$peer" "$path" "$layer_digest" --bytes "$bytes"
  fi
  [[ $peer == upstream ]] || discard "$peer"
}

# upstream_sent PATH: body bytes of it that the upstream has sent so far, from its access log.
upstream_sent() { awk -v path="$1" '$6 == "\"GET" && $7 == path { sum += $10 } END { printf "%.0f", sum }' "$work/upstream/out"; }
