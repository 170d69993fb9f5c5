# What the scripts of this folder share: how to call the command, and how to act in a tenant for a while.
# shellcheck shell=bash
set -euo pipefail

portcullis=${PORTCULLIS:-portcullis}
minutes=${PORTCULLIS_MINUTES:-15}
entered=
as=()

complain() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

# Act in tenant $1 for the reason $2. Whoever belongs to it needs no entry.
enter() {
  local said
  as=()
  if said=$("$portcullis" tenant enter "$1" --reason "${2:0:200}" --minutes "$minutes" 2>&1); then
    as=(--tenant "$1")
    entered=$1
  elif [[ $said != *'[own_tenant]'* ]]; then
    complain "$said"
    return 1
  fi
}

leave() {
  local tenant=$entered
  entered=
  as=()
  [[ -z $tenant ]] || "$portcullis" tenant leave "$tenant" >/dev/null || complain "the entry into $tenant ends by itself"
}
trap leave EXIT

# The command, in the tenant that was entered.
inside() {
  "$portcullis" "${as[@]}" "$@"
}
