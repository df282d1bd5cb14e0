#!/bin/sh
# apt names the packages that it is about to install, a path a line (version 1 of that protocol). Those of caye must be
# signed with a release key that lies in /etc/caye/release-keys, where any does.
set -u
status=0
while IFS= read -r deb || [ -n "$deb" ]; do
  case "${deb##*/}" in
  caye_*) ;;
  *)
    # apt names what it fetched itself after the package; a file that somebody typed may have any name.
    case "$deb" in
    */../*) ;;
    /var/cache/apt/archives/*) continue ;;
    esac
    [ "$(dpkg-deb -f "$deb" Package 2>/dev/null)" = caye ] || continue
    ;;
  esac
  # The list is ours alone: what is called must not read on in it.
  /usr/bin/caye update check "$deb" >&2 </dev/null || status=1
done
exit "$status"
