# Starts and ends the servers a benchmark compares: sourced by run.sh, which sets $work, $bin, $weir and $threads.
#
# Every server has a NAME and a directory $work/NAME with its configuration, its state and what it printed (out). It listens on a port of
# 127.0.0.1 that the kernel chose. After start_*: pid_of[NAME] and address_of[NAME] (host:port). A start that fails returns 1 and leaves
# the reason in $why.

declare -A pid_of address_of
why=

# spawn NAME COMMAND...: in the background, as a child of this shell, so that no pid is ever guessed.
spawn() {
  local name=$1
  shift
  mkdir -p "$work/$name"
  : >"$work/$name/out"
  "$@" >"$work/$name/out" 2>&1 </dev/null &
  pid_of[$name]=$!
}

# until_ready NAME COMMAND...: waits up to 15 s for COMMAND to succeed; 1 when the server ended first or the time is over.
until_ready() {
  local name=$1 i
  shift
  for ((i = 0; i < 300; i++)); do
    "$@" && return 0
    kill -0 "${pid_of[$name]}" 2>/dev/null || break
    sleep 0.05
  done
  why="did not start: $(tail -n 3 "$work/$name/out" | tr '\n\t' '  ')"
  stop "$name"
  return 1
}

# stop NAME: ends it and waits until it is gone. Stopping what does not run is fine.
stop() {
  local name=$1 pid=${pid_of[$1]:-} i
  [[ $pid ]] || return 0
  unset "pid_of[$name]"
  kill "$pid" 2>/dev/null
  for ((i = 0; i < 200; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  kill -9 "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  return 0
}

stop_all() {
  local name
  for name in "${!pid_of[@]}"; do stop "$name"; done
}

# discard NAME: stops it and removes all it stored.
discard() {
  stop "$1"
  rm -rf "${work:?}/$1"
}

# address_in_log NAME: takes the address from a line "listening on HOST:PORT" of its output.
address_in_log() {
  local line
  line=$(grep -m1 -o 'listening on 127\.0\.0\.1:[0-9]*' "$work/$1/out") || return 1
  address_of[$1]=${line#listening on }
}

address_in_ports_file() {
  local line
  line=$(grep -m1 '^server ' "$work/$1/ports" 2>/dev/null) || return 1
  address_of[$1]=${line#server }
}

accepts_connections() { (exec 3<>"/dev/tcp/${address_of[$1]%:*}/${address_of[$1]##*:}") 2>/dev/null; }

# start_weir NAME UPSTREAM ACCESS-LOG(on|off)
start_weir() {
  local name=$1 upstream=$2 log=$3 dir=$work/$1
  mkdir -p "$dir/cache"
  cat >"$dir/weir.conf" <<EOF
[server]
listen = 127.0.0.1:0
threads = $threads
[admin]
listen = 127.0.0.1:0
[cache]
directory = $dir/cache
tag-ttl = 1h
[log]
access = $log
[upstream.up]
url = http://$upstream
default = yes
EOF
  spawn "$name" "$weir" serve --config "$dir/weir.conf" --set "server.ports-file=$dir/ports"
  until_ready "$name" address_in_ports_file "$name"
}

# start_registry NAME [PROXIED-UPSTREAM]: Debian's docker-registry, pushed to, or as a pull-through cache. With the in-memory descriptor cache
# that its packaged configuration has. The upstream keeps its access log, which says how often a blob was asked of it; the cache logs nothing.
start_registry() {
  local name=$1 upstream=${2:-} dir=$work/$1
  mkdir -p "$dir/data"
  {
    cat <<EOF
version: 0.1
log: {level: info, accesslog: {disabled: $([[ $upstream ]] && echo true || echo false)}}
storage:
  filesystem: {rootdirectory: $dir/data}
  cache: {blobdescriptor: inmemory}
  maintenance: {uploadpurging: {enabled: false}}
http: {addr: "127.0.0.1:0", secret: bench}
EOF
    [[ $upstream ]] && echo "proxy: {remoteurl: \"http://$upstream\"}"
  } >"$dir/config.yml"
  # REGISTRY_* variables would override the file; AWS_CA_BUNDLE makes this version panic.
  local unset_names=(-u AWS_CA_BUNDLE) variable
  for variable in $(compgen -e REGISTRY_); do unset_names+=(-u "$variable"); done
  spawn "$name" env "${unset_names[@]}" docker-registry serve "$dir/config.yml"
  until_ready "$name" address_in_log "$name"
}

# start_nginx NAME UPSTREAM ACCESS-LOG(on|off) [MORE]: a caching reverse proxy as one would set it up for a registry. MORE goes into the server block.
#   keepalive_requests: the load asks more than the default of 1000 requests a connection.
#   proxy_buffers: the 4 KiB default ones would slow a cold pull down; proxy_cache_lock_timeout: the 5 s default would send waiting clients
#   to the upstream before a large blob is whole.
start_nginx() {
  local name=$1 upstream=$2 log=$3 more=${4:-} dir=$work/$1 attempt port
  mkdir -p "$dir/cache" "$dir/tmp"
  for attempt in 1 2 3 4 5; do
    port=$("$bin/free_port") || break
    cat >"$dir/nginx.conf" <<EOF
$([[ $EUID == 0 ]] && echo "user root;")
daemon off;
worker_processes $threads;
pid $dir/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log $([[ $log == on ]] && echo "$dir/access.log combined" || echo off);
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  client_body_temp_path $dir/tmp/body;
  proxy_temp_path $dir/tmp/proxy;
  fastcgi_temp_path $dir/tmp/fastcgi;
  uwsgi_temp_path $dir/tmp/uwsgi;
  scgi_temp_path $dir/tmp/scgi;
  proxy_cache_path $dir/cache levels=1:2 keys_zone=bench:16m max_size=64g inactive=1d use_temp_path=off;
  upstream registry { server $upstream; keepalive 16; }
  server {
    listen 127.0.0.1:$port;
    $more
    location / {
      proxy_pass http://registry;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host \$host;
      proxy_buffer_size 16k;
      proxy_buffers 16 128k;
      proxy_busy_buffers_size 512k;
      proxy_temp_file_write_size 512k;
      proxy_cache bench;
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 600s;
      proxy_cache_lock_age 600s;
    }
  }
}
EOF
    address_of[$name]=127.0.0.1:$port
    spawn "$name" nginx -p "$dir" -e stderr -c "$dir/nginx.conf"
    until_ready "$name" accepts_connections "$name" && return 0
    [[ $why == *"Address already in use"* ]] || return 1
  done
  why="no free port after $attempt attempts"
  return 1
}

# start_bare NAME FILE
start_bare() {
  spawn "$1" "$bin/bare" --threads "$threads" "$2"
  until_ready "$1" address_in_log "$1"
}
