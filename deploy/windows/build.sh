#!/usr/bin/env bash
# Build portcullis-agent.msi, on Linux, out of this clone, the locked wheels for Windows and a Windows Python.
#
# The interpreter is yours to download, from python.org, and is checked against a hash; nothing of it is kept here.
set -euo pipefail
umask 022
usage="usage: deploy/windows/build.sh --python FILE [--python-sha256 HASH] [--output FILE] [--wheels FOLDER] [--lock FILE]

  --python FILE         python.org's \"Windows embeddable package (64-bit)\", such as python-3.11.9-embed-amd64.zip
  --python-sha256 HASH  its hash, where it is not the one of deploy/windows/python.pin
  --output FILE         default: dist/portcullis-agent.msi
  --wheels FOLDER       take the wheels from there, instead of the package index that pip is configured for
  --lock FILE           wheels and hashes, instead of deploy/requirements-windows.lock

Needs Debian's wixl and msitools. docs/windows.md says how to sign and install it."
for argument; do
    [[ $argument != -h && $argument != --help ]] || { printf '%s\n' "$usage" && exit 0; }
done
arguments=()
while (($#)); do
    case $1 in
    --python=* | --output=* | --wheels=* | --lock=*) arguments+=("${1%%=*}" "$(realpath -m -- "${1#*=}")") ;;
    --python | --output | --wheels | --lock)
        (($# > 1)) || { printf '%s: expected a value\n' "$1" >&2 && exit 2; }
        arguments+=("$1" "$(realpath -m -- "$2")") && shift
        ;;
    *) arguments+=("$1") ;;
    esac
    shift
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh
for tool in wixl msibuild msiinfo; do
    command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install wixl msitools"
done
[[ -x .venv/bin/python ]] || make_clone_environment tests
exec .venv/bin/python -m deploy.windows.build "${arguments[@]}"
