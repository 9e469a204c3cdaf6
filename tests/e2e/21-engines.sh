#!/usr/bin/env bash
# every engine pulls by the files of `weir node`: cold, warm, by tag and digest, every platform, plain and over TLS, broken off
. "$(dirname "$0")/enter.sh"
enter
. "$(dirname "$0")/lib.sh"
need docker-registry curl openssl jq

images=(tiny tiny-docker multi multi-docker three big-64)
make_image "${images[@]}"
make_certificates
start_registry up
for image in "${images[@]}"; do push_image "$image" "${URL[up]}" "library/$image" 1; done
start_tap upstream up
config <<END
[upstream.hub]
url = ${URL[upstream]}
namespaces = docker.io
default = on
END

# begin ENGINE plain|tls : an empty store, and the engine as `weir node` has it.
begin() {
  ENGINE=$1 WHAT="$1, $2"
  local options=()
  stop weir
  rm -rf --one-file-system "$T/store"
  faults upstream
  : >"$T/upstream.json"
  start_weir_with_tls 127.0.0.1 --set cache.tag-ttl=1h
  local url=${URL[weir]}
  if [[ $2 == tls ]]; then url=${URL[weir-tls]} options=(--ca "$T/tls/ca.crt"); fi
  NODE_URL=$url
  node_files "$ENGINE" "$url" "${options[@]}"
  "${ENGINE}_start" 2>"$T/start.log"
}

# gives NAME IMAGE [OPTION...] : the engine says that it has the upstream's digest.
gives() { "${ENGINE}_pull" "docker.io/library/$1" "${@:3}" | grep -x "$(digest_of "$2")" || { echo "not $(digest_of "$2")"; return 1; }; }

# What it pulls of an index: everything, or what is for this machine; then skopeo has another digest.
of_this_machine() {
  if [[ $ENGINE != skopeo ]]; then gives "$1:1" "$1"; else same "$(skopeo_pull "docker.io/library/$1:1" | wc -l)" 1; fi
}

pulls() {
  check "$WHAT: $1 by tag" gives tiny:1 tiny
  check "$WHAT: $1 by digest" gives "three@$(digest_of three)" three
  check "$WHAT: $1 of Docker types" gives tiny-docker:1 tiny-docker
  check "$WHAT: $1 of this machine's platform" of_this_machine multi
  check "$WHAT: $1 of this machine's platform of a Docker list" of_this_machine multi-docker
  case $ENGINE in
    containerd) check "$WHAT: $1 of every platform" gives multi:1 multi --all-platforms ;;
    skopeo) check "$WHAT: $1 of every platform" gives multi:1 multi --all ;;
  esac
}

fetched_once() { same "$(jq -r 'select(.method == "GET" and .status == 200) | .path' "$T/upstream.json" | sort | uniq -d)" ""; }

# For registries that have no mirror in Docker Engine.
by_name() { dockerd_pull "${NODE_URL#*://}/docker.io/library/three:1" | grep -x "$(digest_of three)"; }

runs_here() {
  "${ENGINE}_pull" docker.io/library/tiny:1 >/dev/null
  same "$("${ENGINE}_run" docker.io/library/tiny:1 2>&1)" "hello from tiny"
}

# Broken off once between the upstream and weir: the engine does not notice.
heals() {
  local layer
  layer=$(layers_of big-64)
  faults upstream "1 GET /blobs/$layer cut 9000000"
  gives big-64:1 big-64
  same "$(tapped upstream '.fault')" 1
  same "$(tapped upstream ".path | endswith(\"blobs/$layer\")")" 2
}

each() {
  if ! begin "$1" "$2"; then
    skip "$WHAT: everything" "it does not start here: $(tail -n 1 "$T/start.log" | cut -c -160)"
    return 0
  fi
  pulls "a cold pull"
  check "$WHAT: every part was fetched once" fetched_once
  [[ $ENGINE != dockerd ]] || check "$WHAT: an image of any registry, by weir's own name" by_name
  check "$WHAT: a blob that the upstream broke off comes whole" heals
  stop up
  pulls "a warm pull, without the upstream,"
  start_registry up
  if [[ $(type -t "$1_run") ]]; then
    if [[ $unable ]]; then skip "$WHAT: what was pulled runs" "$unable"; else check "$WHAT: what was pulled runs" runs_here; fi
  fi
  "$1_stop"
  rm -rf --one-file-system "$T/containerd" "$T/podman" "$T/dockerd"
}

unable=$(containers_run_here) || true
for engine in containerd cri podman buildah skopeo dockerd; do
  if ! why=$(lacks "$engine"); then
    skip "$engine: everything" "$why"
    continue
  fi
  each "$engine" plain
  each "$engine" tls
done
