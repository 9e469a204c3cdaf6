#!/usr/bin/env bash
# a wrong configuration never starts and says where it is wrong
. "$(dirname "$0")/lib.sh"
need curl
[[ -x $WEIR ]] || { say "no program at $WEIR"; exit 1; }

conf=$T/weir.conf
# rejects SENTENCE LINE PATTERN <<CONFIG : both `config check` and `serve` end with 2 and name FILE:LINE.
rejects() {
  cat >"$conf"
  check "$1: config check says where" says "$2" "$3" config check
  check "$1: serve does not start" says "$2" "$3" serve
}
says() {
  local said
  said=$(exits 2 timeout 60 "$WEIR" "${@:3}" --config "$conf" 2>&1) || { echo "$said"; return 1; }
  if [[ $1 != - ]]; then matches "$said" "$conf:$1\b"; fi
  matches "$said" "$2"
}

rejects "an unknown key" 3 colour <<END
[server]
listen = 127.0.0.1:0
colour = blue
END
rejects "an unknown section" 4 servers <<END
[server]
listen = 127.0.0.1:0

[servers]
listen = 127.0.0.1:0
END
rejects "a duration that is none" 6 tag-ttl <<END
[server]
listen = 127.0.0.1:0
# a comment counts as a line

[cache]
tag-ttl = soon
END
rejects "a size that is none" 2 capacity <<END
[cache]
capacity = 10 apples
END
rejects "an upstream without a URL" 1 url <<END
[upstream.up]
namespaces = up.test
END
rejects "a URL that is none" 2 url <<END
[upstream.up]
url = up.test
END
rejects "two default upstreams" 7 default <<END
[upstream.one]
url = http://127.0.0.1:1
default = yes

[upstream.two]
url = http://127.0.0.1:2
default = yes
END
rejects "two upstreams of one namespace" 7 up.test <<END
[upstream.one]
url = http://127.0.0.1:1
namespaces = up.test

[upstream.two]
url = http://127.0.0.1:2
namespaces = up.test
END
rejects "a file that can not be read" 3 nowhere.crt <<END
[upstream.up]
url = https://up.test
ca-file = $T/nowhere.crt
END
rejects "a line without a meaning" 2 . <<END
[server]
listen
END

printf '[server]\nlisten = nowhere\ncolour = blue\n\n[cache]\ntag-ttl = soon\n' >"$conf"
all_at_once() {
  local said line
  said=$(exits 2 "$WEIR" config check --config "$conf" 2>&1) || { echo "$said"; return 1; }
  for line in 2 3 6; do matches "$said" "$conf:$line\b"; done
}
check "every mistake is told at once" all_at_once

printf '[server]\nlisten = 127.0.0.1:0\n' >"$conf"
check "an unknown key given by --set is an error" says - colour serve --set server.colour=blue
check "a bad value given by --set is an error" says - soon serve --set cache.tag-ttl=soon
check "a bad value given by the environment is an error" env WEIR_CACHE_TAG_TTL=soon bash -c '"$0" config check --config "$1"; test $? = 2' "$WEIR" "$conf"
check "an unknown command is wrong usage" exits 2 "$WEIR" no-such-command
check "an unknown option is wrong usage" exits 2 "$WEIR" serve --no-such-option
check "a file that is not there is an error" exits 2 "$WEIR" serve --config "$T/none.conf"
check "--help ends with 0" exits 0 "$WEIR" --help
check "--version ends with 0" exits 0 "$WEIR" --version

config <<END
[upstream.up]
url = http://127.0.0.1:1
namespaces = up.test other.test
END
check "a right configuration passes" exits 0 "$WEIR" config check --config "$conf"
shows() { matches "$("$WEIR" config show --config "$conf" "${@:2}")" "$1"; }
check "config show tells a value of the file and its line" shows "listen.*127\.0\.0\.1:0.*weir\.conf:2\b"
check "config show tells a value of --set" shows "tag-ttl.*5m.*--set" --set cache.tag-ttl=5m
check "config show tells a default" shows "negative-ttl.*default"
start_weir
check "it starts with the upstream out of reach" same "$(status_of "${URL[weir]}/v2/")" 200
check "/healthz answers" same "$(status_of "${URL[admin]}/healthz")" 200
check "/readyz answers" same "$(status_of "${URL[admin]}/readyz")" 200

config 'tag-ttl = soon' </dev/null
kill -HUP "${PID[weir]}"
check "a reload of a wrong file says so" wait_for 20 grep -q 'tag-ttl' "$T/weir.log"
check "and changes nothing" same "$(status_of "${URL[weir]}/v2/")" 200
