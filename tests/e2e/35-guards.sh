#!/usr/bin/env bash
# what registries put before their content: passwords, tokens, client certificates, an object store; and broken connections
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl htpasswd nginx

# A layer that takes a moment, so that the connection can be cut within it.
make_image three big-64
puller=(-u puller:open-sesame)
printf 'open-sesame\n' >"$T/secret"
printf 'wrong\n' >"$T/mistyped.secret"
make_certificates
certificate=(--cacert "$T/tls/ca.crt" --cert "$T/tls/client.crt" --key "$T/tls/client.key")

realms() {
  start_realm open "$(make_token tokens "$1" pull)"
  start_realm guarded "$(make_token tokens "$1" pull)" puller:open-sesame
}
realms team/three
start_registry password --login puller:open-sesame
start_registry mutual --mutual
# Its realm is where the push's tokens would come from; here each is handed over.
start_registry tokens --tokens "http://localhost:${URL[open]##*:}/token"
push_image three "${URL[password]}" team/three 1 "${puller[@]}"
push_image big-64 "${URL[password]}" team/big-64 1 "${puller[@]}"
push_image three "${URL[mutual]}" team/three 1 "${certificate[@]}"
push_image big-64 "${URL[mutual]}" team/big-64 1 "${certificate[@]}"
push_image three "${URL[tokens]}" team/three 1 -H "Authorization: Bearer $(make_token tokens team/three pull push)"
push_image big-64 "${URL[tokens]}" team/big-64 1 -H "Authorization: Bearer $(make_token tokens team/big-64 pull push)"

kinds=(password mutual tokens)
store=
# The object store takes fifteen seconds and a hundred packages: in check-long.
if command -v radosgw >/dev/null && [[ ${E2E_LONG:-} ]]; then
  start_object_store
  start_registry store --s3 "$S3_URL"
  push_image three "${URL[store]}" team/three 1
  push_image big-64 "${URL[store]}" team/big-64 1
  kinds+=(store)
  store="
[upstream.store]
url = ${URL[store]}
"
fi

config <<END
[upstream.password]
url = ${URL[password]}
auth = basic
username = puller
password-file = $T/secret

[upstream.mistyped]
url = ${URL[password]}
auth = basic
username = puller
password-file = $T/mistyped.secret

[upstream.mutual]
url = ${URL[mutual]}
ca-file = $T/tls/ca.crt
tls-certificate = $T/tls/client.crt
tls-key = $T/tls/client.key

[upstream.unknown]
url = ${URL[mutual]}
ca-file = $T/tls/ca.crt

[upstream.tokens]
url = ${URL[tokens]}
token-realms = localhost

[upstream.elsewhere]
url = ${URL[tokens]}

[upstream.spare]
url = http://127.0.0.1:1 ${URL[password]}
auth = basic
username = puller
password-file = $T/secret
$store
END
start_weir --set cache.tag-ttl=1h

gives() { same "$(pull "$HOST/$1" "${@:3}")" "$(digest_of "$2")"; }

check "a password opens its upstream" gives password/team/three:1 three
check "a client certificate opens its upstream" gives mutual/team/three:1 three
check "a token from the realm that token-realms names opens its upstream" gives tokens/team/three:1 three
check "the second of two urls answers where the first does not" gives spare/team/three:1 three
[[ $store ]] && check "an upstream that redirects to an object store is followed there" gives store/team/three:1 three
for kind in "${kinds[@]}"; do check "warm: $kind" gives "$kind/team/three:1" three; done
check "the token was asked for once" same "$(grep -c '^GET /token 200' "$T/open.access")" 1

answer_of() { status_of "${URL[weir]}/v2/$1/team/three/manifests/1"; }
check "a wrong password is 502" same "$(answer_of mistyped)" 502
tried=$(requests password ' 401 ')
curl -s -o /dev/null "${URL[weir]}/v2/mistyped/team/three/manifests/1?again=[1-20]"
check "and is not tried again at once" at_most "$(requests password ' 401 ')" $((tried + 2))
check "without a certificate the upstream is 502" same "$(answer_of unknown)" 502
check "a realm on a host that nobody named is 502" same "$(answer_of elsewhere)" 502

# ---- the realm wants a password too
stop tokens
start_registry tokens --tokens "http://localhost:${URL[guarded]##*:}/token"
cat >>"$T/weir.conf" <<END
[upstream.bearer]
url = ${URL[tokens]}
token-realms = localhost
auth = bearer
username = puller
password-file = $T/secret
END
stop weir
start_weir --set cache.tag-ttl=1h
check "a password opens the realm, and its token the upstream" gives bearer/team/three:1 three
check "without that password it is 403" same "$(status_of "${URL[weir]}/v2/tokens/team/three/manifests/none")" 403

# ---- cut at some point, each of them
stop guarded
stop open
realms team/big-64
stop tokens
start_registry tokens --tokens "http://localhost:${URL[open]##*:}/token"
blob=$(layers_of big-64)
size=$(size_of big-64 "$blob")
arguments_of() {
  case $1 in
    password) echo --login puller:open-sesame ;;
    mutual) echo --mutual ;;
    tokens) echo --tokens "http://localhost:${URL[open]##*:}/token" ;;
  esac
}
partial=$T/store/partial/sha256-${blob#sha256:}
reached() { (($(stat -c %s "$partial" 2>/dev/null || echo 0) >= $1)) || [[ -e $T/store/blobs/sha256/${blob:7:2}/${blob#sha256:} ]]; }
nothing_held() { settled && [[ ! -e $partial ]] && ! reached "$size"; }
for kind in "${kinds[@]}"; do
  wait_for 60 settled
  weir cache purge "$blob" >/dev/null 2>&1 || true
  wait_for 60 nothing_held
  cut=$((RANDOM * 1000 % (size / 2) + 1))
  curl -sS -o "$T/cut" "${URL[weir]}/v2/$kind/team/big-64/blobs/$blob" 2>"$T/curl" &
  client=$!
  end=$((SECONDS + 20))
  until reached "$cut" || ((SECONDS > end)); do :; done
  # Behind the registry `store` it is the object store that sends.
  if [[ $kind == store ]]; then stop radosgw KILL; else stop "$kind" KILL; fi
  held=$(stat -c %s "$partial" 2>/dev/null || echo "$size")
  # shellcheck disable=SC2046   # the words are the arguments
  if [[ $kind == store ]]; then start_gateway; else start_registry "$kind" $(arguments_of "$kind"); fi
  said=0
  wait $client || said=$?
  say "$kind: cut with $held of $size bytes held"
  check "cut: $kind" same "$said $(sha256 "$T/cut")" "0 ${blob#sha256:}"
done
if [[ $store ]]; then
  check "the registry redirected the beginning and the resumption, each to an address of its own" \
    at_least "$(requests store 'GET /v2/team/big-64/blobs/.* 307 ')" 2
  check "and sent no blob itself" same "$(requests store 'GET /v2/team/big-64/blobs/.* 20. ')" 0
else
  skip "an object store behind a registry" "E2E_LONG is not set, or radosgw is not installed"
fi
check "no password is in a log" exits 1 grep -rqE 'open-sesame|cHVsbGVyOm9wZW4tc2VzYW1l' "$T/weir.log" "$T/weir.out"
