# shellcheck shell=bash
# Debian packages: the services' libraries, never the service packages, which
# would pull in a hypervisor, an init system and debconf's database dialogs.

PACKAGES=(python3-nova python3-keystone python3-placement python3-glance python3-neutron
  python3-openstackclient python3-pymysql rabbitmq-server mariadb-server
  uwsgi-core uwsgi-plugin-python3 openssl curl procps util-linux)
# Only unpacked, not installed: all that is needed of them are the paste pipelines.
UNPACKED=(nova-common glance-common neutron-common)

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

install_packages() {
  local started=$SECONDS missing=() unpack=() p
  [ "$OCTAVIA" = 1 ] && PACKAGES+=(python3-octavia python3-octaviaclient)
  for p in "${PACKAGES[@]}"; do installed "$p" || missing+=("$p"); done
  for p in "${UNPACKED[@]}"; do [ -e "$PKG/$p/.complete" ] || unpack+=("$p"); done
  [ ${#missing[@]} -eq 0 ] && [ ${#unpack[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "this lab is made of Debian packages, and there is no apt-get here"
  if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || die "not root, and packages are missing. As root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  mkdir -p "$PKG" "$LOG"
  apt_update
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
  for p in "${unpack[@]}"; do unpack_package "$p"; done
  say "packages ready in $(since "$started")"
}

apt_update() {
  [ "$(id -u)" = 0 ] || return 0
  apt_try update || die "apt-get update failed, see $LOG/apt.log"
}

# Waits for a lock another apt holds, and tries three times: mirrors hiccup.
apt_try() {
  local attempt
  for attempt in 1 2 3; do
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
      "$@" >>"$LOG/apt.log" 2>&1 && return 0
    say "apt-get $1: attempt $attempt of 3 failed"; sleep "$attempt"
  done
  return 1
}

# Package scripts must not start system daemons: our own are started later.
apt_install() {
  local policy=/usr/sbin/policy-rc.d ours=
  say "installing ${#} packages and what they need (log: $LOG/apt.log)"
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"; ours=1
    # shellcheck disable=SC2064 # the path is to be expanded now
    trap "rm -f '$policy'" EXIT
  fi
  apt_try install -y --no-install-recommends "$@" || { tail -15 "$LOG/apt.log" >&2; die "apt-get install failed, see $LOG/apt.log"; }
  [ -z "$ours" ] || { rm -f "$policy"; trap - EXIT; }
}

unpack_package() {
  rm -rf "${PKG:?}/$1"
  ( cd "$PKG" && apt_try download "$1" && dpkg -x "$1"_*.deb "$1" && rm -f "$1"_*.deb && touch "$1/.complete" ) ||
    die "cannot fetch and unpack $1, see $LOG/apt.log"
}
