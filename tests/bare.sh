#!/usr/bin/env bash
# Try the project on a bare Debian 12: a folder made by debootstrap, with the fewest packages there can be.
#
#   bash tests/bare.sh [OPTION]... [FOLDER]              both commands of README.md, as root and then as an ordinary user; then the package
#   bash tests/bare.sh [OPTION]... FOLDER COMMAND...     only these commands, in the Debian that FOLDER has from the last call
#   bash tests/bare.sh --remove [FOLDER]                 remove what this script has made
#
#   --as root|user    only as root, or only as an ordinary user (default: both; single commands: root)
#   --package         only the package
#   --minutes N       how long a command may take (default 60)
#
# Commands run in a fresh clone of the HEAD of this checkout. The first form begins with a Debian in which nothing was installed, each time; the second
# goes on with what is there, so that an ordinary user finds the packages that root has installed before.
# FOLDER (default ddpm-bare in $TMPDIR or /tmp) keeps 4 GB: the bare Debian, the one in use, the packages that were fetched, and a log of each command.
#
# It needs root, debootstrap and git (both are installed when they are missing), and a machine that allows namespaces. Mounts and processes are in
# namespaces of their own, so none outlives this script, however it ends; of the machine's devices only /dev/null and its like can be seen inside.
# It takes Debian's mirror and apt's proxy from this machine's settings. Exit code: 0, or 1 where a command failed; 77 where it cannot run.
set -euo pipefail
{ # read as a whole before any of it runs, since a checkout may change within hours
start=$SECONDS
here=$(cd "$(dirname "$0")/.." && pwd)
stamp=made-by-bare.sh

usage() { sed -n '2,/^set -/s/^# \{0,1\}//p' "$0"; }
refuse() { echo "bare.sh: $2" >&2; exit "$1"; }

as= minutes=60 remove= only_package=
while [[ ${1:-} == -* ]]; do
    case $1 in
    --help | -h) usage; exit ;;
    --remove) remove=yes ;;
    --package) only_package=yes ;;
    --as) as=${2:-}; shift; [[ $as == root || $as == user ]] || refuse 64 "--as: expected root or user" ;;
    --minutes) minutes=${2:-}; shift; [[ $minutes =~ ^[1-9][0-9]*$ ]] || refuse 64 "--minutes: expected a number of minutes" ;;
    *) usage >&2; exit 64 ;;
    esac
    shift
done
folder=${1:-${TMPDIR:-/tmp}/ddpm-bare}
[ $# -eq 0 ] || shift
[ -z "$remove" ] || [ $# -eq 0 ] || refuse 64 "--remove takes one folder"
[ "$(id -u)" = 0 ] || { echo "skipped: bare: it needs root, for debootstrap and for mounts"; exit 77; }

# ---- the folder: this script touches it only when it made it
[ -L "$folder" ] && refuse 73 "$folder is a symbolic link; name the folder itself"
if [ -e "$folder" ] && [ ! -O "$folder/$stamp" ]; then
    [ -d "$folder" ] && [ -O "$folder" ] && [ -z "$(ls -A "$folder")" ] || refuse 73 "$folder is there, and was not made by this script; name another folder"
fi
[ -z "$remove" ] || [ -e "$folder" ] || refuse 66 "$folder is not there"
mkdir -p "$folder"
folder=$(realpath "$folder")
exec 9>>"$folder/$stamp"
flock --nonblock 9 || refuse 75 "another call works in $folder; wait for its end, or name another folder"
if [ -n "$remove" ]; then
    rm -f "$folder"/*.ready # first, should this be interrupted
    rm -rf --one-file-system "$folder"
    echo "removed $folder"
    exit
fi

. "$here/jobs/packages.sh"
ddpm_install $DDPM_PACKAGES_BARE
for tool in debootstrap git; do command -v $tool >/dev/null || refuse 69 "$tool is not there; install it"; done
space=(unshare --mount --propagation private --pid --fork --kill-child)
"${space[@]}" true 2>/dev/null || { echo "skipped: bare: this machine allows no namespaces"; exit 77; }

# Run a command so that it and all its children end with this script, even when this script is killed.
running=
guarded() {
    local code=0
    setpriv --pdeathsig KILL timeout --signal=KILL "${minutes}m" setpriv --pdeathsig KILL "${space[@]}" "$@" 8>&- 9>&- </dev/null &
    running=$!
    wait "$running" || code=$?
    running=
    return $code
}
trap '[ -z "$running" ] || kill -KILL "$running" 2>/dev/null' EXIT
exec 8>&2 # a command's output goes to its log, and this does not
trap 'echo "bare.sh: interrupted; its commands are ended" >&8; exit 143' INT TERM HUP

# ---- the bare Debian
site_of() { # SUITE DEFAULT: the mirror that this machine has for it
    local site
    site=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | sed -n "s/ $1\$//p" | head -n 1) || true
    echo "${site:-$2}"
}

make_base() {
    local mirror
    mirror=$(site_of bookworm http://deb.debian.org/debian)
    printf '== a bare Debian 12 in %s, from %s\n' "$folder/base" "$mirror"
    rm -rf --one-file-system "$folder/base"
    guarded debootstrap --variant=minbase $([[ $mirror != https:* ]] || echo --include=ca-certificates) bookworm "$folder/base" "$mirror" >"$folder/log/debootstrap.log" ||
        { tail -n 20 "$folder/log/debootstrap.log" >&2; refuse 1 "debootstrap failed; see $folder/log/debootstrap.log"; }
    cat >"$folder/base/etc/apt/sources.list" <<SOURCES
deb $mirror bookworm main
deb $(site_of bookworm-updates "$mirror") bookworm-updates main
deb $(site_of bookworm-security http://deb.debian.org/debian-security) bookworm-security main
SOURCES
    # proxies, and what a mirror of fixed date needs
    apt-config dump --format '%F "%v";%n' Acquire 2>/dev/null | grep -E '^Acquire::(http|https|Check-[A-Za-z-]*|Retries)(::| )' >"$folder/base/etc/apt/apt.conf.d/99-as-outside" || true
    cp /etc/resolv.conf /etc/hosts "$folder/base/etc/" 2>/dev/null || true
    chroot "$folder/base" useradd --create-home --shell /bin/bash user
    touch "$folder/base.ready"
}

fresh() { # NAME: a Debian in which nothing was installed
    rm -rf --one-file-system "${folder:?}/$1"
    cp -a --reflink=auto "$folder/base" "$folder/$1"
}

# ---- a command in it. Root's path begins with /bin here, as on some machines, which is not the usual order.
inside() { # ROOT ARCHIVES WHO HOME COMMAND: as the first process of new namespaces
    set -e
    local root=$1 archives=$2 who=$3 home=$4 command=$5 device
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sys "$root/sys"
    mount -t tmpfs -o mode=755 dev "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s /proc/self/fd/0 "$root/dev/stdin"
    ln -s /proc/self/fd/1 "$root/dev/stdout"
    ln -s /proc/self/fd/2 "$root/dev/stderr"
    mount --bind "$archives" "$root/var/cache/apt/archives"
    cd "$root"
    pivot_root . mnt # not chroot, in which the kernel allows no user namespaces
    cd /
    hash -r
    umount -l /mnt
    cd "$home/ddpm"
    local code=0
    setpriv --reuid="$who" --regid="$who" --init-groups --reset-env bash -c "$command" || code=$?
    exit $code # by this shell, which is the one that waits for orphans
}
export -f inside

report=$(printf '%-5s %4s %8s  %-40s %s' as code seconds command log)
number=0 failed=0
run_in() { # NAME WHO COMMAND...: in a fresh clone
    local root=$folder/$1 who=$2 home=/root command log code begin
    shift 2
    [ "$who" = root ] || home=/home/$who
    rm -rf --one-file-system "$root$home/ddpm"
    git clone --quiet --no-hardlinks "$here" "$root$home/ddpm"
    chroot "$root" chown -R "$who": "$home/ddpm"
    for command in "$@"; do
        number=$((number + 1)) code=0 begin=$SECONDS
        log=$folder/log/$(printf '%02d' $number)-$who.log
        printf '== %s: %s\n' "$who" "$command"
        guarded bash -c 'inside "$@"' bash "$root" "$folder/archives" "$who" "$home" "$command" >"$log" 2>&1 || code=$?
        [ $code = 0 ] || { failed=$((failed + 1)); tail -n 30 "$log"; }
        [ $code != 137 ] || echo "it was killed, or took longer than $minutes minutes"
        printf '   exit code %d after %d s\n' $code $((SECONDS - begin))
        report+=$(printf '\n%-5s %4d %8d  %-40s %s' "$who" $code $((SECONDS - begin)) "$command" "$log")
    done
}

commands_of_the_readme() {
    local who
    for who in root user; do
        [ -z "$as" ] || [ "$as" = "$who" ] || continue
        [ "$as" != user ] || run_in debian root '. jobs/packages.sh && ddpm_install $DDPM_PACKAGES_BUILD $DDPM_PACKAGES_FIGURES $DDPM_PACKAGES_TESTS'
        run_in debian "$who" "bash jobs/quickstart.sh" "bash tests/run.sh"
    done
}

package() { # built where the packages for building are, tried where nothing is
    run_in debian root "bash tests/package.sh build"
    local file
    file=$(find "$folder/debian/root/ddpm/build" -maxdepth 3 -name '*.deb' -print -quit)
    [ -n "$file" ] || return 0 # the failure has been counted
    fresh install
    cp "$file" "$folder/install/srv/ddpm.deb"
    run_in install root "bash tests/package.sh try /srv/ddpm.deb"
}

mkdir -p "$folder/log" "$folder/archives/partial"
[ -e "$folder/base.ready" ] || make_base
rm -f "$folder"/log/[0-9]*.log
[ -z "$(git -C "$here" status --porcelain 2>/dev/null)" ] || echo "note: what is not committed is not tried"
if [ $# -gt 0 ]; then
    [ -e "$folder/debian.ready" ] || { fresh debian; touch "$folder/debian.ready"; }
    run_in debian "${as:-root}" "$@"
else
    rm -f "$folder/debian.ready"
    fresh debian
    touch "$folder/debian.ready"
    [ -n "$only_package" ] || commands_of_the_readme
    [ "$as" = user ] || package
fi
printf '\n%s\n\ndone in %d s: %d commands on a bare Debian 12, %d failed; their output is in %s\n' "$report" $((SECONDS - start)) $number $failed "$folder/log"
[ $failed = 0 ]
exit
}
