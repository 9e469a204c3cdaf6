# Part A: what a cached manifest costs. Sourced by run.sh.
# Weir and nginx each run twice, without and with an access log; nginx once more with open_file_cache, which spares it an open and a close a
# request at the price of a second kind of staleness: shown, not compared with.

manifest_hit() {
  local requests=15000 connections=32
  # One core is the client's: with more server threads than are left, what is measured is who wakes whom.
  local threads=$threads_beside_client
  ((quick)) && requests=2000
  have A nginx nginx || return 0
  push_image "$upstream" bench/small 12 1024 || { broken A upstream "push failed"; return 0; }
  # `local` of the globals that push_image set: part B pushes its own.
  local digest=$manifest_digest bytes=$manifest_bytes
  local -A paths=([digest]=/v2/bench/small/manifests/sha256:$digest [tag]=/v2/bench/small/manifests/bench)
  say "A: manifest of $bytes bytes, $requests requests over $connections connections a turn, server threads: $threads"

  local log name kind round
  for log in off on; do
    have A weir "$weir" && ready A weir start_weir "weir-$log" "$upstream" "$log"
    ready A nginx start_nginx "nginx-$log" "$upstream" "$log"
  done
  ready A "nginx+open_file_cache" start_nginx nginx+open_file_cache-off "$upstream" off 'open_file_cache max=1000 inactive=1h; open_file_cache_valid 60s;'

  for name in weir-off weir-on nginx-off nginx-on nginx+open_file_cache-off; do
    for kind in digest tag; do
      check A "${name%-*}" "$name" "${paths[$kind]}" "$digest" --accept "$manifest_type" --bytes "$bytes"
      ask A "${name%-*}" "$name" "${paths[$kind]}" --accept "$manifest_type" --bytes "$bytes" --requests "$((requests / 5))" --connections "$connections"
    done
  done
  for ((round = 1; round <= rounds * turns; round++)); do
    for log in off on; do
      for kind in digest tag; do
        for name in $(in_turn "$round" "weir-$log" "nginx-$log" "nginx+open_file_cache-$log"); do
          ask A "${name%-*}" "$name" "${paths[$kind]}" --accept "$manifest_type" --bytes "$bytes" --requests "$requests" --connections "$connections" &&
            sample A "by $kind, log $log" "${name%-*}"
        done
      done
    done
  done
  for name in weir-off weir-on nginx-off nginx-on nginx+open_file_cache-off; do discard "$name"; done
}
