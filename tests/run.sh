#!/usr/bin/env bash
# Install what the tests need and run all that CI runs, or the suites named. `tests/run.sh --help` lists them.
#
# The last line is the count over everything, `N passed, N failed`; the exit status is 0 only if nothing failed and
# nothing that is needed was missing.
set -euo pipefail
umask 022
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export TESTS_BEGAN=${TESTS_BEGAN:-$(date +%s)} CI=${CI:-true} PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
unset LC_ALL LANGUAGE
exec </dev/null
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh

others_can_read_this() {
    ((EUID != 0)) || setpriv --reuid 65534 --regid 65534 --clear-groups test -r "$PWD/tests/run.sh" -a -r pyproject.toml
}

# Sessions run as accounts of their own, which must be able to read the code.
run_from_a_copy() {
    local copy
    copy=/var/tmp/portcullis-tests-$(pwd -P | sha256sum | cut -c1-8)
    say "Other accounts cannot read $PWD: the tests run from $copy"
    mkdir -p "$copy" tests/output tests/cache
    find "$copy" -mindepth 1 -maxdepth 1 -not -name .venv -exec rm -rf {} +
    cp -a .git "$copy/"
    git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - 2>/dev/null |
        tar -C "$copy" -xf -
    chmod -R go+rX "$copy"
    ln -sfn "$PWD/tests/output" "$copy/tests/output"
    ln -sfn "$PWD/tests/cache" "$copy/tests/cache"
    exec "$copy/tests/run.sh" "$@"
}

[[ " $* " != *" bench "* ]] || packages_of_the_tests+=("${packages_of_the_bench[@]}")
install_packages "${packages_of_a_host[@]}" "${packages_of_the_tests[@]}"
others_can_read_this || run_from_a_copy "$@"
make_clone_environment tests
PATH=$PWD/.venv/bin:$PATH
# Tests start hundreds of processes, and write no bytecode themselves.
env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m compileall -q -x '^tests/(cache|output)/' agents broker gateway portcullis tests

if [[ ${1-} == bench ]]; then # benches have names and options of their own
    exec .venv/bin/python -m tests.bench "${@:2}"
fi
exec .venv/bin/python -m tests.runner "$@"
