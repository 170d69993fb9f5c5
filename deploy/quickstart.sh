#!/usr/bin/env bash
# Portcullis on this machine, to try it: installs what is missing, makes a site, starts it, prints how to sign in.
#
# Services run from a release (release.sh); the clone's .venv holds the command line and, after tests/run.sh, the tests.
# With --unprivileged all lies below the clone, and runs as whoever calls this (docs/unprivileged.md).
set -euo pipefail
umask 022
usage="usage: deploy/quickstart.sh [--listen ADDRESS --name PUBLIC.NAME [--cert FILE --key FILE]] [--port PORT]
                            [--unprivileged] [--foreground] [--no-install]
       deploy/quickstart.sh --status | --stop | --reset [--yes]

Portcullis on this machine, to try it: on loopback, unless --listen opens it. Needs root or sudo, or:

  --unprivileged without root: everything below this clone, all sessions under your account, not walled off from
                 each other. A clone that was begun so goes on so
  --listen ADDRESS --name PUBLIC.NAME
                 https for browsers that call it PUBLIC.NAME, on this address of this machine, and the ports where
                 further hosts and gateways join and connect. Remembered; --listen localhost goes back
  --cert FILE --key FILE
                 certificate for that name with its chain, and its key, PEM; read again when they change. Without
                 them the site's own web CA issues one (docs/https.md)
  --port PORT    where browsers connect (on loopback: first start only, default the first free one from 8080 on;
                 https: default 443, or the first free one from 8443 on)
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
    --listen=* | --name=*) arguments+=("$1") ;;
    --cert=* | --key=*) arguments+=("${1%%=*}" "$(realpath -ms -- "${1#*=}")") ;;
    --listen | --name | --cert | --key)
        (($# > 1)) || { echo "$1: expected a value" >&2 && exit 2; }
        [[ $1 == --listen || $1 == --name ]] && arguments+=("$1=$2") || arguments+=("$1" "$(realpath -ms -- "$2")")
        shift
        ;;
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

cd "${BASH_SOURCE[0]%/*}/.."
clone=$(pwd -P)
refuse() { printf 'quickstart.sh: %s\n' "$*" >&2 && exit 1; }
begun_unprivileged=no
[[ ! -d var/state ]] || begun_unprivileged=yes
if ((EUID == 0)); then
    [[ $unprivileged == no ]] || refuse "--unprivileged is for ordinary users: root has accounts made for sessions, so leave it out"
    [[ $begun_unprivileged == no ]] || refuse "this clone is an unprivileged trial of $(stat -c %U var/state): they --reset it first, or take another clone"
elif [[ $unprivileged == no && $begun_unprivileged == no ]]; then
    command -v sudo >/dev/null || refuse "needs root or sudo: it makes accounts for sessions (--unprivileged does without)"
    echo "Accounts for sessions are made by root: sudo may ask for your password."
    exec sudo -- "$clone/deploy/quickstart.sh" "${original[@]}"
else
    unprivileged=yes
    arguments+=(--unprivileged)
    [[ -w . && -O . ]] || refuse "$clone is not yours: clone into a folder of your own"
fi
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh
# shellcheck source=deploy/release.sh
source deploy/release.sh
releases=/opt/portcullis
[[ $unprivileged == no ]] || releases=$clone/var/releases

if [[ $action != start ]]; then
    run_installed portcullis.quickstart "${arguments[@]}"
    say "Not started yet: deploy/quickstart.sh starts it."
    [[ $action == status ]] && exit 3 || exit 0
fi

say "Preparing Portcullis in $clone"
prepare_system "${packages_of_a_host[@]}"
prepare_clone
prepare_release

exec "$release/bin/python" -I -m portcullis.quickstart \
    --clone "$clone" --release "$release" --lock-descriptor 9 "${arguments[@]}"
