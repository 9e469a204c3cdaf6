# Images from nothing but tar, gzip and openssl. Sourced by lib.sh.
#
# An image is a list of its parts in the order a registry wants them, in $IMAGES/NAME:
#
#     blob      sha256:...  SIZE  MEDIA-TYPE
#     manifest  sha256:...  SIZE  MEDIA-TYPE        the last line is the image itself
#
# The bytes are in $IMAGES/blobs/HEX. Everything except `files` and `debian` is the same bytes every time.
#
#   tiny tiny-docker three multi multi-docker     a static program that says hello (text where no compiler is)
#   files     thousands of this machine's own files, 180 MB, in three layers (one not compressed)
#   debian    a Debian root with its package database (debootstrap, network; E2E_LONG only)
#   big-MIB   one layer of MIB mebibytes that do not compress
#   pair-N    two layers of 25 MiB each that no other image has

IMAGES=${E2E_IMAGES:-$ROOT/build/e2e/images}
BIG=big-300
[[ $LONG ]] && BIG=big-2049     # past 2^31 bytes, where 32-bit sizes break

declare -A TYPE=(
  [oci.manifest]=application/vnd.oci.image.manifest.v1+json
  [oci.index]=application/vnd.oci.image.index.v1+json
  [oci.config]=application/vnd.oci.image.config.v1+json
  [oci.tar]=application/vnd.oci.image.layer.v1.tar
  [oci.gz]=application/vnd.oci.image.layer.v1.tar+gzip
  [docker.manifest]=application/vnd.docker.distribution.manifest.v2+json
  [docker.index]=application/vnd.docker.distribution.manifest.list.v2+json
  [docker.config]=application/vnd.docker.container.image.v1+json
  [docker.tar]=application/vnd.docker.image.rootfs.diff.tar
  [docker.gz]=application/vnd.docker.image.rootfs.diff.tar.gzip
)

# By openssl, which uses what the processor has for it.
sha256() { openssl dgst -sha256 -r "$@" | cut -c -64; }

# pack FOLDER : a tar stream that depends on names, modes and contents alone.
pack() { tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu -cf - .; }

# part KIND TYPE FILE NAME : keeps FILE as a blob and notes it among NAME's parts; sets DESCRIPTOR.
part() {
  local hex size
  hex=$(sha256 "$3") size=$(stat -c %s "$3")
  mv -f "$3" "$IMAGES/blobs/$hex"
  echo "$1 sha256:$hex $size $2" >>"$WORK/$4"
  DESCRIPTOR="{\"mediaType\":\"$2\",\"size\":$size,\"digest\":\"sha256:$hex\"}"
}

# image NAME FORMAT ARCHITECTURE[/VARIANT] LAYER... : layers are .tar or .tar.gz files; they are moved away.
image() {
  local name=$1 format=$2 arch=${3%/*} variant=${3#"${3%/*}"} layer kind layers='' diffs=''
  shift 3
  rm -f "$WORK/$name"
  for layer in "$@"; do
    kind=${layer##*.}
    if [[ $kind == gz ]]; then diffs+=",\"sha256:$(gzip -dc "$layer" | sha256)\""; else diffs+=",\"sha256:$(sha256 "$layer")\""; fi
    part blob "${TYPE[$format.$kind]}" "$layer" "$name"
    layers+=",$DESCRIPTOR"
  done
  variant=${variant:+\"variant\":\"${variant#/}\",}
  printf '{"architecture":"%s",%s"os":"linux","config":{"Entrypoint":["/hello"],"Env":["PATH=/usr/bin:/bin"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "$arch" "$variant" "${diffs#,}" >"$WORK/config"
  part blob "${TYPE[$format.config]}" "$WORK/config" "$name"
  printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' "${TYPE[$format.manifest]}" "$DESCRIPTOR" "${layers#,}" >"$WORK/manifest"
  part manifest "${TYPE[$format.manifest]}" "$WORK/manifest" "$name"
  DESCRIPTOR="${DESCRIPTOR%\}},\"platform\":{\"architecture\":\"$arch\",$variant\"os\":\"linux\"}}"
}

# index NAME FORMAT DESCRIPTORS IMAGE... : the parts of the images, then an index of them.
index() {
  local name=$1 format=$2 descriptors=$3 child
  shift 3
  for child in "$@"; do cat "$WORK/$child" >>"$WORK/$name"; done
  printf '{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}' "${TYPE[$format.index]}" "$descriptors" >"$WORK/index"
  part manifest "${TYPE[$format.index]}" "$WORK/index" "$name"
}

# hello WORD : a layer file with the program /hello that prints WORD; its name is printed.
hello() {
  local tree=$WORK/tree-$1 compiler
  mkdir -p "$tree"
  printf '#include <unistd.h>\nint main(void) { static const char text[] = "hello from %s\\n"; return write(1, text, sizeof text - 1) < 0; }\n' "$1" >"$WORK/hello.c"
  for compiler in clang-19 gcc cc; do
    command -v "$compiler" >/dev/null && "$compiler" -static -Os -s -o "$tree/hello" "$WORK/hello.c" 2>/dev/null && break
  done
  [[ -e $tree/hello ]] || echo "hello from $1" >"$tree/hello"
  pack "$tree" | gzip -n >"$WORK/$1.tar.gz"
  echo "$WORK/$1.tar.gz"
}

# noise BYTES [NUMBER] : bytes that look random and are the same every time; others for each number.
noise() { head -c "$1" /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv "$(printf '%08x%024x' "${2:-0}" 0)" -nosalt; }

build_image() {
  local name=$1 list=() format arch layer i
  case $name in
    tiny) image tiny oci amd64 "$(hello tiny)" ;;
    tiny-docker) image tiny-docker docker amd64 "$(hello tiny)" ;;
    three)
      list=("$(hello three)")
      for i in 1 2; do
        mkdir -p "$WORK/more$i"
        noise $((i * 700000)) >"$WORK/more$i/noise"
        pack "$WORK/more$i" | gzip -n >"$WORK/more$i.tar.gz"
        list+=("$WORK/more$i.tar.gz")
      done
      image three oci amd64 "${list[@]}" ;;
    multi | multi-docker)
      [[ $name == multi ]] && format=oci || format=docker
      for arch in amd64 arm64/v8 arm/v7; do
        layer=$(hello "${arch%/*}")
        image "$name.${arch%/*}" "$format" "$arch" "$layer"
        list+=("$DESCRIPTOR")
      done
      index "$name" "$format" "$(IFS=, && echo "${list[*]}")" "$name.amd64" "$name.arm64" "$name.arm" ;;
    files)
      # What every Debian machine has much of; the limits keep it the same size everywhere.
      find /usr/share /usr/include /usr/lib/llvm-19 /var/lib/dpkg -xdev -type f -size +8k -size -2000k -printf '%s %p\n' 2>/dev/null | LC_ALL=C sort -k 2 |
        awk -v work="$WORK" '{ sum += $1; if (sum > 180e6) exit; sub(/^[0-9]+ /, ""); print > (work "/files" int(sum / 60e6)) }' || true
      for i in 0 1 2; do
        [[ -s $WORK/files$i ]] || continue
        tar -C / --ignore-failed-read --sort=name --owner=0 --group=0 --numeric-owner -T "$WORK/files$i" -cf "$WORK/files$i.tar" 2>/dev/null || true
        ((i == 0)) || gzip -n -1 "$WORK/files$i.tar"
        list+=("$WORK/files$i.tar"*)
      done
      image files oci amd64 "${list[@]}" ;;
    debian)
      command -v debootstrap >/dev/null && [[ $EUID == 0 ]] || { echo "needs root and debootstrap"; return 1; }
      debootstrap --variant=minbase bookworm "$WORK/root" >"$WORK/debootstrap.log" 2>&1 || { tail -n 1 "$WORK/debootstrap.log"; return 1; }
      pack "$WORK/root" | gzip -n -1 >"$WORK/debian.tar.gz"
      image debian oci amd64 "$WORK/debian.tar.gz" ;;
    big-*)
      mkdir "$WORK/big"
      noise $((${name#big-} << 20)) >"$WORK/big/noise"
      pack "$WORK/big" >"$WORK/big.tar"
      rm -r "$WORK/big"
      image "$name" oci amd64 "$WORK/big.tar" ;;
    pair-*)
      for i in 1 2; do noise $((25 << 20)) $((${name#pair-} * 2 + i)) >"$WORK/pair$i.tar"; done
      image "$name" oci amd64 "$WORK/pair1.tar" "$WORK/pair2.tar" ;;
    *) echo "no image is called $name"; return 1 ;;
  esac
}

# make_image NAME... : once; what is there is kept, also between runs. Prints why it could not.
make_image() {
  local name WORK status
  mkdir -p "$IMAGES/blobs"
  for name in "$@"; do
    exec 8>"$IMAGES/lock"
    flock 8
    status=0
    if [[ ! -s $IMAGES/$name ]]; then
      WORK=$(mktemp -d "$IMAGES/work.XXXXXX")
      build_image "$name" >"$WORK/said" 2>&1 && [[ -f $WORK/$name && $(tail -n 1 "$WORK/$name") == manifest* ]] || status=1
      if ((status == 0)); then mv "$WORK/$name" "$IMAGES/$name"; else tail -n 1 "$WORK/said"; fi
      rm -rf --one-file-system "$WORK"
    fi
    exec 8>&-
    ((status == 0)) || return 1
  done
}

digest_of() { awk 'END { print $2 }' "$IMAGES/$1"; }
type_of() { awk 'END { print $4 }' "$IMAGES/$1"; }
layers_of() { awk '$1 == "blob" && $4 ~ /layer|rootfs/ { print $2 }' "$IMAGES/$1" | sort -u; }
size_of() { awk -v digest="$2" '$2 == digest { print $3; exit }' "$IMAGES/$1"; }
bytes_of() { sort -u "$IMAGES/$1" | awk '{ sum += $3 } END { printf "%d\n", sum }'; }
parts_of() { sort -u "$IMAGES/$1" | wc -l; }
blob_file() { echo "$IMAGES/blobs/${1#sha256:}"; }

# put_blob URL REPOSITORY DIGEST FILE [CURL-OPTION...]
put_blob() {
  local url=$1 repository=$2 digest=$3 file=$4 where
  shift 4
  where=$(curl -sSf "$@" -X POST -D - -o /dev/null "$url/v2/$repository/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  [[ $where == /* ]] && where=$url$where
  curl -sSf "$@" -H Expect: -T "$file" -o /dev/null "$where&digest=$digest"
}

# push_image NAME URL REPOSITORY TAG [CURL-OPTION...] : straight into a registry, with the bytes as they are.
push_image() {
  local name=$1 url=$2 repository=$3 tag=$4 kind digest type last reference
  shift 4
  last=$(digest_of "$name")
  while read -r kind digest _ type; do
    if [[ $kind == blob ]]; then
      curl -sf "$@" -I -o /dev/null "$url/v2/$repository/blobs/$digest" ||
        put_blob "$url" "$repository" "$digest" "$(blob_file "$digest")" "$@"
    else
      reference=$digest
      [[ $digest == "$last" ]] && reference=$tag
      curl -sSf "$@" -H Expect: -H "Content-Type: $type" -T "$(blob_file "$digest")" -o /dev/null "$url/v2/$repository/manifests/$reference"
    fi
  done <"$IMAGES/$name"
}

# plant_image NAME REGISTRY REPOSITORY TAG : the same for a registry of start_registry with files, laid into its folder without
# sending a byte, and without copying one where that can be: for gigabytes.
plant_image() {
  local root=$T/$2/docker/registry/v2 kind digest hex repository last
  repository=$root/repositories/$3 last=$(digest_of "$1")
  while read -r kind digest _; do
    hex=${digest#sha256:}
    mkdir -p "$root/blobs/sha256/${hex:0:2}/$hex"
    cp -lf "$IMAGES/blobs/$hex" "$root/blobs/sha256/${hex:0:2}/$hex/data" 2>/dev/null || cp "$IMAGES/blobs/$hex" "$root/blobs/sha256/${hex:0:2}/$hex/data"
    plant_link "$repository/_layers/sha256/$hex" "$digest"
    [[ $kind == manifest ]] || continue
    plant_link "$repository/_manifests/revisions/sha256/$hex" "$digest"
    [[ $digest == "$last" ]] || continue
    plant_link "$repository/_manifests/tags/$4/current" "$digest"
    plant_link "$repository/_manifests/tags/$4/index/sha256/$hex" "$digest"
  done <"$IMAGES/$1"
}
plant_link() { mkdir -p "$1" && printf %s "$2" >"$1/link"; }
