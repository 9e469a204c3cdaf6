# The container engines of a test, each a private one that knows weir by the files of `weir node`. Sourced by lib.sh.
#
#   ENGINE_start            ready to pull; call node_files first
#   ENGINE_pull IMAGE ...   with nothing there from before; prints the digest that the engine gives the image
#   ENGINE_run IMAGE        its output
#   ENGINE_stop             leaves nothing running or mounted
#
# ENGINE is containerd, cri (containerd as a kubelet uses it), podman, buildah, dockerd or skopeo.

# lacks ENGINE : prints what this machine lacks for it, and fails; or nothing.
lacks() {
  local program programs=()
  case $1 in
    containerd | cri) programs=(containerd ctr runc) ;;
    podman) programs=(podman runc) ;;
    dockerd) programs=(dockerd docker runc) ;;
    *) programs=("$1") ;;
  esac
  for program in "${programs[@]}"; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; return 1; }
  done
  [[ $1 == skopeo || $EUID == 0 ]] || { echo "needs root"; return 1; }
}

# Whether runc alone can run a container on this machine; prints why not. Without that no engine can, whatever weir does.
containers_run_here() {
  local bundle=$T/bundle
  command -v runc >/dev/null || { echo "runc is not installed"; return 1; }
  mkdir -p "$bundle/rootfs"
  tar -xzf "$(blob_file "$(layers_of tiny)")" -C "$bundle/rootfs"
  (cd "$bundle" && runc spec && sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"\/hello"/' config.json)
  runc --root "$T/runc" run --bundle "$bundle" "e2e-$BASHPID" >"$T/bundle.out" 2>&1 && grep -q '^hello' "$T/bundle.out" && return
  echo "runc can not run a container here: $(tail -n 1 "$T/bundle.out" | cut -c -160)"
  return 1
}

# node_files ENGINE URL [OPTION...] : what `weir node` writes for it, where the engine of this test looks.
declare -A NODE_CLIENT=([containerd]=containerd [cri]=containerd [podman]=podman [buildah]=podman [skopeo]=podman [dockerd]=docker)
node_files() {
  local engine=$1 url=$2
  shift 2
  NODE=$T/node-$engine
  rm -rf "$NODE"
  "$WEIR" node "${NODE_CLIENT[$engine]}" --endpoint "$url" --out "$NODE" "$@" >"$T/node.out" || { cat "$T/node.out" >&2; exit 1; }
  if [[ ${NODE_CLIENT[$engine]} == podman ]]; then
    # Where a user's own certificates are; the machine's are not this test's to change.
    rm -rf "$HOME/.config/containers"
    mkdir -p "$HOME/.config/containers"
    [[ ! -d $NODE/certs.d ]] || cp -r "$NODE/certs.d" "$HOME/.config/containers/"
  fi
}

# ---- containerd, by ctr and by CRI -------------------------------------------------------------

# start_containerd [--cri HOSTS] : one of our own: its root, state and socket are in $T. With --cri it is what a kubelet
# talks to, which finds the hosts.toml files in HOSTS.
start_containerd() {
  local cri='"io.containerd.grpc.v1.cri", '
  [[ ${1:-} != --cri ]] || cri=
  mkdir -p "$T/containerd/root" "$T/containerd/state" "$T/hosts"
  SNAPSHOTTER=${SNAPSHOTTER:-overlayfs}
  cat >"$T/containerd/config.toml" <<END
version = 2
root = "$T/containerd/root"
state = "$T/containerd/state"
disabled_plugins = [$cri"io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$T/containerd/sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true       # a lower one needs a privilege that root in a container lacks
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$SNAPSHOTTER"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$T/containerd/cni"
    conf_dir = "$T/containerd/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${2:-}"
END
  start containerd containerd --config "$T/containerd/config.toml"
  wait_for 60 containerd_is_up || { tail -n 5 "$T/containerd.log" >&2; exit 1; }
  SNAPSHOTTER=native
  run_ctr plugins ls | grep -E 'snapshotter.* overlayfs ' | grep -q ' ok' && SNAPSHOTTER=overlayfs
  return 0
}

containerd_is_up() { alive containerd && run_ctr version >/dev/null 2>&1; }
run_ctr() { ctr -a "$T/containerd/sock" "$@"; }

# mirror_of REGISTRY URL : whatever names REGISTRY is pulled from URL, and from nowhere else.
mirror_of() {
  mkdir -p "$T/hosts/$1"
  printf 'server = "%s"\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$2" "$2" >"$T/hosts/$1/hosts.toml"
}

# ctr_pull IMAGE [OPTION...] : pulls and unpacks with nothing there from before; prints the digest.
ctr_pull() {
  local image=$1
  shift
  ctr_forget "$image"
  run_ctr images pull --hosts-dir "${HOSTS:-$T/hosts}" --snapshotter "$SNAPSHOTTER" "$@" "$image" >"$T/ctr.$BASHPID" 2>&1 || { tail -n 3 "$T/ctr.$BASHPID" >&2; return 1; }
  run_ctr images ls "name==$image" | awk 'NR == 2 { print $3 }'
}

# With --sync its blobs are gone when this returns.
ctr_forget() { run_ctr images rm --sync "$1" >/dev/null 2>&1 || true; }

ctr_run() { run_ctr run --rm --snapshotter "$SNAPSHOTTER" "$1" "e2e-$BASHPID"; }

end_containers() {
  [[ ${PID[containerd]:-} ]] || return 0
  local task
  for task in $(run_ctr tasks ls -q 2>/dev/null); do run_ctr tasks rm -f "$task" >/dev/null 2>&1; done
}
containerd_stop() { end_containers; stop containerd; }

containerd_start() { start_containerd; }
containerd_pull() { HOSTS=$T/node-containerd ctr_pull "$@"; }
containerd_run() { ctr_run "$1"; }

# containerd reads config_path at its start, so CRI's folder is always the same one.
cri_start() {
  start_containerd --cri "$T/node-cri"
  [[ $SNAPSHOTTER == overlayfs ]] || { stop containerd; start_containerd --cri "$T/node-cri"; }
}
cri_stop() { containerd_stop; }
cri_run() { run_ctr -n k8s.io run --rm --snapshotter "$SNAPSHOTTER" "$1" "e2e-$BASHPID"; }

# cri_pull IMAGE : runtime.v1.ImageService/PullImage, the call of a kubelet, by hand: a PullImageRequest is a length-prefixed
# message whose field 1 is an ImageSpec, whose field 1 is the name.
cri_pull() {
  local image=$1 length=${#1} head names
  mapfile -t names < <(run_ctr -n k8s.io images ls -q)     # CRI gives an image several
  ((${#names[@]} == 0)) || run_ctr -n k8s.io images rm --sync "${names[@]}" >/dev/null
  head=$(printf '\\x00\\x00\\x00\\x00\\x%02x\\x0a\\x%02x\\x0a\\x%02x' $((length + 4)) $((length + 2)) "$length")
  { printf "$head"; printf %s "$image"; } >"$T/cri.request"
  # What was removed may be collected a moment later, under the feet of the next pull.
  if ! cri_call && ! { grep -q 'snapshot.*does not exist' "$T/cri.head" && cri_call; }; then
    grep -i '^grpc-' "$T/cri.head" >&2
    return 1
  fi
  run_ctr -n k8s.io images ls "name==$image" | awk 'NR == 2 { print $3 }'
}
cri_call() {
  curl -sS --http2-prior-knowledge --unix-socket "$T/containerd/sock" -H 'content-type: application/grpc' -H 'te: trailers' \
    --data-binary @"$T/cri.request" -D "$T/cri.head" -o /dev/null http://localhost/runtime.v1.ImageService/PullImage
  [[ $(tr -d '\r' <"$T/cri.head" | sed -n 's/^grpc-status: //p') == 0 ]]
}

# ---- podman and buildah ------------------------------------------------------------------------

podman_start() {
  mkdir -p "$T/podman/tmp"
  printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' "${STORAGE_DRIVER:-overlay}" "$T/podman/store" "$T/podman/run" >"$T/podman/storage.conf"
  # runc takes any tree of control groups; the limits are such that they need no privilege.
  cat >"$T/podman/containers.conf" <<END
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
END
}
buildah_start() { podman_start; }

# A name of its own for the file, so that nothing is said to docker-registry by the environment of a whole test.
with_containers() {
  CONTAINERS_REGISTRIES_CONF=$NODE/registries.conf CONTAINERS_STORAGE_CONF=$T/podman/storage.conf TMPDIR=$T/podman/tmp \
    CONTAINERS_CONF=$T/podman/containers.conf REGISTRY_AUTH_FILE=$T/auth.json "$@"
}
run_podman() { [[ -e $T/auth.json ]] || echo '{}' >"$T/auth.json"; with_containers podman --tmpdir "$T/podman/libpod" "$@"; }
run_buildah() { [[ -e $T/auth.json ]] || echo '{}' >"$T/auth.json"; with_containers buildah "$@"; }

podman_pull() {
  local image=$1
  shift
  run_podman rmi -f "$image" >/dev/null 2>&1 || true
  run_podman pull -q --signature-policy "$NODE/policy.json" "$@" "$image" >/dev/null || return 1
  run_podman image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" | sed -n 's/.*@//p' | sort -u
}
buildah_pull() {
  local image=$1
  shift
  run_buildah rmi -a -f >/dev/null 2>&1 || true      # images with one configuration share one list of digests
  run_buildah pull -q --signature-policy "$NODE/policy.json" "$@" "$image" >/dev/null || return 1
  run_buildah images --format '{{.Digest}}' "$image"
}
podman_run() { run_podman run --rm --network none "$1"; }
podman_stop() { umount -l "$T/podman/store/overlay" 2>/dev/null || true; }
buildah_stop() { podman_stop; }

# ---- dockerd -----------------------------------------------------------------------------------

# Its own way around the mirror is shut by the environment of the systemd drop-in.
dockerd_start() {
  local environment=()
  mapfile -t environment < <(sed -n 's/^Environment=//p' "$NODE/docker.service.d/weir.conf")
  [[ ! ${OPEN_ROAD:-} ]] || environment=()
  mkdir -p "$T/dockerd/cli"
  echo '{}' >"$T/dockerd/cli/config.json"
  # Its own namespace of mounts, where /etc/docker holds the certificates of this test.
  start dockerd env "${environment[@]}" unshare --mount --propagation private sh -c '
    [ ! -d "$0/certs.d" ] || { mount -t tmpfs tmpfs /etc/docker && mkdir /etc/docker/certs.d && cp -r "$0/certs.d/." /etc/docker/certs.d; }
    exec dockerd "$@"' "$NODE" --config-file="$NODE/daemon.json" --data-root="$T/dockerd/data" \
    --exec-root="$T/dockerd/exec" --pidfile="$T/dockerd/pid" --host="unix://$T/dockerd/sock" --bridge=none --iptables=false --ip6tables=false \
    --ip-forward=false --ip-masq=false --storage-driver="${DOCKER_STORAGE:-overlay2}" --oom-score-adjust=0
  wait_for 90 dockerd_is_up && alive dockerd && return
  grep -E 'level=(fatal|error)|failed' "$T/dockerd.log" | tail -n 1 >&2
  stop dockerd
  return 1
}
# Or has ended, which is found out at once.
dockerd_is_up() { ! alive dockerd || run_docker version >/dev/null 2>&1; }
run_docker() { docker --config "$T/dockerd/cli" -H "unix://$T/dockerd/sock" "$@"; }
dockerd_pull() {
  local image=$1
  shift
  run_docker rmi -f "$image" >/dev/null 2>&1 || true
  run_docker pull -q "$@" "$image" >/dev/null || return 1
  run_docker image inspect --format '{{join .RepoDigests "\n"}}' "$image" | sed -n 's/.*@//p'
}
dockerd_run() { run_docker run --rm --network none "$1"; }
dockerd_stop() { stop dockerd; }

# ---- skopeo ------------------------------------------------------------------------------------

skopeo_start() { :; }
skopeo_stop() { :; }
skopeo_pull() {
  cp "$NODE/registries.conf" "$T/registries.conf"
  cp "$NODE/policy.json" "$T/policy.json"
  pull_by_name "$@"
}
