#!/bin/sh
# What must go on with an update although the code below /usr/lib/caye may be half exchanged, or unable to run: with
# nothing but a shell and dpkg. `caye update` writes the state and the packages that are named here.
#
# early: at each start of the machine, before the agent: what a power cut left half installed is installed whole.
# late: beside the agent: `caye update resume` looks whether the new version does its work; when not even that command
# runs, the version before is put back.
set -u
HOME_DIR=/var/lib/caye-update
STATE=$HOME_DIR/state
MOST_TRIES=3

[ -e "$STATE" ] || exit 0

field() { sed -n "s/^$1=//p" "$STATE" | head -n 1; }

# The whole file or none of it, also when the power fails.
put() {
  sed "s/^$1=.*/$1=$2/" "$STATE" >"$STATE.new" && sync "$STATE.new" && mv "$STATE.new" "$STATE" && sync "$HOME_DIR"
}

# Exchanges the code; nobody is asked, and the agent is not started.
install_version() {
  CAYE_UPDATING=1 CAYE_ROLLBACK=$1 DEBIAN_FRONTEND=noninteractive dpkg --force-confold --install \
    "$HOME_DIR/packages/caye_${1}_$(dpkg --print-architecture).deb" || return 1
  CAYE_UPDATING=1 DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a || true
}

go_back() {
  put why "$1" && put step returning
  install_version "$(field from)" && put step returned
}

early() {
  case "$(field step)" in
  announced | installing)
    put step installing
    if install_version "$(field to)"; then put step installed; else go_back "dpkg could not install it"; fi
    ;;
  returning) install_version "$(field from)" && put step returned ;;
  esac
  case "$(field step)" in
  installed | watching)
    tries=$(($(field tries) + 1))
    put tries "$tries"
    if [ "$tries" -gt "$MOST_TRIES" ]; then go_back "it did not do its work in $MOST_TRIES starts of the machine"; fi
    ;;
  esac
}

late() {
  /usr/bin/caye update resume
  status=$?
  # Killed from outside: that says nothing of the version. systemd starts this anew.
  if [ "$status" -eq 0 ] || [ "$status" -gt 128 ]; then exit "$status"; fi
  case "$(field step)" in
  installed | watching) ;;
  *) exit "$status" ;;
  esac
  go_back "its own update command ended with $status" || exit 1
  if [ "$(field reboot)" = yes ]; then exec systemctl reboot; fi
  exec /usr/bin/caye update resume
}

case "${1:-}" in
early) early ;;
late) late ;;
*)
  echo "usage: update early|late" >&2
  exit 2
  ;;
esac
