# Sourced by the image's scripts: where Debian packages come from, and how a root file system is made of them. The mirror is the
# one that the host's apt uses, or FLOWSPAN_MIRROR and FLOWSPAN_SECURITY_MIRROR.
suite=trixie

fail() { printf 'image: %s\n' "$*" >&2; exit 1; }
say() { printf 'image: %s\n' "$*" >&2; }

# Names in lists of packages, without their reasons.
names_in() { sed 's/ *#.*//; /^$/d' "$@"; }

mirror_of() { # LABEL of a Release file
  apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n "s/^$1|//p" | head -n 1
}

# The lines of sources.list. Firmware of network adapters is not free.
debian_sources() {
  main=${FLOWSPAN_MIRROR:-$(mirror_of Debian)}
  security=${FLOWSPAN_SECURITY_MIRROR:-$(mirror_of Debian-Security)}
  [ -n "$main" ] || fail 'apt knows no Debian mirror: run apt-get update, or set FLOWSPAN_MIRROR'
  components='main non-free-firmware'
  printf 'deb %s %s %s\n' "$main" $suite "$components" "$main" $suite-updates "$components"
  [ -z "$security" ] || printf 'deb %s %s-security %s\n' "$security" $suite "$components"
}

# take_backports LIST: of Debian's backports, bootstrap takes what LIST names, where there is such a file, and nothing else
# (apt_preferences(5)).
take_backports() {
  [ -e "$1" ] || return 0
  backports=$(debian_sources | sed -n "s/ $suite main.*/ $suite-backports main/p;T;q")
  pins=$(printf 'Package: %s\nPin: release n=%s-backports\nPin-Priority: 900\n' "$(names_in "$1" | paste -sd' ')" $suite)
  export backports pins
}

# bootstrap ARCHITECTURE PACKAGES TARGET [OPTION…]: packages, separated by commas, into TARGET, a folder or a .tar. In a shell of its own: its
# variables are not the caller's, who has some of the same names.
bootstrap() (
  architecture=$1
  packages=$2
  target=$3
  shift 3
  for command in mmdebstrap arch-test; do
    command -v $command >/dev/null || fail "$command is missing: scripts/setup image"
  done
  sources=$(debian_sources) || exit 1
  log=$target.log
  # What the host's apt was told about its mirror holds here as well.
  lenient=$(apt-config dump | sed -n 's/^Acquire::Check-\(Valid-Until\|Date\) "\(.*\)";$/--aptopt=Acquire::Check-\1 "\2"/p')
  old_ifs=$IFS
  IFS='
'
  # shellcheck disable=SC2086 # one option a line
  set -- $lenient "$@"
  IFS=$old_ifs
  # shellcheck disable=SC2016 # for the shell of the hook
  [ -z "${backports:-}" ] ||
    set -- --setup-hook='echo "$backports" >"$1/etc/apt/sources.list.d/backports.list" && echo "$pins" >"$1/etc/apt/preferences.d/backports"' "$@"
  printf '%s\n' "$sources" |
    mmdebstrap --variant=minbase --architectures="$architecture" --include="$packages" "$@" $suite "$target" - >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    fail "Debian packages for $architecture could not be fetched or installed (see above; all of it: $log). Is the mirror reachable, and does it have $suite?"
  }
)
