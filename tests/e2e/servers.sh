# The servers of a test, all on 127.0.0.1 and on ports the kernel chose. Sourced by lib.sh.

declare -A URL=()     # of every server by its name

# start_registry NAME [--tls] [--mutual] [--login USER:PASSWORD] [--tokens REALM] [--s3 URL] [--read-only] : a real
# docker-registry with a store of its own. --mutual: TLS, and only for clients with a certificate of our authority.
# --tokens: takes the tokens of make_token. --s3: the bucket `registry` of that object store, to which GETs are redirected.
# Started again under the same name it has the same store and the same port.
# Its access log is $T/NAME.out, one line a request, in the form web servers use.
start_registry() {
  local name=$1 scheme=http tls='' auth='' address=127.0.0.1:0 read_only=false
  local storage="filesystem: {rootdirectory: $T/$name}"
  shift
  while (($#)); do
    case $1 in
      --tls)
        make_certificates
        scheme=https tls="  tls: {certificate: $T/tls/server.crt, key: $T/tls/server.key}" ;;
      --mutual)
        make_certificates
        scheme=https tls="  tls: {certificate: $T/tls/server.crt, key: $T/tls/server.key, clientcas: [$T/tls/ca.crt]}" ;;
      --tokens)
        make_certificates
        auth="auth: {token: {realm: '$2', service: $name, issuer: e2e, rootcertbundle: $T/tls/token.crt}}"
        shift ;;
      --s3)
        storage="s3: {regionendpoint: '$2', region: us-east-1, bucket: registry, accesskey: $S3_KEY, secretkey: $S3_SECRET, secure: false, v4auth: true}"
        shift ;;
      --login)
        htpasswd -Bbn "${2%%:*}" "${2#*:}" >"$T/$name.htpasswd"
        auth="auth: {htpasswd: {realm: $name, path: $T/$name.htpasswd}}"
        shift ;;
      --read-only) read_only=true ;;
    esac
    shift
  done
  [[ ${URL[$name]:-} ]] && address=${URL[$name]#*://}
  mkdir -p "$T/$name"
  cat >"$T/$name.yml" <<END
version: 0.1
log: {level: info}
storage:
  $storage
  delete: {enabled: true}
  maintenance: {uploadpurging: {enabled: false}, readonly: {enabled: $read_only}}
http:
  addr: $address
  secret: a-test
$tls
$auth
END
  cat "$T/$name.out" >>"$T/$name.before" 2>/dev/null || true
  start "$name" docker-registry serve "$T/$name.yml"
  wait_for 60 registry_listens "$name" && alive "$name" || { cat "$T/$name.log" >&2; exit 1; }
  URL[$name]=$scheme://$(sed -n 's/.*listening on \(127[^", ]*\).*/\1/p' "$T/$name.log" | head -n 1)
}

# Or has ended, which is found out at once.
registry_listens() { ! alive "$1" || grep -qs 'listening on 127' "$T/$1.log"; }

# The access log of a registry since it was first started. A line is written when the request is over.
access_log() { cat "$T/$1.before" "$T/$1.out" 2>/dev/null || true; }

# requests NAME [PATTERN] : how many of its requests match.
requests() { access_log "$1" | grep -cE -- "${2:-.}" || true; }

# upstream_bytes NAME [PATTERN] : how many body bytes it answered to GETs.
upstream_bytes() { access_log "$1" | grep -E -- "${2:-.}" | awk '$6 == "\"GET" { sum += $10 } END { printf "%d\n", sum }'; }

# A throw-away authority in $T/tls/ca.crt, a server and a client certificate it signed, and a signer of tokens. The server is
# localhost, and every other name in SANS (such as DNS:registry.test,IP:10.0.0.1).
make_certificates() {
  [[ -s $T/tls/server.crt ]] && return
  mkdir -p "$T/tls"
  (
    cd "$T/tls" || exit 1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=test authority' \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.crt
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=test server' -keyout server.key -out server.csr
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1%s\nextendedKeyUsage=serverAuth\n' "${SANS:+,$SANS}" >server.ext
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext -out server.crt
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=weir' -keyout client.key -out client.csr
    printf 'extendedKeyUsage=clientAuth\n' >client.ext
    openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile client.ext -out client.crt
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=token signer' -keyout token.key -out token.crt
  ) 2>/dev/null
}

# make_token SERVICE REPOSITORY ACTION... : a token as the distribution's token specification has it, good for an hour.
make_token() {
  local now actions header claims service=$1 repository=$2
  shift 2
  now=$(date +%s) actions=$(printf '"%s",' "$@")
  header="{\"typ\":\"JWT\",\"alg\":\"RS256\",\"x5c\":[\"$(grep -v -- ----- "$T/tls/token.crt" | tr -d '\n')\"]}"
  claims="{\"iss\":\"e2e\",\"sub\":\"\",\"aud\":\"$service\",\"exp\":$((now + 3600)),\"nbf\":$((now - 10)),\"iat\":$now,\"jti\":\"$RANDOM\",
    \"access\":[{\"type\":\"repository\",\"name\":\"$repository\",\"actions\":[${actions%,}]}]}"
  header=$(printf %s "$header" | base64url).$(printf %s "$claims" | base64url)
  echo "$header.$(printf %s "$header" | openssl dgst -sha256 -sign "$T/tls/token.key" | base64url)"
}
base64url() { base64 -w 0 | tr '+/' '-_' | tr -d =; }

# start_realm NAME TOKEN [USER:PASSWORD] : nginx that gives everybody, or that user alone, TOKEN under /token.
start_realm() {
  mkdir -p "$T/$1.files"
  printf '{"token":"%s","expires_in":3600}' "$2" >"$T/$1.files/token"
  [[ ! ${3:-} ]] || htpasswd -Bbn "${3%%:*}" "${3#*:}" >"$T/$1.htpasswd"
  start_nginx "$1" <<END
    default_type application/json;
    root $T/$1.files;
    ${3:+auth_basic realm; auth_basic_user_file $T/$1.htpasswd;}
END
}

# free_ports COUNT : ports that were free a moment ago, below those the kernel hands out; for servers that can not be told to
# let the kernel choose.
free_ports() {
  local found=0 port
  while ((found < $1)); do
    port=$((RANDOM % 20000 + 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    echo "$port"
    found=$((found + 1))
  done
}

# start_front NAME BEHIND RATE : nginx before the server BEHIND, sending at most RATE (such as 40m) bytes a second.
start_front() {
  start_nginx "$1" <<END
    client_max_body_size 0;
    location / {
      proxy_pass ${URL[$2]};
      proxy_http_version 1.1;
      proxy_set_header Host \$http_host;
      proxy_max_temp_file_size 0;
      limit_rate $3;              # has no effect with proxy_buffering off
    }
END
}

# start_tap NAME BEHIND : tests/e2e/tap.cc before the server BEHIND. What was asked is in $T/NAME.json.
start_tap() {
  [[ -x $TAP ]] || { say "no program at $TAP: make ${TAP#"$ROOT/"}"; exit 1; }
  rm -f "$T/$1.port"
  : >>"$T/$1.json"
  : >>"$T/$1.rules"
  start "$1" "$TAP" "${URL[$2]#*://}" "$T/$1.port" "$T/$1.json" "$T/$1.rules"
  wait_for 60 test -s "$T/$1.port"
  URL[$1]=http://127.0.0.1:$(cat "$T/$1.port")
}

# faults NAME [LINE...] : what the tap does from now on; nothing without a line.
faults() {
  printf '%s\n' "${@:2}" >"$T/$1.rules.new"
  mv "$T/$1.rules.new" "$T/$1.rules"
}

# tapped NAME FILTER : how many of its requests jq's FILTER selects.
tapped() { jq -c "select($2)" "$T/$1.json" | wc -l; }

# start_nginx NAME <<END : nginx whose server block has what comes from standard input.
# Its log $T/NAME.access has a line a request: METHOD PATH STATUS BYTES RANGE.
start_nginx() {
  local name=$1 port tries inside
  inside=$(cat)
  mkdir -p "$T/$name.tmp"
  for tries in 1 2 3 4 5; do
    # nginx can not be told to let the kernel choose: a port below those the kernel hands out, and the next one if it is taken.
    port=$((RANDOM % 20000 + 10000))
    cat >"$T/$name.conf" <<END
daemon off;
master_process off;
pid $T/$name.pid;
error_log stderr;
events {}
http {
  log_format one '\$request_method \$uri \$status \$body_bytes_sent \$http_range';
  access_log $T/$name.access one;
  client_body_temp_path $T/$name.tmp/1;
  proxy_temp_path $T/$name.tmp/2;
  fastcgi_temp_path $T/$name.tmp/3;
  uwsgi_temp_path $T/$name.tmp/4;
  scgi_temp_path $T/$name.tmp/5;
  server {
    listen 127.0.0.1:$port;
$inside
  }
}
END
    start "$name" nginx -c "$T/$name.conf" -e stderr
    URL[$name]=http://127.0.0.1:$port
    if wait_for 60 front_answers "$name" 2>/dev/null && alive "$name"; then return; fi
    stop "$name"
  done
  cat "$T/$name.log" >&2
  exit 1
}

# Or has ended. Where the port was taken it is somebody else who answers, and nginx tries for a while before it ends.
front_answers() { ! alive "$1" || { ! grep -q 'bind() to' "$T/$1.log" && curl -s -o /dev/null "${URL[$1]}/v2/"; }; }

# config [PREAMBLE-LINE...] <<END : the configuration of start_weir, ended by what comes from standard input.
config() {
  {
    printf '[server]\nlisten = 127.0.0.1:0\n\n[admin]\nlisten = 127.0.0.1:0\nsocket = %s\n\n[cache]\ndirectory = %s\n' "$T/admin.sock" "$T/store"
    printf '%s\n' "$@"
    echo
    cat
  } >"$T/weir.conf"
}

# start_weir [OPTION...] : sets HOST (127.0.0.1:PORT), URL[weir] and URL[admin].
start_weir() {
  local before=${HOST:-}
  [[ -x $WEIR ]] || { say "no program at $WEIR"; exit 1; }
  rm -f "$T/ports"
  [[ -s $T/weir.log ]] && cat "$T/weir.log" >>"$T/weir.before"
  start weir "$WEIR" serve --config "$T/weir.conf" --set "server.ports-file=$T/ports" "$@"
  wait_for 60 weir_is_up || { say "weir did not start"; exit 1; }
  HOST=$(awk '$1 == "server" { print $2 }' "$T/ports")
  URL[weir]=http://$HOST
  URL[weir-tls]=https://$(awk '$1 == "server-tls" { print $2 }' "$T/ports")
  URL[admin]=http://$(awk '$1 == "admin" { print $2 }' "$T/ports")
}

# start_weir_with_tls ADDRESS [OPTION...] : over TLS too, both on ADDRESS, with the certificates of make_certificates; sets
# URL[weir-tls] besides.
start_weir_with_tls() {
  start_weir --set "server.listen=$1:0" --set "server.listen-tls=$1:0" --set "server.tls-certificate=$T/tls/server.crt" \
    --set "server.tls-key=$T/tls/server.key" "${@:2}"
}

weir_is_up() {
  alive weir || { cat "$T/weir.log" >&2; exit 1; }
  [[ -s $T/ports ]] && grep -q '^server ' "$T/ports" && grep -q '^admin ' "$T/ports"
}

# What clients have had in full is in the store as well, or is not kept: no fill is under way.
settled() { [[ $(metric weir_fills_active) == 0 ]]; }

# weir COMMAND... : another command of the program, beside the server.
weir() { "$WEIR" "$@" --config "$T/weir.conf"; }

# metric NAME [LABELS-PATTERN] : the sum over its lines, 0 when there is none.
metric() {
  curl -sSf "${URL[admin]}/metrics" | awk -v name="$1" -v labels="${2:-.}" '
    index($0, name "{") == 1 && $0 ~ labels || $1 == name { sum += $NF }
    END { printf "%d\n", sum }'
}

# knows SECTION KEY VALUE : whether this weir has such a setting.
knows() {
  { [[ $1 == upstream.* ]] && printf '[%s]\nurl = http://127.0.0.1:1\n' "$1" || printf '[%s]\n' "$1"; printf '%s = %s\n' "$2" "$3"; } >"$T/knows.conf"
  "$WEIR" config check --config "$T/knows.conf" >/dev/null 2>&1
}
