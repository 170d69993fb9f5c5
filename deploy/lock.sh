#!/usr/bin/env bash
# Write the hash-locked requirement files anew from pyproject.toml, after a dependency changed there. `--upgrade` moves
# every pin to the newest version allowed.
#
# requirements-build.lock   what building a source package needs: installed first, so that no build fetches unhashed tools
# requirements-fetch.lock   npm, for machines that have none
# requirements.lock         what the services need
# requirements-dev.lock     the same, and what the tests need
# requirements-windows.lock what an agent on Windows needs (CPython 3.11, x86-64)
# requirements-wine.lock    the same under Wine, which lacks functions that newer numpy calls: for tests
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

compile_windows() { # <lock file> <options>...: pip-compile takes this machine's markers, uv those of any
    local lock=$1
    shift
    printf 'Locking deploy/%s\n' "$lock"
    extra windows | UV_CUSTOM_COMPILE_COMMAND=deploy/lock.sh .venv/bin/uv pip compile --quiet --generate-hashes \
        --python-platform x86_64-pc-windows-msvc --python-version 3.11 --only-binary :all: --no-emit-index-url \
        --no-annotate --output-file "deploy/$lock" "$@" -
}

extra() { # <name>: its requirements, one a line
    .venv/bin/python -c 'import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]
print(*project["optional-dependencies"][sys.argv[1]], sep="\n")' "$1"
}

[[ -x .venv/bin/pip-compile && -x .venv/bin/uv ]] || .venv/bin/pip install --quiet pip-tools uv
compile requirements.lock pyproject.toml "$@"
compile requirements-dev.lock pyproject.toml --extra dev "$@"
extra build | compile requirements-build.lock - "$@"
extra fetch | compile requirements-fetch.lock - "$@"
compile_windows requirements-windows.lock "$@"
compile_windows requirements-wine.lock --overrides <(echo 'numpy<2.1') "$@"
