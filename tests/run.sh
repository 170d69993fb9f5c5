#!/usr/bin/env bash
# Install what the tests need and run all that CI runs, or the suites named. `tests/run.sh --help` lists them.
#
# The last line is the count over everything, `N passed, N failed`; the exit status is 0 only if nothing failed and
# nothing that is needed was missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CI=${CI:-true} PYTHONDONTWRITEBYTECODE=1
exec </dev/null
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh

install_packages "${packages_of_a_host[@]}" "${packages_of_the_tests[@]}"
make_clone_environment tests
PATH=$PWD/.venv/bin:$PATH

exec .venv/bin/python tests/runner.py "$@"
