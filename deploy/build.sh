#!/usr/bin/env bash
# Build wheel and sdist of what this clone has committed or changed into dist/, with their SHA256SUMS.
#
# Two builds of one commit are equal byte by byte, wherever and whenever they are made: the time in them is that of the
# commit (or SOURCE_DATE_EPOCH), files are sorted, modes are fixed, and the tools are those of the hash lock. Files that
# git does not know stay out.
set -euo pipefail
umask 022
usage="usage: deploy/build.sh [FOLDER]    (default: dist)"
if (($# > 1)) || [[ ${1-} == -* ]]; then
    printf '%s\n' "$usage" >&2
    exit 2
fi
target=$(realpath -m "${1-$(dirname "${BASH_SOURCE[0]}")/../dist}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prepare.sh
source deploy/prepare.sh

git rev-parse HEAD >/dev/null 2>&1 || fail "this is no clone: git says which files belong to it"
[[ -z $(git status --porcelain --untracked-files=no) ]] || say "  Note: files are changed and not committed; the packages hold the changes"
.venv/bin/python -c 'import hatchling' 2>/dev/null || make_clone_environment tests
step "Fetching the zstd decoder" .venv/bin/python -m web_client.fetch || fail "the zstd decoder is missing"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy_of_the_tree() {
    mkdir "$work/tree"
    git ls-files -z | tar --null --ignore-failed-read --files-from - -cf - | tar -C "$work/tree" -xf -
    install -D -m 644 web_client/vendor/zstddec.wasm "$work/tree/web_client/vendor/zstddec.wasm"
}
build() {
    local python=$PWD/.venv/bin/python
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH PYTHONDONTWRITEBYTECODE=1
    copy_of_the_tree
    cd "$work/tree" && "$python" -P -m hatchling build --directory "$work/dist" --target sdist --target wheel
}
step "Building wheel and sdist" build || fail "nothing was built"
mkdir -p "$target"
rm -f "$target"/portcullis-*.whl "$target"/portcullis-*.tar.gz
mv "$work"/dist/* "$target/"
(cd "$target" && sha256sum portcullis-*.tar.gz portcullis-*.whl >SHA256SUMS)
cat "$target/SHA256SUMS"
