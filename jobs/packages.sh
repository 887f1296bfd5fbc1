# The Debian packages that building, figures and tests need, and a function that installs what is missing of them.
# For other scripts: source it.

DDPM_PACKAGES_BUILD="gcc libc6-dev make cmake pkg-config openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libyaml-dev libxxhash-dev libjansson-dev librandom123-dev"
DDPM_PACKAGES_FIGURES="python3 python3-numpy python3-h5py python3-pandas python3-matplotlib python3-pil python3-scipy python3-yaml python3-jinja2"
DDPM_PACKAGES_DEB="dpkg-dev file gfortran"
DDPM_PACKAGES_TESTS="$DDPM_PACKAGES_DEB libcmocka-dev hdf5-tools g++ doxygen python3-flake8 python3-sklearn python3-tables python3-netcdf4 netcdf-bin python3-anndata python3-hdf5storage hdf5-filter-plugin-blosc-serial python3-torch clang clang-format clang-tidy libclang-rt-14-dev libomp-14-dev llvm cppcheck valgrind"

DDPM_PACKAGES_CLUSTER="slurm-wlm slurmctld slurmd slurm-wlm-basic-plugins munge iproute2 util-linux procps"
DDPM_PACKAGES_BARE="debootstrap git"
DDPM_PACKAGES_BROWSER="chromium-driver python3-selenium"

# ddpm_install_quietly PACKAGE...: as ddpm_install, but services that come with the packages are not started.
ddpm_install_quietly() {
    local policy=/usr/sbin/policy-rc.d ours=
    [ -e $policy ] || [ "$(id -u)" != 0 ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && ours=yes; }
    ddpm_install "$@" || return 1
    [ -z "$ours" ] || rm $policy
}

# ddpm_install PACKAGE...: install those that are not there; without the right to, say what to do and return 1.
ddpm_install() {
    local package missing="" as_root=""
    command -v dpkg-query >/dev/null || { echo "note: no Debian packages here; taking what the machine offers"; return 0; }
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "these packages are missing; an administrator can install them with: apt-get install$missing" >&2
            return 1
        fi
        as_root="sudo -n"
    fi
    echo "installing$missing"
    $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
