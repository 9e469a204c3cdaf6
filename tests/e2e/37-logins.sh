#!/usr/bin/env bash
# weir that serves nobody without a token, over TLS: every client logs in and pulls, by password and by a service account's token
. "$(dirname "$0")/enter.sh"
enter
. "$(dirname "$0")/lib.sh"
need docker-registry curl openssl jq htpasswd

make_image three tiny
make_certificates
start_registry up
for image in three tiny; do push_image "$image" "${URL[up]}" "library/$image" 1; done

# What a cluster's service account holds, and the keys that its issuer publishes.
issuer() {
  local x y
  openssl ecparam -name prime256v1 -genkey -noout -out "$T/issuer.key" 2>/dev/null
  x=$(openssl ec -in "$T/issuer.key" -pubout -outform DER 2>/dev/null | tail -c 64 | head -c 32 | base64url)
  y=$(openssl ec -in "$T/issuer.key" -pubout -outform DER 2>/dev/null | tail -c 32 | base64url)
  printf '{"keys":[{"kty":"EC","crv":"P-256","kid":"cluster","use":"sig","x":"%s","y":"%s"}]}' "$x" "$y" >"$T/jwks.json"
}
# account_token SUBJECT AUDIENCE SECONDS
account_token() {
  local now message der
  now=$(date +%s)
  message=$(printf '{"alg":"ES256","kid":"cluster"}' | base64url).$(
    printf '{"iss":"https://cluster.test","sub":"%s","aud":["%s"],"iat":%d,"exp":%d}' "$1" "$2" "$now" $((now + $3)) | base64url)
  # r and s, out of the DER that openssl writes.
  der=$(printf %s "$message" | openssl dgst -sha256 -sign "$T/issuer.key" | openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p' |
    while read -r number; do printf '%64s' "$number" | tr ' ' 0 | tail -c 64; done)
  # shellcheck disable=SC2059   # the bytes are the format
  echo "$message.$(printf "$(sed 's/../\\x&/g' <<<"$der")" | base64url)"
}

issuer
account_token system:serviceaccount:team:default weir 3600 >"$T/account.token"
htpasswd -Bbn alice open-sesame >"$T/users"
config <<END
[auth]
mode = required
users-file = $T/users
oidc-issuer = https://cluster.test
oidc-audience = weir
oidc-jwks = $T/jwks.json

[upstream.hub]
url = ${URL[up]}
namespaces = docker.io
default = on
END
start_weir_with_tls 127.0.0.1
AT=${URL[weir-tls]#https://}
trusting=(--cacert "$T/tls/ca.crt")

# ---- as the specification has it ---------------------------------------------------------------

# token [CURL-OPTION...] : one for library/three.
token() { curl -sSf "${trusting[@]}" "${URL[weir-tls]}/token?service=weir&scope=repository:library/three:pull" "$@" | jq -r .token; }

challenges() {
  same "$(status_of "${trusting[@]}" "${URL[weir-tls]}/v2/")" 401
  same "$(header_of www-authenticate "${trusting[@]}" "${URL[weir-tls]}/v2/")" "Bearer realm=\"${URL[weir-tls]}/token\",service=\"weir\""
}
exchanged() {
  local ours
  ours=$(token -u "token:$(cat "$T/account.token")")
  same "$(manifest_digest "${trusting[@]}" -H "Authorization: Bearer $ours" "${URL[weir-tls]}/v2/library/three/manifests/1")" "$(digest_of three)"
  same "$(status_of "${trusting[@]}" -H "Authorization: Bearer $ours" "${URL[weir-tls]}/v2/library/tiny/manifests/1")" 401
  same "$(weir token inspect "$ours" | sed -n 's/^subject *//p')" system:serviceaccount:team:default
}
offline() {
  local ours
  ours=$(weir token issue --subject node/7 --scope repository:library/three:pull)
  same "$(manifest_digest "${trusting[@]}" -H "Authorization: Bearer $ours" "${URL[weir-tls]}/v2/library/three/manifests/1")" "$(digest_of three)"
}
for_kubelet() {
  local answer
  answer=$(printf '{"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"%s/library/three"}' "$AT" |
    "$WEIR" credential kubelet --token-file "$T/account.token")
  same "$(jq -r '.cacheKeyType' <<<"$answer")" Registry
  same "$(jq -r --arg at "$AT" '.auth[$at].password' <<<"$answer")" "$(cat "$T/account.token")"
  matches "$(jq -r .cacheDuration <<<"$answer")" '^3[0-9]{3}s$'
}

check "without a token the answer is where to get one" challenges
check "a service account's token is exchanged for one that pulls, and not from another repository" exchanged
check "a token made from the key file pulls" offline
check "a kubelet is handed the service account's token" for_kubelet

# ---- skopeo ------------------------------------------------------------------------------------

mkdir -p "$T/trust"
cp "$T/tls/ca.crt" "$T/trust/ca.crt"
skopeo_login() {
  ! run_skopeo login --cert-dir "$T/trust" -u alice --password-stdin "$AT" <<<wrong || { echo "a wrong password is taken"; return 1; }
  ! pull "$AT/library/three:1" --src-tls-verify=true --src-cert-dir "$T/trust" || { echo "it pulls without a login"; return 1; }
  run_skopeo login --cert-dir "$T/trust" -u alice --password-stdin "$AT" <<<open-sesame
  same "$(pull "$AT/library/three:1" --src-tls-verify=true --src-cert-dir "$T/trust")" "$(digest_of three)"
  run_skopeo logout "$AT"
}
skopeo_by_account() {
  same "$(pull "$AT/library/three:1" --src-tls-verify=true --src-cert-dir "$T/trust" --src-creds "token:$(cat "$T/account.token")")" "$(digest_of three)"
}
check "skopeo: login and pull" skopeo_login
check "skopeo: pull by a service account's token" skopeo_by_account

# ---- the engines -------------------------------------------------------------------------------

# begin ENGINE : as `weir node` has it, trusting our authority. Prints why not when it does not start here.
begin() {
  local why
  why=$(lacks "$1") || { skip "$1: login and pull" "$why"; return 1; }
  node_files "$1" "${URL[weir-tls]}" --ca "$T/tls/ca.crt"
  "${1}_start" 2>"$T/start.log" && return
  skip "$1: login and pull" "it does not start here: $(tail -n 1 "$T/start.log" | cut -c -160)"
  return 1
}

podman_login() {
  ! run_podman login -u alice --password-stdin "$AT" <<<wrong || { echo "a wrong password is taken"; return 1; }
  run_podman login -u alice --password-stdin "$AT" <<<open-sesame
  same "$(podman_pull "$AT/library/three:1")" "$(digest_of three)"
  same "$(podman_pull docker.io/library/tiny:1)" "$(digest_of tiny)"
  run_podman logout "$AT"
}
# docker asks a helper, which answers with the token: nothing is stored.
docker_by_helper() {
  mkdir -p "$T/helpers"
  printf '#!/bin/sh\nexec %s credential docker --registry %s --token-file %s "$@"\n' "$WEIR" "$AT" "$T/account.token" >"$T/helpers/docker-credential-weir"
  chmod +x "$T/helpers/docker-credential-weir"
  printf '{"credHelpers":{"%s":"weir"}}' "$AT" >"$T/dockerd/cli/config.json"
  same "$(PATH=$T/helpers:$PATH dockerd_pull "$AT/library/three:1")" "$(digest_of three)"
}
docker_login() {
  ! run_docker login -u alice --password-stdin "$AT" <<<wrong || { echo "a wrong password is taken"; return 1; }
  ! dockerd_pull "$AT/library/three:1" || { echo "it pulls without a login"; return 1; }
  run_docker login -u alice --password-stdin "$AT" <<<open-sesame
  same "$(dockerd_pull "$AT/library/three:1")" "$(digest_of three)"
  # What docker keeps is a token that renews, and not the password.
  jq -e --arg at "$AT" '.auths[$at].identitytoken != null' "$T/dockerd/cli/config.json" >/dev/null
  same "$(dockerd_pull "$AT/library/tiny:1")" "$(digest_of tiny)"
  run_docker logout "$AT"
}
containerd_login() {
  ! containerd_pull docker.io/library/three:1 || { echo "it pulls without credentials"; return 1; }
  same "$(containerd_pull docker.io/library/three:1 --user alice:open-sesame)" "$(digest_of three)"
  same "$(containerd_pull docker.io/library/tiny:1 --user "token:$(cat "$T/account.token")")" "$(digest_of tiny)"
}

if begin podman; then
  check "podman: login and pull, by name and as a mirror" podman_login
  podman_stop
fi
if begin containerd; then
  check "containerd: pull with a password, and with a service account's token" containerd_login
  containerd_stop
fi
if begin dockerd; then
  check "docker: login and pull" docker_login
  check "docker: pull by the credential helper" docker_by_helper
  dockerd_stop
fi

quiet() {
  ! grep -rqE "open-sesame|$(cut -d . -f 3 "$T/account.token")" "$T/weir.log" || { echo "a secret is in the log"; return 1; }
  ! access_log up | grep -q alice || { echo "a name went upstream"; return 1; }
}
check "no password and no token was logged" quiet
