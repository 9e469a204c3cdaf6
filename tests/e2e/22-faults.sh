#!/usr/bin/env bash
# what every engine asks a mirror, and what it does when the mirror refuses it or breaks off
. "$(dirname "$0")/enter.sh"
enter
. "$(dirname "$0")/lib.sh"
need docker-registry curl openssl jq

images=(multi three big-64)
make_image "${images[@]}"
start_registry up
for image in "${images[@]}"; do push_image "$image" "${URL[up]}" "library/$image" 1; done
config <<END
[upstream.hub]
url = ${URL[up]}
namespaces = docker.io
default = on
END
start_weir --set cache.tag-ttl=1h
start_tap mirror weir
learn_anew

version_of() { "${1/cri/containerd}" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1; }

# ---- what it asks
# jq's view of the requests of one pull: each with the kind of thing it asks for.
KINDS='def kind: if .path == "/v2/" then "ping" elif (.path | test("/manifests/sha256:")) then "digest"
  elif (.path | test("/manifests/")) then "tag" else "blob" end;'
about() { jq -rs "$KINDS $1" "$T/mirror.json"; }

asks() {
  local engine=$1
  faults mirror
  : >"$T/mirror.json"
  "${engine}_pull" docker.io/library/multi:1 >/dev/null || return 1
  learn "$engine" version "$(version_of "$engine")"
  learn "$engine" "asks for" "$(about '[.[] | "\(.method) \(kind)"] | unique | sort_by(if endswith("ping") then 0 elif endswith("tag") then 1 elif endswith("digest") then 2 else 3 end) | join(", ")')"
  learn "$engine" "names the registry by" "$(about 'map(select(kind == "tag"))[0] | if .query | test("ns=") then "`?ns=`" elif .path | startswith("/v2/docker.io/") then "the path" else "nothing" end')"
  learn "$engine" "Accept for a tag" "$(about 'map(select(kind == "tag"))[0].headers.accept | "\(length) line\(if length == 1 then "" else "s" end)\(if any(.[]; test("\\*/\\*")) then ", with `*/*`" else "" end)"')"
  learn "$engine" "Accept-Encoding for a blob" "$(about 'map(select(kind == "blob"))[0].headers["accept-encoding"] // ["none"] | join(", ")')"
  learn "$engine" "closes each connection" "$(about 'if any(.[]; .headers.connection == ["close"]) then "yes" else "no" end')"
  learn "$engine" "User-Agent" "$(about '.[0].headers["user-agent"][0] // "none" | split(" ")[0] | split("/")[0]')"
}

says_whose_it_is() { same "$(about '[.[].headers | [."x-team", ."x-site"]] | unique | tostring')" '[[["ml"],["a b"]]]'; }

# ---- what it does
# meets ENGINE SUBJECT IMAGE RULE : learns what comes of one fault.
meets() {
  local engine=$1 subject=$2 image=$3 rule=$4 said='' what status=0
  faults mirror "$rule"
  : >"$T/mirror.json"
  said=$("${engine}_pull" "docker.io/library/$image:1" 2>&1) || status=1
  faults mirror
  same "$(tapped mirror .fault)" 1
  # A later request for what was refused: for the rest of it, or for all of it again.
  local again
  again=$(jq -rs '(map(.fault) | index(true)) as $at | .[$at].path as $path | [.[$at + 1:][] | select(.path == $path)] |
    if length == 0 then "no" elif any(.[]; .headers.range) then "range" else "again" end' "$T/mirror.json")
  if ((status == 0)); then
    case $again in
      range) what="goes on with a Range" ;;
      again) what="asks again" ;;
      no) what="goes on another way" ;;
    esac
  elif [[ $said == *registry-1.docker.io* ]]; then
    what="turns to Docker Hub and is stopped"
  else
    what="gives up"
    [[ $said != *"the tap says so"* ]] || what+=", shows the message"
  fi
  learn "$engine" "$subject" "$what"
  # Whatever it did, the next pull is whole.
  "${engine}_pull" "docker.io/library/$image:1" | grep -x "$(digest_of "$image")"
}

for engine in containerd cri podman buildah skopeo dockerd; do
  if ! why=$(lacks "$engine"); then
    skip "$engine: everything" "$why"
    continue
  fi
  headers=()
  [[ ${NODE_CLIENT[$engine]} != containerd ]] || headers=(--header 'X-Team: ml' --header 'X-Site: a b')
  node_files "$engine" "${URL[mirror]}" "${headers[@]}"
  if ! "${engine}_start" 2>"$T/start.log"; then
    skip "$engine: everything" "it does not start here: $(tail -n 1 "$T/start.log" | cut -c -160)"
    continue
  fi
  check "$engine: what it asks is noted" asks "$engine"
  ((${#headers[@]} == 0)) || check "$engine: every request has the headers of its files" says_whose_it_is
  layer=$(layers_of three | tail -n 1)
  for status in 401 403 404 429 503; do
    check "$engine: a manifest answered $status once" meets "$engine" "manifest $status" three "1 * /manifests/ status $status"
    check "$engine: a blob answered $status once" meets "$engine" "blob $status" three "1 GET /blobs/$layer status $status"
  done
  for fault in cut reset; do
    check "$engine: a blob $fault once" meets "$engine" "blob $fault" big-64 "1 GET /blobs/$(layers_of big-64) $fault 9000000"
  done
  "${engine}_stop"
  rm -rf --one-file-system "$T/containerd" "$T/podman" "$T/dockerd"
done
