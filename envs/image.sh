#!/bin/sh
# What an image of a container holds, on Debian: image.sh [TORCH], as root, beside install.sh and requirements.lock.
set -eu
apt-get update
apt-get install --yes --no-install-recommends ca-certificates git make openssh-client python3 python3-venv
rm -rf /var/lib/apt/lists/*
python3 -m venv /opt/segsweep
UV_NO_CACHE=1 "$(dirname "$0")/install.sh" /opt/segsweep "${1:-pinned}"
/opt/segsweep/bin/python -m pip uninstall --quiet --yes uv
rm -rf /root/.cache
# Any user may be the one that the container runs as; what libraries cache goes here.
mkdir -p /home/segsweep
chmod 1777 /home/segsweep
