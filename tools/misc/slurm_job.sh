#!/usr/bin/env bash
# Run a Python program as a slurm job, a process a GPU; what slurm_train.sh
# and slurm_test.sh share.
#   GPUS=8 tools/misc/slurm_job.sh PARTITION JOB PROGRAM [its arguments]
# GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS adapt the request.
#
# Slurm sends SIGTERM two minutes before the time limit, and to jobs that
# make room for others. train.py then saves a checkpoint, and the job is
# queued again, with --resume; REQUEUE=0 leaves that out. Within a batch job
# ask for the signal yourself: #SBATCH --signal=TERM@120
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
case $1 in
    */distill/train.py) REQUEUE=0 ;;
    train.py | */train.py) REQUEUE=${REQUEUE:-1} ;;
    *) REQUEUE=0 ;;
esac

go_on() {
    [ "${WORDS[-1]}" = --resume ] || WORDS+=(--resume)
}

WORDS=("$@")
if [ "$REQUEUE" = 1 ] && [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then
    go_on
fi
while true; do
    STATUS=0
    # SRUN_ARGS holds several words on purpose
    # shellcheck disable=SC2086
    srun -p "$PARTITION" \
        --job-name="$JOB" \
        --gres="gpu:$GPUS_PER_NODE" \
        --ntasks="$GPUS" \
        --ntasks-per-node="$GPUS_PER_NODE" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        --signal=TERM@120 \
        ${SRUN_ARGS:-} \
        python -u "${WORDS[@]}" || STATUS=$?
    # 143: ended by SIGTERM
    if [ "$STATUS" != 143 ] || [ "$REQUEUE" != 1 ]; then
        exit "$STATUS"
    fi
    echo "$JOB was ended by SIGTERM and is queued again" >&2
    if [ -n "${SLURM_JOB_ID:-}" ]; then
        exec scontrol requeue "$SLURM_JOB_ID"
    fi
    go_on
done
