# What scripts/demo and scripts/test share: a machine that has what forkbox needs. Source it.

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Node 20, what the local engine calls, forkbox's own packages. Says what it installs.
prepare_machine() {
  need_node
  if [ "$(uname -s)" = Linux ]; then
    need_programs bwrap:bubblewrap slirp4netns:slirp4netns ip:iproute2 setpriv:util-linux
  else
    say "The local engine needs Linux: here only a Dagger engine can run sandboxes."
  fi
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    say "Installing npm packages"
    npm ci --no-audit --no-fund || die "npm ci failed: see above."
    touch node_modules/.package-lock.json
  fi
}

need_node() {
  command -v node >/dev/null || die "Node.js 20 or later is needed: https://nodejs.org/en/download"
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    die "Node.js 20 or later is needed, this is $(node --version): https://nodejs.org/en/download"
}

# need_programs PROGRAM:PACKAGE… installs the packages of those that are missing.
need_programs() {
  local missing=() pair
  for pair in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "missing: ${missing[*]}. Install them as root, then run this again."
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}"
  if command -v apt-get >/dev/null; then
    "${as_root[@]}" apt-get update -q &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
  elif command -v dnf >/dev/null; then
    missing=("${missing[@]/iproute2/iproute}")
    "${as_root[@]}" dnf install -qy "${missing[@]/build-essential/gcc}"
  elif command -v apk >/dev/null; then
    "${as_root[@]}" apk add --quiet "${missing[@]/build-essential/build-base}"
  elif command -v pacman >/dev/null; then
    "${as_root[@]}" pacman -S --noconfirm --needed "${missing[@]/build-essential/base-devel}"
  else
    die "missing: ${missing[*]}. Install them with this system's package manager, then run this again."
  fi || die "could not install ${missing[*]}: see above."
}

build_forkbox() {
  say "Building forkbox"
  npm run --silent build || die "the build failed: see above."
}
