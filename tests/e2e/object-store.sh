# A real object store with the S3 protocol on 127.0.0.1: Ceph's radosgw before one monitor and one OSD that keeps
# everything in memory. Sourced by lib.sh. Needs radosgw, ceph-mon, ceph-osd, ceph-common; starts within fifteen seconds.

S3_KEY=test-key S3_SECRET=test-secret S3_URL=

# start_object_store : sets S3_URL; there is a bucket `registry`.
start_object_store() {
  local dir=$T/ceph ports osd
  mapfile -t ports < <(free_ports 3)
  mkdir -p "$dir"/{mon,osd,run,log}
  : >"$dir/keyring"
  cat >"$dir/ceph.conf" <<END
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = [v2:127.0.0.1:${ports[0]},v1:127.0.0.1:${ports[1]}]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
# without log-ins the gateway speaks to the monitor in the plain mode only
ms mon client mode = crc
run dir = $dir/run
admin socket = $dir/run/\$name.asok
log file = $dir/log/\$name.log
keyring = $dir/keyring
mon data = $dir/mon
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = $((2 << 30))
osd class load list = *
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
END
  ceph_command() { timeout 30 ceph -c "$dir/ceph.conf" "$@"; }
  monmaptool --create --fsid "$(sed -n 's/^fsid = //p' "$dir/ceph.conf")" \
    --addv a "[v2:127.0.0.1:${ports[0]},v1:127.0.0.1:${ports[1]}]" "$dir/monmap" >/dev/null
  ceph-mon -c "$dir/ceph.conf" -i a --mkfs --monmap "$dir/monmap" >/dev/null 2>&1
  start ceph-mon ceph-mon -c "$dir/ceph.conf" -i a -f
  wait_for 15 ceph_command -s >/dev/null 2>&1
  osd=$(cat /proc/sys/kernel/random/uuid)
  ceph_command osd new "$osd" >/dev/null
  ceph-osd -c "$dir/ceph.conf" -i 0 --mkfs --osd-uuid "$osd" >/dev/null 2>&1
  start ceph-osd ceph-osd -c "$dir/ceph.conf" -i 0 -f
  wait_for 20 osd_is_up
  S3_URL=http://127.0.0.1:${ports[2]}
  start_gateway
  timeout 60 radosgw-admin -c "$dir/ceph.conf" user create --uid test --display-name test \
    --access-key "$S3_KEY" --secret-key "$S3_SECRET" >/dev/null 2>&1
  wait_for 20 curl -s -o /dev/null "$S3_URL/"
  # curl signs what this header says of the body.
  curl -sSf -X PUT -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --aws-sigv4 aws:amz:us-east-1:s3 --user "$S3_KEY:$S3_SECRET" "$S3_URL/registry"
}
# The gateway alone, also after it was stopped.
start_gateway() {
  start radosgw radosgw -c "$T/ceph/ceph.conf" -n client.rgw -f --rgw_frontends "beast endpoint=${S3_URL#http://}" --rgw_data "$T/ceph/run"
}
osd_is_up() { ceph_command osd stat 2>/dev/null | grep -q '1 up'; }
