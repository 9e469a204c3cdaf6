#!/usr/bin/env bash
# the table of clients in docs/nodes.md is what the tests before this one saw
. "$(dirname "$0")/lib.sh"

# What 22-faults.sh and 23-bypass.sh learned: ENGINE, SUBJECT, WHAT. E2E_WRITE=1 writes it into docs/nodes.md.
cat "$LEARNED"/* >"$T/learned" 2>/dev/null || true
engines=(containerd cri podman buildah skopeo dockerd)
for engine in "${engines[@]}"; do
  grep -q "^$engine"$'\t'"blob reset" "$T/learned" && grep -q "^$engine"$'\t'"the mirror is gone" "$T/learned" && continue
  skip "$SUITE" "$engine was not tried on this machine"
  exit 0
done

cell() { awk -F '\t' -v engine="$1" -v subject="$2" '$1 == engine && $2 == subject { what = $3 } END { print what }' "$T/learned"; }
table() {
  local engine subject line
  line='| |'
  for engine in "${engines[@]}"; do line+=" ${engine/cri/CRI of containerd} $(cell "$engine" version) |"; done
  echo "$line"
  echo '|---|---|---|---|---|---|---|'
  while read -r subject; do
    line="| ${subject^} |"
    for engine in "${engines[@]}"; do line+=" $(cell "$engine" "$subject") |"; done
    echo "$line"
  done <"$T/subjects"
}
awk -F '\t' '!seen[$2]++ && $2 != "version" { print $2 }' "$T/learned" >"$T/subjects"
table >"$T/table"

page=$ROOT/docs/nodes.md
if [[ ${E2E_WRITE:-} ]]; then
  awk -v table="$T/table" '/^<!-- end of the table -->/ { inside = 0 } !inside { print }
    /^<!-- table: / { inside = 1; while ((getline line < table) > 0) print line }' "$page" >"$T/page" && cp "$T/page" "$page"
fi
awk '/^<!-- end of the table -->/ { inside = 0 } inside { print } /^<!-- table: / { inside = 1 }' "$page" >"$T/written"

# Another version may do otherwise, and then it is another table.
if [[ $(head -n 1 "$T/written") != "$(head -n 1 "$T/table")" ]]; then
  skip "$SUITE" "the page is about other versions than those of this machine"
  exit 0
fi
agrees() { diff "$T/written" "$T/table"; }
check "docs/nodes.md says of every client what was seen of it" agrees
