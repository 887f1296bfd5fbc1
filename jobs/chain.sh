#!/usr/bin/env bash
# A long run where jobs may not requeue themselves: submit N jobs, each after the one before; those after the end of the run end at once.
#
#   jobs/chain.sh N [OPTION OF SBATCH]... jobs/train.sbatch CONFIG [ARGUMENT]...
set -euo pipefail
[ $# -ge 3 ] && [[ $1 =~ ^[1-9][0-9]*$ ]] || { sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 64; }
count=$1 previous=
shift
export DDPM_REQUEUE=no
for ((i = 0; i < count; i++)); do
    previous=$(sbatch --parsable --no-requeue ${previous:+--dependency=afterany:$previous} "$@")
    previous=${previous%%;*} # "job;cluster" where there are several
    echo "$previous"
done
