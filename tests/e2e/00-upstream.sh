#!/usr/bin/env bash
# the images and the upstream registry are what the other tests take them for
. "$(dirname "$0")/lib.sh"
need docker-registry skopeo curl openssl

make_image tiny tiny-docker three multi multi-docker
start_registry up
for image in tiny tiny-docker three multi multi-docker; do push_image $image "${URL[up]}" library/$image 1; done
host=${URL[up]#*://}

pulls() { same "$(pull "$host/library/$1:1" --all)" "$(digest_of "$1")"; }
check "skopeo copies the OCI image from the registry" pulls tiny
check "skopeo copies the image of Docker types from the registry" pulls tiny-docker
check "skopeo copies the image of three layers from the registry" pulls three
check "skopeo copies every platform of the OCI index from the registry" pulls multi
check "skopeo copies every platform of the Docker manifest list from the registry" pulls multi-docker

before=$(requests up) && pull "$host/library/three:1" >/dev/null
check "the registry's access log has a line for every request of a pull" same "$(($(requests up) - before))" 6
