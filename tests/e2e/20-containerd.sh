#!/usr/bin/env bash
# containerd pulls through weir by hosts.toml, cold and warm
. "$(dirname "$0")/lib.sh"
need docker-registry containerd ctr runc curl openssl
need_root

make_image tiny tiny-docker multi files "$BIG"
start_registry up
for image in tiny tiny-docker multi files; do push_image $image "${URL[up]}" library/$image 1; done
push_image "$BIG" "${URL[up]}" library/big 1
debian=
if [[ $LONG ]]; then
  if why=$(make_image debian); then
    debian=yes
    push_image debian "${URL[up]}" library/debian 12
  fi
fi

config <<END
[upstream.up]
url = ${URL[up]}
namespaces = up.test path.test default.test
END
start_weir --set cache.tag-ttl=1h
start_containerd
mirror_of up.test "${URL[weir]}"
mirror_of direct.test "${URL[up]}"

gives() { same "$(ctr_pull "up.test/library/$1" "${@:3}")" "$(digest_of "$2")"; }

check "a cold pull gives the upstream's digest" gives tiny:1 tiny
check "a cold pull of an image of Docker types gives the upstream's digest" gives tiny-docker:1 tiny-docker
check "a cold pull by digest gives the upstream's digest" gives "tiny@$(digest_of tiny)" tiny
check "a cold pull of this machine's platform gives the index's digest" gives multi:1 multi
check "a cold pull of every platform gives the index's digest" gives multi:1 multi --all-platforms
check "a cold pull of thousands of real files unpacks" gives files:1 files
check "a cold pull of a big layer gives the upstream's digest" gives big:1 "$BIG"
check "the big layer was fetched once" same "$(requests up "GET /v2/library/big/blobs/$(layers_of "$BIG")")" 1
if [[ $debian ]]; then
  check "a cold pull of a Debian root unpacks" gives debian:12 debian
elif [[ $LONG ]]; then
  skip "a cold pull of a Debian root unpacks" "${why:-no image}"
else
  skip "a cold pull of a Debian root unpacks" "E2E_LONG is not set"
fi

# Where this machine can not run containers at all, that says nothing about weir.
says_hello() { same "$(ctr_run "$1")" "hello from tiny"; }
if ctr_pull direct.test/library/tiny:1 >/dev/null && (says_hello direct.test/library/tiny:1) >"$T/direct" 2>&1; then
  check "the pulled image runs" says_hello up.test/library/tiny:1
else
  skip "the pulled image runs" "nor does it run when pulled without weir ($(grep -v "^got" "$T/direct" | tail -n 1 | cut -c -160))"
fi

# The registry's name in the path instead of in ?ns=, or in both: containerd adds it to whatever stands in hosts.toml.
mkdir -p "$T/hosts/path.test" "$T/hosts/_default"
cat >"$T/hosts/path.test/hosts.toml" <<END
server = "${URL[weir]}/v2/path.test"
[host."${URL[weir]}/v2/path.test"]
  capabilities = ["pull", "resolve"]
  override_path = true
END
printf 'server = "%s"\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "${URL[weir]}" "${URL[weir]}" >"$T/hosts/_default/hosts.toml"
by_path() { same "$(ctr_pull path.test/library/multi:1)" "$(digest_of multi)"; }
by_default() { same "$(ctr_pull default.test/library/multi:1)" "$(digest_of multi)"; }
check "a mirror under a path (override_path) gives the upstream's digest" by_path
check "the mirror of _default gives the upstream's digest" by_default

before=$(requests up)
check "a warm pull gives the same digest" gives tiny:1 tiny
check "a warm pull of every platform gives the same digest" gives multi:1 multi --all-platforms
check "a warm pull of a big layer gives the same digest" gives big:1 "$BIG"
check "warm pulls ask the upstream nothing" same "$(requests up)" "$before"

stop up
check "a warm pull needs no upstream" gives multi:1 multi --all-platforms
check "a warm pull by digest needs no upstream" gives "tiny@$(digest_of tiny)" tiny

before=$(metric weir_requests_total)
ctr_pull up.test/library/none:1 >/dev/null 2>&1 && found=1 || found=0
check "an image that can not be had is an error to the client" same $found 0
check "and weir was asked for it" at_least "$(metric weir_requests_total)" $((before + 1))
