#!/usr/bin/env bash
# upstreams behind a proxy: plain and TLS ones, through a proxy without and with TLS
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl tinyproxy stunnel4

make_image three
make_certificates
start_registry plain
start_registry secure --tls
push_image three "${URL[plain]}" team/app 1
push_image three "${URL[secure]}" team/app 1 --cacert "$T/tls/ca.crt"

# start_proxy : tinyproxy, its URL in URL[proxy], its log in $T/proxy.requests; before it stunnel with TLS, URL[tls-proxy].
start_proxy() {
  local ports
  mapfile -t ports < <(free_ports 2)
  printf 'Listen 127.0.0.1\nPort %s\nAllow 127.0.0.1\nTimeout 60\nLogFile "%s"\nLogLevel Connect\n' \
    "${ports[0]}" "$T/proxy.requests" >"$T/tinyproxy.conf"
  printf 'foreground = yes\npid =\n[proxy]\naccept = 127.0.0.1:%s\nconnect = 127.0.0.1:%s\ncert = %s\nkey = %s\n' \
    "${ports[1]}" "${ports[0]}" "$T/tls/server.crt" "$T/tls/server.key" >"$T/stunnel.conf"
  : >"$T/proxy.requests"
  chmod 666 "$T/proxy.requests"
  start proxy tinyproxy -d -c "$T/tinyproxy.conf"
  start tls-proxy stunnel4 "$T/stunnel.conf"
  URL[proxy]=http://127.0.0.1:${ports[0]}
  URL[tls-proxy]=https://127.0.0.1:${ports[1]}
  wait_for 10 curl -s -o /dev/null "${URL[proxy]}"
  wait_for 10 curl -s -o /dev/null --cacert "$T/tls/ca.crt" "${URL[tls-proxy]}"
}
start_proxy

config <<END
[upstream.plain]
url = ${URL[plain]}
proxy = ${URL[proxy]}

[upstream.secure]
url = ${URL[secure]}
proxy = ${URL[proxy]}
ca-file = $T/tls/ca.crt

[upstream.twofold]
url = ${URL[secure]}
proxy = ${URL[tls-proxy]}
ca-file = $T/tls/ca.crt

[upstream.distrusted]
url = ${URL[plain]}
proxy = ${URL[tls-proxy]}

[upstream.gone]
url = ${URL[plain]}
proxy = http://127.0.0.1:1
END
start_weir --set cache.tag-ttl=1h

gives() { same "$(pull "$HOST/$1" "${@:3}")" "$(digest_of "$2")"; }
asked() { grep -c "Request (.*$1" "$T/proxy.requests" || true; }
forget() { weir cache purge "$1" >/dev/null; }

check "a plain upstream through a proxy" gives plain/team/app:1 three
check "and the proxy was asked for all of it" at_least "$(asked 'GET http://127')" "$(parts_of three)"
check "warm" gives plain/team/app:1 three
forget plain/team/app
check "a TLS upstream through a proxy" gives secure/team/app:1 three
check "and the proxy only passed it on" at_least "$(asked 'CONNECT ')" 1
forget secure/team/app
before=$(asked 'CONNECT ')
check "a TLS upstream through a proxy with TLS" gives twofold/team/app:1 three
check "and the proxy passed that on as well" at_least "$(asked 'CONNECT ')" $((before + 1))
check "a proxy whose certificate no known authority signed is 502" same "$(status_of "${URL[weir]}/v2/distrusted/team/app/manifests/1")" 502
check "a proxy that is not there is 502" same "$(status_of "${URL[weir]}/v2/gone/team/app/manifests/1")" 502
stop proxy
check "what was pulled is served without the proxy" gives twofold/team/app:1 three
