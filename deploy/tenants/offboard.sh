#!/usr/bin/env bash
# A tenant goes: suspended, its configuration kept in a folder, then deleted with its data key.
usage="usage: deploy/tenants/offboard.sh TENANT --keep DIRECTORY [--yes]

Its people are shut out and its sessions logged off first; then its configuration is exported to DIRECTORY/TENANT (no
secret is in it), and the tenant is deleted: its data key is destroyed, so nobody can read what is left of it anywhere but
in backups of before. Homes on its hosts stay: \`portcullis-agent remove-accounts --tenant ID\` there removes them; the
id is printed. Asks before it deletes, or --yes. Needs the profile of a platform administrator."
# shellcheck source=deploy/tenants/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ -z ${1-} || $1 == -* ]]; then
  printf '%s\n' "$usage" >&2
  exit 2
fi
tenant=$1 keep='' yes=()
shift
while (($# > 0)); do
  case $1 in
    --keep)
      keep=${2?"$usage"}
      shift
      ;;
    --yes) yes=(--yes) ;;
    *)
      printf '%s\n' "$usage" >&2
      exit 2
      ;;
  esac
  shift
done
if [[ -z $keep ]]; then
  printf '%s\n' "$usage" >&2
  exit 2
fi

"$portcullis" tenant suspend "$tenant"
enter "$tenant" "offboarding"
mkdir -p "$keep"
inside export -f "$keep/$tenant"
leave
printf 'tenant %s: configuration kept in %s\n' "$tenant" "$keep/$tenant"
"$portcullis" tenant delete "$tenant" "${yes[@]}"
