#!/usr/bin/env bash
# A directory of tenants, one folder each, becomes what the site is: planned, applied, and checked by simulation.
usage="usage: deploy/tenants/apply.sh [--check] [--prune] [--invite] [--reason TEXT] [DIRECTORY [TENANT...]]

For each folder of DIRECTORY (default: the example beside this script), or for the tenants named:

  TENANT/*.yaml    documents of its configuration (docs/configuration.md): planned, shown, applied all or none
  TENANT/platform  what the platform decides of it: options of \`portcullis tenant set\`, one a line
  TENANT/checks    who must be able to start what: USER | APPLICATION | launches or a reason code | more options
  hosts            beside the folders: HOST: TENANT, TENANT

  --check          plan and simulate, change nothing. A check that does not hold yet fails the run only where the files
                   bring nothing new: else it is told, and has to hold once they are applied
  --prune          also delete what carries the label \`from: files\` and is in no file any more
  --invite         print the link of each user who is new (on stderr), good once and for 24 hours. Whoever reads it can
                   become that user: not where the output is kept, as in a pipeline. Without it new users are named, and
                   get their link later: portcullis --tenant TENANT user reset NAME
  --reason TEXT    stands in history and audit (default: the commit of DIRECTORY)

Needs the profile of a platform administrator (\$PORTCULLIS_PROFILE). Exit status 1 when anything was refused or a check
failed; the other tenants are gone through all the same."
# shellcheck source=deploy/tenants/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

check=false reason='' prune=() invite=()
while [[ ${1-} == -* ]]; do
  case $1 in
    --check) check=true ;;
    --prune) prune=(--prune from=files) ;;
    --invite) invite=(--invite) ;;
    --reason)
      reason=${2?"$usage"}
      shift
      ;;
    *)
      printf '%s\n' "$usage" >&2
      exit 2
      ;;
  esac
  shift
done
directory=${1-$(dirname "${BASH_SOURCE[0]}")/example}
shift || true
if [[ ! -d $directory ]]; then
  complain "$directory is no directory"
  exit 2
fi
commit=$(git -C "$directory" rev-parse --short HEAD 2>/dev/null || true)
reason=${reason:-applied from files${commit:+, commit $commit}}

failed=() pending=false

set_by_platform() {
  local option value words=()
  while read -r option value; do
    [[ -z $option || $option == '#'* ]] || words+=("$option" "$value")
  done <"$2"
  ((${#words[@]} == 0)) || "$portcullis" tenant set "$1" "${words[@]}" >/dev/null
}

# One line of `checks`.
simulate() {
  local user=$1 application=$2 expected=$3 options answer verdict code
  read -ra options <<<"$4"
  answer=$(inside simulate --user "$user" --app "$application" --json "${options[@]}") || true
  verdict=$(sed -n 's/^  "verdict": "\([a-z]*\)",\{0,1\}$/\1/p' <<<"$answer")
  code=$(sed -n 's/^  "code": "\([a-z_]*\)",\{0,1\}$/\1/p' <<<"$answer")
  if [[ $verdict == launches || $verdict == reconnects ]]; then code=launches; fi
  if [[ $code == "$expected" ]]; then
    printf '  ok      %s, %s: %s\n' "$user" "$application" "$expected"
  elif $pending; then
    printf '  later   %s, %s: %s now, %s is expected\n' "$user" "$application" "${code:-no answer}" "$expected"
  else
    printf '  FAILED  %s, %s: %s, expected %s\n' "$user" "$application" "${code:-no answer}" "$expected"
    return 1
  fi
}

trimmed() {
  local text=$1
  text=${text#"${text%%[![:space:]]*}"}
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}

run_checks() {
  local user application expected options good=true
  while IFS='|' read -r user application expected options; do
    user=$(trimmed "$user")
    [[ -z $user || $user == '#'* ]] && continue
    simulate "$user" "$(trimmed "$application")" "$(trimmed "$expected")" "$(trimmed "$options")" </dev/null || good=false
  done <"$1"
  $good
}

one_tenant() {
  local tenant=$1 folder=$2
  enter "$tenant" "$reason" || return 1
  inside plan -f "$folder" "${prune[@]}" || return 1
  pending=false
  if $check; then
    inside diff -f "$folder" "${prune[@]}" >/dev/null || pending=true
  else
    [[ ! -f $folder/platform ]] || set_by_platform "$tenant" "$folder/platform" || return 1
    inside apply -f "$folder" "${prune[@]}" "${invite[@]}" --reason "$reason" || return 1
  fi
  [[ ! -f $folder/checks ]] || run_checks "$folder/checks"
}

hosts() {
  local host tenants good=true
  while IFS=':' read -r host tenants; do
    host=$(trimmed "$host")
    [[ -z $host || $host == '#'* ]] && continue
    "$portcullis" host tenants "$host" "$(trimmed "$tenants")" || good=false
  done <"$1"
  $good
}

if [[ -f $directory/hosts && $# -eq 0 ]] && ! $check; then
  hosts "$directory/hosts" || failed+=(hosts)
fi
for folder in "$directory"/*/; do
  tenant=$(basename "$folder")
  if (($# > 0)) && [[ " $* " != *" $tenant "* ]]; then continue; fi
  printf '== %s\n' "$tenant"
  one_tenant "$tenant" "${folder%/}" || failed+=("$tenant")
  leave
done
if ((${#failed[@]} > 0)); then
  complain "failed: ${failed[*]}"
  exit 1
fi
