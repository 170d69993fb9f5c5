# What host.sh and gateway.sh share: a machine more of a site that is elsewhere. Sourced with $role and $usage set.
# shellcheck shell=bash disable=SC2154

set -euo pipefail
umask 022
script=$(realpath -s -- "$0")
action=start install=yes unprivileged=no token=${PORTCULLIS_JOIN_TOKEN-} join_file='' arguments=() passed_on=()
unset PORTCULLIS_JOIN_TOKEN # read once: no process that is started inherits it

needs_value() { (($1 > 1)) || { printf '%s: expected a value\n' "$2" >&2 && exit 2; }; }

while (($#)); do
    case $1 in
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    --no-install) install=no && passed_on+=("$1") ;;
    --stop | --status | --reset) action=${1#--} && arguments+=("$1") && passed_on+=("$1") ;;
    --foreground | --yes) arguments+=("$1") && passed_on+=("$1") ;;
    --join=*) token=${1#--join=} ;;
    --join) needs_value $# "$1" && token=$2 && shift ;;
    --join-file=*) join_file=$(realpath -ms -- "${1#--join-file=}") ;;
    --join-file) needs_value $# "$1" && join_file=$(realpath -ms -- "$2") && shift ;;
    --cert=* | --key=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
    --cert | --key)
        needs_value $# "$1" && arguments+=("$1=$(realpath -ms -- "$2")") && passed_on+=("${arguments[-1]}") && shift
        ;;
    --broker=* | --name=* | --slots=* | --as=* | --listen=* | --port=*) arguments+=("$1") && passed_on+=("$1") ;;
    --broker | --name | --slots | --as | --listen | --port)
        needs_value $# "$1" && arguments+=("$1=$2") && passed_on+=("$1=$2") && shift
        ;;
    *) printf '%s: no such option\n\n%s\n' "$1" "$usage" >&2 && exit 2 ;;
    esac
    shift
done
if [[ $token == - ]]; then
    IFS= read -r token || true
elif [[ -z $token && -n $join_file ]]; then
    token=$(<"$join_file") || exit 1
fi

clone=$(cd "$(dirname "$script")/.." && pwd -P)
cd "$clone"
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh
# shellcheck source=deploy/release.sh
source deploy/release.sh
releases=/opt/portcullis

if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "needs root or sudo: it makes accounts"
    echo "It makes accounts and listens for a site: sudo may ask for your password."
    # by standard input, which no other account can look at
    [[ -z $token ]] || passed_on+=(--join -)
    exec sudo -- "$script" "${passed_on[@]}" <<<"$token"
fi

if [[ $action != start ]]; then
    run_installed portcullis.quickstart.machine --role "$role" "${arguments[@]}"
    say "Not started yet: deploy/$role.sh starts it."
    [[ $action == status ]] && exit 3 || exit 0
fi

say "Preparing a $role of Portcullis in $clone"
if [[ $role == host ]]; then
    prepare_system "${packages_of_a_host[@]}"
else
    prepare_system "${packages_of_a_gateway[@]}"
    prepare_clone # it serves the web client
fi
prepare_release

command=("$release/bin/python" -I -m portcullis.quickstart.machine --role "$role"
    --clone "$clone" --release "$release" --lock-descriptor 9 "${arguments[@]}")
if [[ -n $token ]]; then
    exec "${command[@]}" --join-file - <<<"$token"
fi
exec "${command[@]}"
