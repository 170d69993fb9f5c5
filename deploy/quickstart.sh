#!/usr/bin/env bash
# Portcullis on this machine, to try it: installs what is missing, makes a site, starts it, prints how to sign in.
#
# Services run from /opt/portcullis/<content hash>, which root owns and everyone may read; the clone's .venv holds the
# command line and, after tests/run.sh, the tests. With --unprivileged all lies below the clone: they run from
# var/releases/<content hash> on the packages of .venv, as whoever calls this (docs/unprivileged.md).
set -euo pipefail
umask 022
usage="usage: deploy/quickstart.sh [--unprivileged] [--port PORT] [--foreground] [--no-install]
       deploy/quickstart.sh --status | --stop | --reset [--yes]

Portcullis on this machine, on loopback, to try it. Needs root or sudo, or:

  --unprivileged without root: everything below this clone, all sessions under your account, not walled off from
                 each other. A clone that was begun so goes on so
  --port PORT    where browsers connect (first start only; default: the first free one from 8080 on)
  --foreground   stay, and stop everything at the end
  --no-install   install no system packages
  --status       what runs and where its logs are (exit status 0: healthy, 1: not healthy, 3: stopped)
  --stop         log off sessions and stop everything; what was made stays
  --reset        stop, and remove all that was made: accounts, homes, state, secrets. Asks, or --yes"

action=start install=yes unprivileged=no arguments=()
original=("$@")
while (($#)); do
    case $1 in
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    --no-install) install=no ;;
    --unprivileged) unprivileged=yes ;;
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

clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$clone"
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh

begun_unprivileged=no
[[ ! -d var/state ]] || begun_unprivileged=yes
if ((EUID == 0)); then
    [[ $unprivileged == no ]] || fail "--unprivileged is for ordinary users: root has accounts made for sessions, so leave it out"
    [[ $begun_unprivileged == no ]] || fail "this clone is an unprivileged trial of $(stat -c %U var/state): they --reset it first, or take another clone"
elif [[ $unprivileged == no && $begun_unprivileged == no ]]; then
    command -v sudo >/dev/null || fail "needs root or sudo: it makes accounts for sessions (--unprivileged does without)"
    echo "Accounts for sessions are made by root: sudo may ask for your password."
    exec sudo -- "$0" "${original[@]}"
else
    unprivileged=yes
    arguments+=(--unprivileged)
    [[ -w . && -O . ]] || fail "$clone is not yours: clone into a folder of your own"
fi
releases=/opt/portcullis
[[ $unprivileged == no ]] || releases=$clone/var/releases

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
    if [[ $install == yes && $unprivileged == no ]]; then
        install_packages "${packages_of_a_host[@]}"
        return
    fi
    mapfile -t missing < <(missing_packages "${packages_of_a_host[@]}")
    ((${#missing[@]} == 0)) || fail "nothing is installed this way, and this machine lacks ${#missing[@]} packages. Ask an administrator to run

  apt-get install --no-install-recommends ${missing[*]}"
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
# Without root they are those of .venv.
build_release() { # <folder>
    local environment python
    python=$(system_python)
    environment=$clone/.venv
    if [[ $unprivileged == no ]]; then
        environment=$releases/environment-$({ cat deploy/requirements-build.lock deploy/requirements.lock && "$python" --version; } | hash_of)
        make_environment env "$environment" deploy/requirements-build.lock deploy/requirements.lock || return
    fi
    rm -rf "$1" &&
        "$python" -m venv --without-pip "$1" &&
        ln -s "$environment" "$1/environment" &&
        printf '%s\n' "$environment"/lib/python3*/site-packages >"$(echo "$1"/lib/python3*/site-packages)/environment.pth" &&
        "$1/bin/python" deploy/install_packages.py "$1" &&
        chmod -R go+rX "$1" &&
        touch "$1/.complete"
}

say "Preparing Portcullis in $clone"
prepare_system
prepare_clone
[[ $unprivileged == no || -d var ]] || mkdir -m 700 var
mkdir -p "$releases"
exec 9>>"$releases/.lock"
flock -n 9 || { say "  Waiting for another quickstart to finish building" && flock 9; }
release=$releases/$(contents | hash_of)
[[ -e $release/.complete ]] || step "Building $release" build_release "$release" || fail "the release could not be built"
flock -s 9 # held until the instance refers to the release: --reset of another clone removes what nobody refers to

exec "$release/bin/python" -I -m portcullis.quickstart \
    --clone "$clone" --release "$release" --lock-descriptor 9 "${arguments[@]}"
