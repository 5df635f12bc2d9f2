#!/usr/bin/env bash
# Test as a slurm job.
#   GPUS=8 tools/slurm_test.sh PARTITION JOB CONFIG CHECKPOINT [flags]
# GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS adapt the request.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB CONFIG CHECKPOINT [flags of test.py]" >&2
    exit 2
fi
TOOLS=$(dirname "$0")
exec bash "$TOOLS/misc/slurm_job.sh" "$1" "$2" \
    "$TOOLS/test.py" "$3" "$4" --launcher slurm "${@:5}"
