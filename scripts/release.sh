#!/usr/bin/env bash
# Builds cloudops for every platform into dist/, with checksums and a list of what is inside.
#
#   VERSION    the version to stamp; default: what git describe says
#   PLATFORMS  default: the six below, as os/arch
#   DIST       where to; default: dist, emptied first
#
# The same commit and the same Go give the same bytes: no paths, no time, no C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

platforms=${PLATFORMS:-"linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"}
dist=${DIST:-dist}
version=${VERSION:-}
if [ -z "$version" ]; then
  version=$(git describe --tags --always --dirty) || {
    echo "release: git cannot describe this tree; set VERSION" >&2
    exit 1
  }
fi

digest() { # sha256sum is not on a Mac, shasum is
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

rm -rf "$dist"
mkdir -p "$dist"
dist=$(cd "$dist" && pwd)

for platform in $platforms; do
  os=${platform%/*} arch=${platform#*/}
  name=cloudops_${version}_${os}_${arch}
  if [ "$os" = windows ]; then name=$name.exe; fi
  echo "== $name"
  GOOS=$os GOARCH=$arch CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X main.version=$version" -o "$dist/$name" ./cmd/cloudops
done

cd "$dist"
# What each binary is made of, read from the binaries themselves.
go version -m cloudops_* >SBOM.txt
digest cloudops_* SBOM.txt >SHA256SUMS
cat SHA256SUMS
