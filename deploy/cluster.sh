#!/usr/bin/env bash
# A little cluster of Portcullis on this machine, to try, break and learn from (docs/lab.md).
set -euo pipefail
umask 022
usage="usage: deploy/cluster.sh [--members N] [--brokers N] [--gateways N] [--agents N] [--no-install]
       deploy/cluster.sh --status | --stop | --reset [--yes]

A whole cluster on loopback: 3 etcd members (mTLS), 3 brokers, 2 gateways and 2 hosts, every link between them through
a process that can cut it. Needs root or sudo: it makes accounts for sessions. What is killed is started again, and
\`.venv/bin/portcullis drill\` breaks one thing after the other and measures how it recovers.

  --members N, --brokers N, --gateways N, --agents N
                 first start only; members: 1, 3 or 5, or 0 for an embedded grid with one broker
  --no-install   install no system packages
  --status       every part, and what \`portcullis status\` says (exit status 0: healthy, 1: not healthy, 3: stopped)
  --stop         log off sessions and stop everything; what was made stays
  --reset        stop, and remove all that was made: accounts, homes, state, secrets. Asks, or --yes

etcd is the one that PORTCULLIS_ETCD names, else the newest of PATH and Debian's, which is installed if there is none."

action=start install=yes unprivileged=no arguments=()
original=("$@")
while (($#)); do
    case $1 in
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    --no-install) install=no ;;
    --stop | --status | --reset) action=${1#--} && arguments+=("$1") ;;
    --yes) arguments+=("$1") ;;
    --members=* | --brokers=* | --gateways=* | --agents=*) arguments+=("$1") ;;
    --members | --brokers | --gateways | --agents)
        (($# > 1)) || { echo "$1: expected a value" >&2 && exit 2; }
        arguments+=("$1=$2")
        shift
        ;;
    *) printf '%s: no such option\n\n%s\n' "$1" "$usage" >&2 && exit 2 ;;
    esac
    shift
done

cd "${BASH_SOURCE[0]%/*}/.."
clone=$(pwd -P)
if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "cluster.sh: needs root or sudo: it makes accounts for sessions" >&2 && exit 1; }
    echo "Accounts for sessions are made by root: sudo may ask for your password."
    exec sudo --preserve-env=PORTCULLIS_ETCD -- "$clone/deploy/cluster.sh" "${original[@]}"
fi
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh
# shellcheck source=deploy/release.sh
source deploy/release.sh
releases=/opt/portcullis

if [[ $action != start ]]; then
    run_installed portcullis.lab "${arguments[@]}"
    say "Not started yet: deploy/cluster.sh starts it."
    [[ $action == status ]] && exit 3 || exit 0
fi

say "Preparing a cluster of Portcullis in $clone"
packages=("${packages_of_a_host[@]}")
installs_etcd=no
if [[ -z ${PORTCULLIS_ETCD-} ]] && ! command -v etcd >/dev/null && [[ " ${arguments[*]-} " != *" --members=0 "* ]]; then
    packages+=(etcd-server)
    installs_etcd=yes
fi
prepare_system "${packages[@]}"
if [[ $installs_etcd == yes && -d /run/systemd/system ]]; then
    systemctl disable --quiet --now etcd.service || true # Debian starts one of its own, which nobody asked for
fi
prepare_clone
prepare_release

exec "$release/bin/python" -I -m portcullis.lab \
    --clone "$clone" --release "$release" --lock-descriptor 9 "${arguments[@]}"
