# A place of its own for a test that mounts, or that plays the internet. Sourced before lib.sh.
#
#   enter [--net]   runs the test again in a mount namespace of its own, with --net in a network of its own too; returns there,
#                   or where that cannot be had. INSIDE says which.

enter() {
  [[ ! ${E2E_INSIDE:-} ]] || { INSIDE=yes; return 0; }
  INSIDE=
  [[ $EUID == 0 ]] && unshare --mount --propagation unchanged "$@" true 2>/dev/null || return 0
  # Container engines make their root private, which takes one that is a mount: in a plain chroot it is none.
  # shellcheck disable=SC2016   # its own shell expands it
  E2E_INSIDE=yes exec unshare --mount --propagation unchanged "$@" bash -c '
    if awk "\$5 == \"/\" { found = 1 } END { exit !found }" /proc/self/mountinfo; then
      mount --make-rprivate /
      exec bash "$1"
    fi
    mkdir -p "$2"
    mount --rbind / "$2" && mount --make-rprivate "$2" && exec chroot "$2" bash "$1"' \
    - "$(realpath "$0")" "$(realpath "$(dirname "$0")/../..")/build/e2e/root"
}
