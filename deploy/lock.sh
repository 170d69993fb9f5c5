#!/usr/bin/env bash
# Write the hash-locked requirement files anew from pyproject.toml, after a dependency changed there. `--upgrade` moves
# every pin to the newest version allowed.
#
# requirements-build.lock   what building a source package needs: installed first, so that no build fetches unhashed tools
# requirements-fetch.lock   npm, for machines that have none
# requirements.lock         what the services need
# requirements-dev.lock     the same, and what the tests need
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compile() { # <lock file> <input> <pip-compile options>...
    local lock=$1 input=$2
    shift 2
    printf 'Locking deploy/%s\n' "$lock"
    # PYTHONWARNINGS: source packages asked for their metadata complain about themselves
    CUSTOM_COMPILE_COMMAND=deploy/lock.sh PYTHONWARNINGS=ignore .venv/bin/pip-compile --quiet --generate-hashes \
        --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --no-annotate --output-file "deploy/$lock" "$@" "$input"
}

extra() { # <name>: its requirements, one a line
    .venv/bin/python -c 'import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]
print(*project["optional-dependencies"][sys.argv[1]], sep="\n")' "$1"
}

[[ -x .venv/bin/pip-compile ]] || .venv/bin/pip install --quiet pip-tools
compile requirements.lock pyproject.toml "$@"
compile requirements-dev.lock pyproject.toml --extra dev "$@"
extra build | compile requirements-build.lock - "$@"
extra fetch | compile requirements-fetch.lock - "$@"
