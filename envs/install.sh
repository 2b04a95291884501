#!/bin/sh
# Install the versions of requirements.lock into an environment of Python: envs/install.sh FOLDER [TORCH]
#   TORCH  the build of torch: pinned (the default: the one that the lock names, for CUDA 13), or another one that uv knows:
#          cpu, cu126, ... (`uv pip install --help`, --torch-backend)
set -eu
here=$(dirname "$0")
python=$1/bin/python
torch=${2:-pinned}
# uv trusts what the machine trusts: a proxy's certificate, for one.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
"$python" -m pip install --quiet --disable-pip-version-check uv
# Builds have the same version but for what stands behind a plus, which uv takes for no difference to what is there.
install="$1/bin/uv pip install --quiet --compile-bytecode --python $python --reinstall-package torch --reinstall-package torchvision"
if [ "$torch" = pinned ]; then
  $install --requirement "$here/requirements.lock"
else
  # CUDA's libraries, of which the lock names those of its own build, are then those that torch asks for.
  lock=$(mktemp)
  trap 'rm -f "$lock"' EXIT
  sed -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d' -e 's/^torch===/torch==/' "$here/requirements.lock" > "$lock"
  $install --torch-backend "$torch" --requirement "$lock"
fi
