#!/bin/sh
# Puts peer T's packages into .build/peer-t: PyPI only, and never into requirements.
set -e
cd "$(dirname "$0")/../.."
home=.build/peer-t
[ -e "$home/installed" ] && exit 0
"${PYTHON:-python3}" -m venv "$home"
"$home/bin/python" -m pip install --quiet --disable-pip-version-check \
  "fastapi>=0.115" "uvicorn[standard]>=0.34" "sqlalchemy>=2" argon2-cffi pyjwt
touch "$home/installed"
