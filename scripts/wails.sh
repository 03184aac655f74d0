#!/usr/bin/env bash
# Builds examples/wails, shows its window on a virtual display, presses Return in it and waits for what the command prints.
# Where something that it needs is missing it says so, and that is no failure. The picture of the window goes to $1, if given.
set -euo pipefail
picture="${1:+$PWD/$1}"
cd "$(dirname "$0")/../examples/wails"

for tool in npm Xvfb xdotool import dbus-run-session pkg-config gcc; do
  command -v "$tool" >/dev/null || { echo "scripts/wails.sh: NOT RUN: $tool is missing"; exit 0; }
done
pkg-config --exists webkit2gtk-4.1 gtk+-3.0 || { echo "scripts/wails.sh: NOT RUN: libwebkit2gtk-4.1-dev is missing"; exit 0; }

dir=$(mktemp -d)
pids=()
end() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$dir"
}
trap end EXIT

npm ci --silent
npm run --silent build
"${GO:-go}" mod download || { echo "scripts/wails.sh: NOT RUN: the modules of Wails are not to be had"; exit 0; }
CGO_ENABLED=1 "${GO:-go}" build -tags desktop,production,webkit2_41 -o "$dir/app" .

# The display is chosen by the server, and told when it is there.
mkfifo "$dir/display"
Xvfb -displayfd 1 -screen 0 800x520x24 >"$dir/display" 2>/dev/null &
pids+=($!)
read -r display <"$dir/display"
export DISPLAY=":$display" GDK_BACKEND=x11 LIBGL_ALWAYS_SOFTWARE=1 WEBKIT_DISABLE_COMPOSITING_MODE=1
# In a container WebKit cannot make the sandbox of its own.
export WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1
dbus-run-session -- "$dir/app" >"$dir/log" 2>&1 &
pids+=($!)

# shown TITLE SECONDS waits for a window with that title: the page gives it one for what it has seen.
shown() {
  timeout "$2" xdotool search --sync --onlyvisible --name "^cloudops$1\$" 2>/dev/null | head -1
}

failed() {
  echo "scripts/wails.sh: $1" >&2
  cat "$dir/log" >&2
  exit 1
}

window=$(shown '' 120)
[ -n "$window" ] || failed "no window was shown"
for _ in $(seq 20); do # a page that is not there yet does not hear a key
  xdotool windowfocus "$window" key --window "$window" Return
  if [ -n "$picture" ] && [ -n "$(shown ': running' 10)" ]; then
    sleep 2.5 # a picture with some lines
    import -window "$window" "$picture"
  fi
  if [ -n "$(shown ': completed' 15)" ]; then
    echo "scripts/wails.sh: a window was shown, ran a command, and followed it to its end"
    exit
  fi
done
failed "the page did not follow a command to its end"
