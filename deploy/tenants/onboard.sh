#!/usr/bin/env bash
# A new tenant: made with its first administrator, given hosts, and configured out of its folder.
usage="usage: deploy/tenants/onboard.sh TENANT --administrator USER [--hosts HOST,HOST] [--files DIRECTORY] [OPTION...]

Prints the link by which the first administrator enrols, good once and for 24 hours. OPTIONs are those of \`portcullis
tenant add\`: --title, --accent, --logo, --host-names, --sessions, --launches-per-second, --logins-per-second.

  --hosts HOST,HOST   they serve this tenant from now on, beside those that they serve already
  --files DIRECTORY   applies DIRECTORY/TENANT (apply.sh); without that folder a copy of the example is put there

A second run changes nothing but what is missing. Needs the profile of a platform administrator."
# shellcheck source=deploy/tenants/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ -z ${1-} || $1 == -* ]]; then
  printf '%s\n' "$usage" >&2
  exit 2
fi
tenant=$1 hosts='' files='' options=()
shift
while (($# > 0)); do
  case $1 in
    --hosts) hosts=${2?"$usage"} ;;
    --files) files=${2?"$usage"} ;;
    *) options+=("$1" "${2?"$usage"}") ;;
  esac
  shift 2
done

if said=$("$portcullis" tenant add "$tenant" "${options[@]}" 2>&1); then
  printf '%s\n' "$said"
elif [[ $said == *'[already_exists]'* ]]; then
  printf 'tenant %s: is there already\n' "$tenant"
else
  complain "$said"
  exit 1
fi

IFS=, read -ra named <<<"$hosts"
for host in "${named[@]}"; do
  served=$("$portcullis" host tenants "$host")
  [[ ",$served," == *",$tenant,"* ]] || "$portcullis" host tenants "$host" "${served:+$served,}$tenant"
done

if [[ -n $files ]]; then
  if [[ ! -d $files/$tenant ]]; then
    mkdir -p "$files"
    cp -R "$here/example/acme" "$files/$tenant"
    printf 'Change %s to what %s needs, then: %s %s %s\n' "$files/$tenant" "$tenant" "$here/apply.sh" "$files" "$tenant"
  else
    "$here/apply.sh" "$files" "$tenant"
  fi
fi
