# What quickstart and tests/run.sh share, sourced by both: system packages, Python environments, shown progress.
# shellcheck shell=bash disable=SC2034

# Packages of whoever calls would pass for installed, and be missing in what runs later without them.
unset PYTHONPATH PYTHONHOME

mapfile -t packages_of_a_host < <(
    printf '%s\n' python3 python3-venv ca-certificates iproute2 procps
    sed '/^#/d; s/ .*//' "$(dirname "${BASH_SOURCE[0]}")/../portcullis/quickstart/system_packages.txt"
)
# What encodes video, and what shows RDP servers, by their names in Debian 12. Without the former all is sent without
# loss (docs/licences.md), without the latter hosts show none (docs/rdp.md).
if [[ $(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release) == bookworm ]]; then
    packages_of_a_host+=(libyuv0 libx264-164 libvpx7 freerdp2-x11)
fi
packages_of_a_gateway=(python3 python3-venv ca-certificates iproute2 procps util-linux)
packages_of_the_tests=(chromium chromium-headless-shell firefox-esr libavcodec59 libxkbcommon0 libx11-data etcd-server etcd-client nftables featherpad xclip xdotool ibus ibus-gtk3 ibus-libpinyin ibus-anthy ibus-hangul fcitx5 fcitx5-frontend-gtk3 fcitx5-chewing fcitx5-anthy fcitx5-hangul dbus-daemon xserver-xephyr git shellcheck libnss3-tools libatomic1 xrdp xorgxrdp freerdp2-shadow-x11 winpr-utils wine wine64 wixl msitools) # libatomic1: the browser driver brings its own node; libavcodec59: Firefox's H.264
packages_of_the_bench=(tigervnc-standalone-server novnc websockify) # the peer

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Run a long command quietly, showing that it lives; what it printed is shown when it fails.
step() { # <what it does> <command>...
    local title=$1 log status=0 started=$SECONDS ticker
    shift
    log=$(mktemp)
    printf '  %s ' "$title"
    while sleep 2; do printf '.'; done &
    ticker=$!
    ("$@") >"$log" 2>&1 </dev/null || status=$?
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null || true
    if ((status)); then
        printf ' failed\n'
        cat "$log" >&2
    else
        printf ' %d s\n' $((SECONDS - started))
    fi
    rm -f "$log"
    return "$status"
}

missing_packages() { # <package>...: those that are not installed
    comm -23 <(printf '%s\n' "$@" | sort -u) \
        <(dpkg-query -W -f='${binary:Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
            sed -n 's/\(:[a-z0-9-]*\)\? installed$//p' | sort -u)
}

as_root() { # <command>...
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        return 1
    fi
}

install_packages() { # <package>...
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    as_root true || fail "needs root or sudo to install: ${missing[*]}"
    step "Reading the list of packages" as_root apt-get update -q || true
    step "Installing ${missing[*]}" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${missing[@]}" || fail "packages could not be installed: ${missing[*]}"
}

# Debian's own python3: another one on PATH may lie below a home that service accounts cannot read.
system_python() {
    local python=/usr/bin/python3
    [[ -x $python ]] || python=$(command -v python3) || fail "python3 is missing"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than Python 3.11"
    printf '%s\n' "$python"
}

# Run a command as whom the clone belongs to, so that root leaves nothing in it that its owner cannot change.
as_owner() {
    local owner
    owner=$(stat -c %U .)
    if ((EUID == 0)) && [[ $owner != root && $owner != UNKNOWN ]]; then
        runuser -u "$owner" -- env HOME="$(getent passwd "$owner" | cut -d: -f6)" "$@"
    else
        "$@"
    fi
}

# A virtual environment with what the lock files name. A stamp of their content makes the second call free.
make_environment() { # <command to run as> <folder> <lock file>...
    local as=$1 folder=$2 python stamp lock
    shift 2
    python=$(system_python)
    stamp=$({ cat "$@" && "$python" --version; } | sha256sum | cut -d' ' -f1)
    if [[ $(cat "$folder/.lock-stamp" 2>/dev/null) == "$stamp" ]] && "$folder/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    # Half an environment may find the pip of the system.
    if ! "$folder/bin/python" -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null; then
        "$as" rm -rf "$folder"
        step "Making a Python environment" "$as" "$python" -m venv "$folder" || fail "$folder could not be made"
    fi
    for lock in "$@"; do
        step "Installing Python packages of $(basename "$lock")" "$as" "$folder/bin/python" -m pip install --quiet \
            --disable-pip-version-check --no-input --no-build-isolation --require-hashes -r "$lock" ||
            fail "Python packages could not be installed"
    done
    printf '%s\n' "$stamp" | "$as" tee "$folder/.lock-stamp" >/dev/null
}

# The clone's .venv, for `tests` or for the `runtime` alone; what the tests need is kept once it is there.
make_clone_environment() { # tests|runtime
    local locks=(deploy/requirements-build.lock deploy/requirements.lock)
    [[ $1 == runtime && ! -e .venv/bin/pytest ]] || locks[1]=deploy/requirements-dev.lock
    command -v npm >/dev/null || locks+=(deploy/requirements-fetch.lock)
    make_environment as_owner .venv "${locks[@]}"
    as_owner .venv/bin/python deploy/install_packages.py .venv --link
}
