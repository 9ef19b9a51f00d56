#!/bin/sh
# Sets up what the bench compares with: `setup.sh [t] [synapse] [parse] [ejabberd]`; without a name, t.
#
# Everything goes below .build/peer-NAME, from PyPI, npm and Debian's archive, and never into requirements or the
# system: Debian's packages are unpacked, not installed, so that none of their services starts. Doing it again does
# nothing. What cannot be set up is said, and the exit status is 1; the others are set up all the same.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p .build
SYNAPSE=1.163.2 PARSE=9.10.0

say() { echo "peers: $*"; }

# pip_into FOLDER PACKAGE...
pip_into() {
  home=$1
  shift
  "${PYTHON:-python3}" -m venv "$home"
  "$home/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

# apt_into FOLDER PACKAGE...: these and what they need and the machine lacks, unpacked in FOLDER/root.
apt_into() {
  home=$1
  shift
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { say "$1 needs Debian's apt-get"; return 1; }
  mkdir -p "$home/root" "$home/debs/partial"
  [ "$(id -u)" -ne 0 ] || apt-get update -qq
  apt-get install -qq --yes --download-only --no-install-recommends --reinstall \
    -o Debug::NoLocking=true -o Dir::Cache::archives="$PWD/$home/debs" "$@" >/dev/null
  for package in "$home"/debs/*.deb; do dpkg-deb --extract "$package" "$home/root"; done
  rm -r "$home/debs"
}

# T, and the limits of bench/limits.py.
set_up_t() {
  pip_into "$1" "fastapi>=0.115" "uvicorn[standard]>=0.34" "sqlalchemy>=2" argon2-cffi pyjwt "picows>=2.3" aiohttp
}

set_up_synapse() { pip_into "$1" "matrix-synapse==$SYNAPSE"; }

set_up_parse() {
  command -v npm >/dev/null || { say "Parse Server needs Node and npm"; return 1; }
  apt_into "$1" "postgresql-$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')"
  npm install --prefix "$1" --silent --no-fund --no-audit "parse-server@$PARSE"
}

set_up_ejabberd() { apt_into "$1" ejabberd erlang-p1-sqlite3; }

failed=0
wanted=$(cksum <bench/peers/setup.sh)
for peer in "${@:-t}"; do
  home=.build/peer-$peer
  case $peer in t | synapse | parse | ejabberd) ;; *) say "$peer is none of t, synapse, parse, ejabberd"; exit 2 ;; esac
  if [ "$(cat "$home/installed" 2>/dev/null)" = "$wanted" ]; then
    [ $# -eq 0 ] || say "$peer is in $home already"
    continue
  fi
  rm -rf "$home"
  set +e # one that fails does not keep the others from being set up, and stops at its first failed command
  (set -e; "set_up_$peer" "$home")
  status=$?
  set -e
  if [ $status -eq 0 ]; then
    echo "$wanted" >"$home/installed"
    say "$peer was set up in $home ($(du -sh "$home" | cut -f1))"
  else
    say "$peer could NOT be set up"
    failed=1
  fi
done
exit $failed
