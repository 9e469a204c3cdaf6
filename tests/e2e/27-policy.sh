#!/usr/bin/env bash
# every engine shows the name of the rule that refuses it, and what is denied is not had another way
. "$(dirname "$0")/enter.sh"
enter
. "$(dirname "$0")/lib.sh"
need docker-registry curl jq

make_image tiny three
start_registry up
push_image tiny "${URL[up]}" library/tiny 1
push_image tiny "${URL[up]}" library/tiny latest
push_image three "${URL[up]}" secret/three 1
config <<END
[upstream.hub]
url = ${URL[up]}
namespaces = docker.io
default = on
[policy]
file = $T/policy.rules
END
cat >"$T/policy.rules" <<END
no-latest    deny  *  pull  **                    tag=latest
no-secrets   deny  *  *     docker.io/secret/**
END
start_weir

shows() {
  if "${ENGINE}_pull" "$1" >"$T/pull.out" 2>&1; then echo "it was pulled"; return 1; fi
  cat "$T/pull.out"
  grep -q "policy rule $2" "$T/pull.out"
}
pulls_the_allowed() { "${ENGINE}_pull" "$1" | grep -x "$(digest_of tiny)"; }

# Docker Engine asks the origin when a mirror refuses it, and then says what the origin said: it pulls by weir's own name.
for ENGINE in containerd cri podman buildah skopeo dockerd; do
  if ! why=$(lacks "$ENGINE"); then
    skip "$ENGINE: everything" "$why"
    continue
  fi
  node_files "$ENGINE" "${URL[weir]}"
  "${ENGINE}_start" 2>"$T/start.log" || { skip "$ENGINE: everything" "it does not start here: $(tail -n 1 "$T/start.log" | cut -c -160)"; continue; }
  from=docker.io
  [[ $ENGINE != dockerd ]] || from=$HOST/docker.io
  check "$ENGINE: an allowed image is pulled" pulls_the_allowed "$from/library/tiny:1"
  check "$ENGINE: it shows the rule that refuses a tag" shows "$from/library/tiny:latest" no-latest
  check "$ENGINE: it shows the rule that refuses a repository" shows "$from/secret/three:1" no-secrets
  check "$ENGINE: it shows the rule that refuses a digest" shows "$from/secret/three@$(digest_of three)" no-secrets
  "${ENGINE}_stop"
  rm -rf --one-file-system "$T/containerd" "$T/podman" "$T/dockerd"
done

status_of() { curl -s -o /dev/null -w '%{http_code}' "${URL[weir]}/v2/$1"; }
a_blob_by_another_way() {
  local layer
  layer=$(layers_of three | head -n 1)
  same "$(status_of "secret/three/blobs/$layer")" 403
  same "$(status_of "library/tiny/blobs/$layer")" 404
}
check "the blob of a denied repository is not had through an allowed one" a_blob_by_another_way
explained() {
  if weir policy explain --as anonymous pull docker.io/library/tiny:latest >"$T/explained"; then return 1; fi
  grep "deny: rule no-latest ($T/policy.rules:1)" "$T/explained"
}
check "the decision is explained with its rule and line" explained
reloaded() {
  echo 'nonsense' >"$T/policy.rules"
  if weir policy reload 2>"$T/reloaded"; then return 1; fi
  grep 'policy.rules:1:9' "$T/reloaded"
  same "$(status_of library/tiny/manifests/latest)" 403
  : >"$T/policy.rules"
  weir policy reload
  same "$(status_of library/tiny/manifests/latest)" 200
}
check "wrong rules change nothing, and right ones do at once" reloaded
