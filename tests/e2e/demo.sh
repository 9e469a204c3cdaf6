#!/usr/bin/env bash
# what weir saves, shown with a real registry and a real client on this machine alone
. "$(dirname "$0")/lib.sh"
for program in docker-registry skopeo curl openssl; do
  command -v "$program" >/dev/null || { echo "The demo needs $program; ./bootstrap demo installs it."; exit 1; }
done

mb() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }
now() { date +%s%N; }

echo "Making an image of this machine's own files ..."
make_image files
start_registry upstream
push_image files "${URL[upstream]}" library/files 1
source=upstream
link="without any limit"
if command -v nginx >/dev/null; then
  start_front link upstream 25m
  source='link'
  link="over a link of 25 MB a second for each connection"
fi
config <<END
[upstream.up]
url = ${URL[$source]}
namespaces = up.test
END
start_weir --set cache.tag-ttl=1h

cat <<END

  upstream   ${URL[upstream]}   docker-registry, reached $link
  weir       ${URL[weir]}   an empty cache
  image      up.test/library/files:1   $(parts_of files) parts, $(mb "$(bytes_of files)")

$ skopeo copy docker://$HOST/up.test/library/files:1 dir:...

                                         seconds   upstream requests   from upstream
END

# row WORDS FROM : copies the image from FROM and prints what that cost. Whether the bytes are right is not part of the time.
row() {
  local requests bytes began took
  requests=$(requests upstream) bytes=$(upstream_bytes upstream) began=$(now)
  rm -rf "$T/copy"
  run_skopeo copy -q --preserve-digests --src-tls-verify=false "docker://$2" "dir:$T/copy"
  took=$(($(now) - began))
  verify_folder "$T/copy"
  [[ sha256:$(sha256 "$T/copy/manifest.json") == $(digest_of files) ]] || { echo "this is not the image that was pushed"; exit 1; }
  awk -v words="$1" -v ns=$took -v requests="$(($(requests upstream) - requests))" -v bytes="$(mb $(($(upstream_bytes upstream) - bytes)))" \
    'BEGIN { printf "  %-38s %7.2f %19d %15s\n", words, ns / 1e9, requests, bytes }'
}

row "without weir" "${URL[$source]#*://}/library/files:1"
fetched=$(upstream_bytes upstream)
row "cold: weir fetches and keeps" "$HOST/up.test/library/files:1"
row "warm: the next machine" "$HOST/up.test/library/files:1"
row "warm: and the next" "$HOST/up.test/library/files:1"
stop upstream
row "warm: the upstream is switched off" "$HOST/up.test/library/files:1"
fetched=$(($(upstream_bytes upstream) - fetched))
served=$(metric weir_sent_bytes_total)

cat <<END

  Every copy was compared with its digest. Four pulls through weir: $(mb "$served") served, $(mb $fetched) fetched, $(mb $((served - fetched))) saved.
  The same in weir's own counters (${URL[admin]}/metrics):

$(curl -sS "${URL[admin]}/metrics" | grep -E '^weir_(sent_bytes|upstream_requests|upstream_received_bytes|fills)_total' | sed 's/^/    /')

END
