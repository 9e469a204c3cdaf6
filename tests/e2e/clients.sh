# The clients of a test. Sourced by lib.sh.

# ---- skopeo ------------------------------------------------------------------------------------

# As root skopeo keeps notes about blobs in /var/lib/containers, whatever HOME says, and lets them steer later
# copies: so it runs in a mount namespace with another /var/lib.
run_skopeo() {
  local options=(--policy "$T/policy.json" --registries-conf "$T/registries.conf")
  [[ -e $T/policy.json ]] || echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$T/policy.json"
  [[ -e $T/registries.conf ]] || : >"$T/registries.conf"
  [[ -e $T/auth.json ]] || echo '{}' >"$T/auth.json"
  # Not exported: docker-registry would take the name for a setting of its own.
  if [[ $EUID == 0 && $T != /var/lib/* ]] && unshare --mount true 2>/dev/null; then
    REGISTRY_AUTH_FILE=$T/auth.json unshare --mount --propagation private sh -c 'mount -t tmpfs tmpfs /var/lib 2>/dev/null; exec skopeo "$@"' skopeo "${options[@]}" "$@"
  else
    REGISTRY_AUTH_FILE=$T/auth.json skopeo "${options[@]}" "$@"
  fi
}

# pull REFERENCE [OPTION...] : copies it with its bytes as they are, compares every blob with its name, prints the
# digest of what came. With --all: every platform of an index.
pull() {
  local reference=$1
  shift
  pull_by_name "$reference" --src-tls-verify=false "$@"
}

# The same where registries.conf says how to reach the registry (an option about TLS would overrule it).
pull_by_name() {
  local reference=$1 out
  shift
  out=$(mktemp -d "$T/pulled.XXXXXX")
  run_skopeo copy -q --preserve-digests "$@" "docker://$reference" "dir:$out" >&2 || return 1
  verify_folder "$out" >&2 || return 1
  echo "sha256:$(sha256 "$out/manifest.json")"
  rm -r "$out"
}

verify_folder() {
  local file name bad=0 seen=0
  for file in "$1"/*; do
    name=${file##*/} name=${name%.manifest.json}
    [[ $name =~ ^[0-9a-f]{64}$ ]] || continue
    seen=$((seen + 1))
    [[ $(sha256 "$file") == "$name" ]] || { echo "the bytes of $name are not what their name says"; bad=1; }
  done
  ((seen > 0)) || { echo "no blobs came"; bad=1; }
  return $bad
}

# ---- curl --------------------------------------------------------------------------------------

ACCEPT="Accept: ${TYPE[oci.index]}, ${TYPE[oci.manifest]}, ${TYPE[docker.index]}, ${TYPE[docker.manifest]}, */*"

# manifest_digest URL [CURL-OPTION...] : the digest of the bytes that a manifest URL answers with.
manifest_digest() { curl -sSf -H "$ACCEPT" "$@" | sha256sum | sed 's/^\(.\{64\}\).*/sha256:\1/'; }
status_of() { curl -s -o /dev/null -w '%{http_code}' -H "$ACCEPT" "$@"; }
header_of() { curl -sS -o /dev/null -D - -H "$ACCEPT" "${@:2}" | tr -d '\r' | sed -n "s/^$1: //Ip" | head -n 1; }

# ---- containerd --------------------------------------------------------------------------------

# start_containerd : one of our own: its root, state and socket are in $T.
start_containerd() {
  mkdir -p "$T/containerd/root" "$T/containerd/state" "$T/hosts"
  cat >"$T/containerd/config.toml" <<END
version = 2
root = "$T/containerd/root"
state = "$T/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$T/containerd/sock"
END
  start containerd containerd --config "$T/containerd/config.toml"
  wait_for 15 containerd_is_up || { tail -n 5 "$T/containerd.log" >&2; exit 1; }
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
  run_ctr images pull --hosts-dir "$T/hosts" --snapshotter "$SNAPSHOTTER" "$@" "$image" >"$T/ctr.$BASHPID" 2>&1 || { tail -n 3 "$T/ctr.$BASHPID" >&2; return 1; }
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
