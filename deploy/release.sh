# What quickstart.sh, host.sh and gateway.sh share, sourced by them behind prepare.sh: the release that services run from.
#
# They run from /opt/portcullis/<content hash>, which root owns and everyone may read; without root, from var/releases
# of the clone on the packages of .venv. Needs: $clone, $install and $unprivileged (yes|no), $releases.
# shellcheck shell=bash disable=SC2154

prepare_system() { # <package>...
    local missing
    if [[ $install == yes && $unprivileged == no ]]; then
        install_packages "$@"
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
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

# Sets $release and leaves descriptor 9 open: a shared lock, held until the instance refers to the release, since
# --reset of another clone removes what nobody refers to.
prepare_release() {
    [[ $unprivileged == no || -d var ]] || mkdir -m 700 var
    mkdir -p "$releases"
    exec 9>>"$releases/.lock"
    flock -n 9 || { say "  Waiting for another one to finish building" && flock 9; }
    release=$releases/$(contents | hash_of)
    [[ -e $release/.complete ]] || step "Building $release" build_release "$release" || fail "the release could not be built"
    flock -s 9
}

# What only looks or removes installs nothing: it runs from the clone, or from any release that is there.
run_installed() { # <module> <argument>...; returns when there is nothing to run
    local python module=$1
    shift
    for python in .venv/bin/python "$releases"/*/bin/python; do
        if "$python" -B -c "import $module" 2>/dev/null; then
            exec "$python" -B -m "$module" --clone "$clone" "$@"
        fi
    done
}
