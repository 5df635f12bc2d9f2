#!/usr/bin/env bash
# Train as a slurm job.
#   GPUS=8 tools/slurm_train.sh PARTITION JOB CONFIG [flags of tools/train.py]
# GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS adapt the request.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 PARTITION JOB CONFIG [flags of tools/train.py]" >&2
    exit 2
fi
TOOLS=$(dirname "$0")
exec bash "$TOOLS/misc/slurm_job.sh" "$1" "$2" \
    "$TOOLS/train.py" "$3" --launcher slurm "${@:4}"
