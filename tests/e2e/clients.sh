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
manifest_digest() { curl -sSf -H "$ACCEPT" "$@" | sha256 | sed "s/^/sha256:/"; }
status_of() { curl -s -o /dev/null -w '%{http_code}' -H "$ACCEPT" "$@"; }
header_of() { curl -sS -o /dev/null -D - -H "$ACCEPT" "${@:2}" | tr -d '\r' | sed -n "s/^$1: //Ip" | head -n 1; }
