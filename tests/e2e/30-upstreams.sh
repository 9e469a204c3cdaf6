#!/usr/bin/env bash
# several upstreams in one weir: plain, TLS with an authority of its own, with a login
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl htpasswd

make_image tiny three multi
start_registry plain
start_registry secure --tls
start_registry login --login puller:open-sesame
push_image tiny "${URL[plain]}" team/app 1
push_image three "${URL[secure]}" team/app 1 --cacert "$T/tls/ca.crt"
push_image multi "${URL[login]}" team/app 1 -u puller:open-sesame
printf 'open-sesame\n' >"$T/password"
chmod 600 "$T/password"

logins=
if knows upstream.login auth basic; then
  logins="[upstream.login]
url = ${URL[login]}
namespaces = login.test
auth = basic
username = puller
password-file = $T/password
"
fi

config <<END
[upstream.plain]
url = ${URL[plain]}
namespaces = plain.test
default = yes

[upstream.secure]
url = ${URL[secure]}
namespaces = secure.test
ca-file = $T/tls/ca.crt

[upstream.distrusted]
url = ${URL[secure]}

$logins
[upstream.gone]
url = http://127.0.0.1:1
END
start_weir --set cache.tag-ttl=1h

gives() { same "$(pull "$HOST/$1" "${@:3}")" "$(digest_of "$2")"; }
check "the plain upstream's image comes by its name" gives plain.test/team/app:1 tiny
check "the TLS upstream's image comes by its name" gives secure.test/team/app:1 three
if [[ $logins ]]; then
  check "the login upstream's image comes by its name" gives login.test/team/app:1 multi --all
else
  skip "the login upstream's image comes by its name" "this weir does not log in to upstreams"
fi
check "the default upstream's image comes without a name" gives team/app:1 tiny
check "the same repository name in three upstreams is three repositories" differ \
  "$(manifest_digest "${URL[weir]}/v2/team/app/manifests/1?ns=secure.test")" "$(manifest_digest "${URL[weir]}/v2/team/app/manifests/1?ns=plain.test")"
check "the Host header chooses among the upstreams" same \
  "$(manifest_digest -H 'Host: secure.test' "${URL[weir]}/v2/team/app/manifests/1")" "$(digest_of three)"
check "?ns= goes before the Host header" same \
  "$(manifest_digest -H 'Host: secure.test' "${URL[weir]}/v2/team/app/manifests/1?ns=plain.test")" "$(digest_of tiny)"

check "an upstream whose certificate no known authority signed is 502" same "$(status_of "${URL[weir]}/v2/distrusted/team/app/manifests/1")" 502
check "and it was asked for nothing" same "$(requests secure 'GET /v2/team/app')" "$(parts_of three)"
check "an upstream that does not answer is 502" same "$(status_of "${URL[weir]}/v2/gone/team/app/manifests/1")" 502
check "the other upstreams go on while one is gone" gives plain.test/team/app:1 tiny

big=$(layers_of three | head -n 1)
check "a blob of one upstream is not shown through another" same "$(status_of "${URL[weir]}/v2/plain.test/team/app/blobs/$big")" 404

for name in plain secure login; do stop $name; done
check "a warm pull of the TLS upstream's image needs no upstream" gives secure.test/team/app:1 three
[[ $logins ]] && check "a warm pull of the login upstream's image needs no upstream" gives login.test/team/app:1 multi --all
check "the password is in no log" exits 1 grep -rq open-sesame "$T/weir.log" "$T/weir.out"
