#!/usr/bin/env bash
# Run a Python program as a slurm job, a process a GPU; what slurm_train.sh
# and slurm_test.sh share.
#   GPUS=8 tools/misc/slurm_job.sh PARTITION JOB PROGRAM [its arguments]
# GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS adapt the request.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 PARTITION JOB PROGRAM [its arguments]" >&2
    exit 2
fi
PARTITION=$1
JOB=$2
shift 2
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}

# SRUN_ARGS holds several words on purpose
# shellcheck disable=SC2086
exec srun -p "$PARTITION" \
    --job-name="$JOB" \
    --gres="gpu:$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "$@"
