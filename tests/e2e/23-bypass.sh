#!/usr/bin/env bash
# no engine goes around weir: with `weir node`'s files nobody asks the origin, also when weir is gone
. "$(dirname "$0")/enter.sh"
# In a network of its own the names of the internet lead to a double of the origin.
enter --net
. "$(dirname "$0")/lib.sh"
need docker-registry curl openssl jq nginx ip
need_root
[[ $INSIDE ]] || { skip "$SUITE" "no network namespaces here"; exit 0; }

HERE_IP=10.99.0.1 ORIGIN_IP=10.99.0.2
names=(registry-1.docker.io docker.io index.docker.io auth.docker.io quay.io other.test)
ip link set lo up
ip address add $HERE_IP/32 dev lo
ip address add $ORIGIN_IP/32 dev lo
printf '127.0.0.1 localhost\n%s %s\n' $ORIGIN_IP "${names[*]}" >"$T/etc.hosts"
mount --bind "$T/etc.hosts" /etc/hosts

SANS=IP:$HERE_IP$(printf ',DNS:%s' "${names[@]}") make_certificates
# What an engine believes of the internet.
export SSL_CERT_FILE=$T/tls/ca.crt
make_image tiny
start_registry up
push_image tiny "${URL[up]}" library/tiny 1
# The origin has the image: who goes there gets it.
start_nginx origin <<END
    listen $ORIGIN_IP:80;
    listen $ORIGIN_IP:443 ssl;
    ssl_certificate $T/tls/server.crt;
    ssl_certificate_key $T/tls/server.key;
    location / { proxy_pass ${URL[up]}; proxy_set_header Host \$http_host; }
END
config <<END
[upstream.hub]
url = ${URL[up]}
namespaces = docker.io
default = on
END
learn_anew

# begin ENGINE : with the files in $NODE, and nobody asked yet.
begin() {
  ENGINE=$1
  "$1_start" 2>"$T/start.log" || { skip "$1: everything" "it does not start here: $(tail -n 1 "$T/start.log" | cut -c -160)"; return 1; }
  : >"$T/origin.access"
}
finish() {
  "${ENGINE}_stop"
  rm -rf --one-file-system "$T/containerd" "$T/podman" "$T/dockerd"
}
asked_origin() { wc -l <"$T/origin.access"; }

# The files of an engine that was told nothing.
no_node_files() {
  NODE=$T/node-$1
  rm -rf "$NODE" "$HOME/.config/containers"
  mkdir -p "$NODE/docker.service.d"
  echo '{}' >"$NODE/daemon.json"
  : >"$NODE/registries.conf"
  : >"$NODE/docker.service.d/weir.conf"
  echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$NODE/policy.json"
}

# This shows that the way to the origin is open, and that who goes there is counted.
goes_to_the_origin() {
  "${ENGINE}_pull" docker.io/library/tiny:1 | grep -x "$(digest_of tiny)"
  at_least "$(asked_origin)" 1
}

comes_to_weir() {
  "${ENGINE}_pull" docker.io/library/tiny:1 | grep -x "$(digest_of tiny)"
  same "$(asked_origin)" 0
}

fails() {
  : >"$T/origin.access"
  if "${ENGINE}_pull" "$1" >"$T/pull.out" 2>&1; then echo "it was pulled"; return 1; fi
  cat "$T/pull.out"
}

# Podman and its kin look at the manifest before they ask their policy.
refuses_the_unknown() {
  fails other.test/library/tiny:1
  case $ENGINE in
    podman | buildah | skopeo)
      same "$(grep -c /blobs/ "$T/origin.access" || true)" 0
      learn "$ENGINE" "a registry that is not listed" "gives up after a look at the manifest there" ;;
    *)
      same "$(asked_origin)" 0
      learn "$ENGINE" "a registry that is not listed" "gives up, asks nobody else" ;;
  esac
}

stays() {
  fails docker.io/library/tiny:1
  same "$(asked_origin)" 0
  learn "$ENGINE" "the mirror is gone" "gives up, asks nobody else"
}

for engine in containerd cri podman buildah skopeo dockerd; do
  if ! why=$(lacks "$engine"); then
    skip "$engine: everything" "$why"
    continue
  fi
  no_node_files "$engine"
  begin "$engine" || continue
  check "$engine: told nothing, it goes to the origin" goes_to_the_origin
  finish
  for transport in plain tls; do
    start_weir_with_tls $HERE_IP --set cache.tag-ttl=1h
    if [[ $transport == plain ]]; then
      node_files "$engine" "${URL[weir]}"
    else
      node_files "$engine" "${URL[weir-tls]}" --ca "$T/tls/ca.crt"
    fi
    begin "$engine" || { stop weir; continue; }
    check "$engine, $transport: it comes to weir alone" comes_to_weir
    check "$engine, $transport: nothing is pulled from a registry that weir does not know" refuses_the_unknown
    stop weir
    check "$engine, $transport: with weir gone a pull fails, and nobody asks the origin" stays
    finish
  done
done
