# Sourced by quickstart and check: functions that print progress, install missing packages on Debian 12, find Rust and
# Node, and build. Running them twice does no harm. They work as root and with sudo.

BUILD_PACKAGES="build-essential cmake ninja-build pkg-config git ca-certificates curl python3 python3-pip
  libboost1.81-dev libhwloc-dev libhwy-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev libspdlog-dev
  libfmt-dev libedit-dev libcurl4-openssl-dev libssl-dev libsqlite3-dev libargon2-dev libabsl-dev tzdata libzip-dev libxxhash-dev zlib1g-dev"
CHECK_PACKAGES="libgtest-dev clang clang-format llvm libclang-rt-14-dev chromium mold python3-venv libpq-dev postgresql-15
  fonts-wqy-microhei"
RUST_MIN=87  # minor version of Rust 1.x that the crates in src/text/crates need
NODE_MIN=18

started=$SECONDS
say() { printf '\n\033[1m[%3d s] %s\033[0m\n' $((SECONDS - started)) "$*"; }
fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --preserve-env=DEBIAN_FRONTEND "$@"
  else
    fail "This needs root: run it again as root, or first run as root: $*"
  fi
}

# install_packages NAME...: installs the packages that are missing.
install_packages() {
  local missing=()
  for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} = 0 ] && return 0
  command -v apt-get >/dev/null || fail "Missing: ${missing[*]}. Install them with this system's package manager."
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq
  as_root apt-get install -y -q --no-install-recommends "${missing[@]}" 2>&1 | tee build/apt.log | count_packages ||
    fail "apt-get could not install: ${missing[*]}; the log is build/apt.log"
}

# Turns apt's output into one line that counts packages.
count_packages() {
  awk '/newly installed/ { total = $3 } /^Unpacking/ { ++unpacked } /^Setting up/ { ++done }
       /^Unpacking|^Setting up/ { printf "\r  unpacked %d, set up %d of %d packages", unpacked, done, total; fflush() }
       END { if (total) print "" }'
}

rust_is_recent() {
  local v
  v=$(cargo --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
  [ "${v:-0}" -ge $RUST_MIN ]
}
find_rust() {
  rust_is_recent && return 0
  [ -x "$HOME/.cargo/bin/cargo" ] && PATH="$HOME/.cargo/bin:$PATH" && rust_is_recent && return 0
  install_packages cargo-web rustc-web
  rust_is_recent || fail "cargo 1.$RUST_MIN or newer is needed, found: $(cargo --version 2>&1)"
}

node_is_recent() {
  local v
  v=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
  [ "${v:-0}" -ge $NODE_MIN ] && command -v npm >/dev/null
}
find_node() {
  node_is_recent && return 0
  install_packages nodejs npm
  node_is_recent || fail "Node $NODE_MIN or newer with npm is needed, found: $(node --version 2>&1)"
}

# Installs everything that is needed to build the program.
prepare_build() {
  # shellcheck disable=SC2086
  install_packages $BUILD_PACKAGES
  find_rust
  find_node
}

# build PRESET [TARGET...]: configures and builds; shows ninja's own progress.
build() {
  local preset=$1
  shift
  cmake --preset "$preset" ${CONFIGURE_OPTIONS:-} >"build/$preset.configure.log" 2>&1 || {
    tail -n 30 "build/$preset.configure.log" >&2
    fail "cmake could not configure preset '$preset'; the log is build/$preset.configure.log"
  }
  cmake --build "build/$preset" --parallel "$(nproc)" ${1:+--target "$@"} || fail "the $preset build failed"
}
