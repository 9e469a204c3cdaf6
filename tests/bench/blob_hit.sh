# Part B: what a cached blob costs a gigabyte. Sourced by run.sh.
# The bare server sends the very file that was pushed; the others send what they stored. All of it lies in the page cache.

blob_hit() {
  local bytes=$((1 << 30)) connections=4 requests=6
  ((quick)) && bytes=$((64 << 20))
  push_image "$upstream" bench/large 1 "$bytes" || { broken B upstream "push failed"; return 0; }
  local path=/v2/bench/large/blobs/sha256:$layer_digest digest=$layer_digest file=$layer_file manifest=$manifest_digest
  say "B: blob of $((bytes >> 20)) MiB, $requests requests over $connections connections a turn"

  local peer round
  ready B bare start_bare bare "$file"
  have B weir "$weir" && ready B weir start_weir weir "$upstream" off
  have B nginx nginx && ready B nginx start_nginx nginx "$upstream" off
  for peer in weir nginx; do
    ask B "$peer" "$peer" "/v2/bench/large/manifests/sha256:$manifest" --accept "$manifest_type"
    ask B "$peer" "$peer" "$path" --bytes "$bytes" --settle
  done
  for peer in bare weir nginx; do check B "$peer" "$peer" "$path" "$digest" --bytes "$bytes"; done
  sync -f "$work"
  for ((round = 1; round <= rounds * turns; round++)); do
    for peer in $(in_turn "$round" weir bare nginx); do
      ask B "$peer" "$peer" "$path" --bytes "$bytes" --requests "$requests" --connections "$connections" && sample B "blob, $connections connections" "$peer"
    done
  done
  for peer in bare weir nginx; do discard "$peer"; done
  rm -rf "$work/images/bench-large"
}
