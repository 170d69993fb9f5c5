#!/usr/bin/env bash
# Portcullis on this machine, to try it: installs what is missing, makes a site, starts it, prints how to sign in.
#
# Services run from /opt/portcullis/<content hash>, which root owns and everyone may read; the clone's .venv holds the
# command line and, after tests/run.sh, the tests.
set -euo pipefail
umask 022
usage="usage: deploy/quickstart.sh [--port PORT] [--foreground] [--no-install]
       deploy/quickstart.sh --status | --stop | --reset [--yes]

Portcullis on this machine, on loopback, to try it. Needs root or sudo.

  --port PORT    where browsers connect (first start only; default: the first free one from 8080 on)
  --foreground   stay, and stop everything at the end
  --no-install   install no system packages
  --status       what runs and where its logs are (exit status 0: healthy, 1: not healthy, 3: stopped)
  --stop         log off sessions and stop everything; what was made stays
  --reset        stop, and remove all that was made: accounts, homes, state, secrets. Asks, or --yes"

action=start install=yes arguments=()
original=("$@")
while (($#)); do
    case $1 in
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    --no-install) install=no ;;
    --stop | --status | --reset) action=${1#--} && arguments+=("$1") ;;
    --foreground | --yes) arguments+=("$1") ;;
    --port=*) port=${1#--port=} ;;
    --port) port=${2-} && shift "$(($# > 1))" ;;
    *) printf '%s: no such option\n\n%s\n' "$1" "$usage" >&2 && exit 2 ;;
    esac
    shift
done
if [[ -v port ]]; then
    if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
        echo "--port: expected a port from 1 to 65535" >&2
        exit 2
    fi
    arguments+=(--port "$port")
fi

if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "quickstart.sh: needs root or sudo: it makes accounts for sessions" >&2 && exit 1; }
    echo "Accounts for sessions are made by root: sudo may ask for your password."
    exec sudo -- "$0" "${original[@]}"
fi

clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$clone"
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh
releases=/opt/portcullis

# What only looks or removes installs nothing: it runs from the clone, or from any release that is there.
if [[ $action != start ]]; then
    for python in .venv/bin/python "$releases"/*/bin/python; do
        if "$python" -B -c 'import portcullis.quickstart.__main__' 2>/dev/null; then
            exec "$python" -B -m portcullis.quickstart --clone "$clone" "${arguments[@]}"
        fi
    done
    say "Not started yet: deploy/quickstart.sh starts it."
    [[ $action == status ]] && exit 3 || exit 0
fi

prepare_system() {
    local missing
    if [[ $install == yes ]]; then
        install_packages "${packages_of_a_host[@]}"
        return
    fi
    mapfile -t missing < <(missing_packages "${packages_of_a_host[@]}")
    ((${#missing[@]} == 0)) || fail "missing packages: ${missing[*]} (--no-install was given)"
}

prepare_clone() {
    make_clone_environment runtime
    [[ -e web_client/vendor/zstddec.wasm ]] ||
        step "Fetching the zstd decoder" as_owner .venv/bin/python -m web_client.fetch || fail "the zstd decoder is missing"
}

hash_of() { sha256sum | cut -c1-16; }

contents() { # all that a release is made of
    find portcullis broker gateway agents web_client -type f -not -path '*/__pycache__/*' -not -path '*/node_modules/*' \
        -print0 | sort -z | xargs -0 sha256sum
    sha256sum deploy/requirements*.lock deploy/install_packages.py
    "$(system_python)" --version
}

# Dependencies stand in an environment of their own, which releases share: a changed line of code installs nothing.
build_release() { # <folder>
    local environment python
    python=$(system_python)
    environment=$releases/environment-$({ cat deploy/requirements-build.lock deploy/requirements.lock && "$python" --version; } | hash_of)
    make_environment env "$environment" deploy/requirements-build.lock deploy/requirements.lock &&
        rm -rf "$1" &&
        "$python" -m venv --without-pip "$1" &&
        ln -s "../$(basename "$environment")" "$1/environment" &&
        printf '%s\n' "$environment"/lib/python3*/site-packages >"$(echo "$1"/lib/python3*/site-packages)/environment.pth" &&
        "$1/bin/python" deploy/install_packages.py "$1" &&
        chmod -R go+rX "$1" &&
        touch "$1/.complete"
}

say "Preparing Portcullis in $clone"
prepare_system
prepare_clone
mkdir -p "$releases"
exec 9>>"$releases/.lock"
flock -n 9 || { say "  Waiting for another quickstart to finish building" && flock 9; }
release=$releases/$(contents | hash_of)
[[ -e $release/.complete ]] || step "Building $release" build_release "$release" || fail "the release could not be built"
flock -s 9 # held until the instance refers to the release: --reset of another clone removes what nobody refers to

exec "$release/bin/python" -I -m portcullis.quickstart \
    --clone "$clone" --release "$release" --lock-descriptor 9 "${arguments[@]}"
