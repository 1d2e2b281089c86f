#!/bin/bash
# Pretraining over the GPUs of several machines under Slurm:
#   sbatch --export=ALL,RECIPE=paper/B.3,CORPUS=/data/corpus,RUN=/data/runs/b3 examples/slurm.sh
# Before the time limit, and where other jobs take the machines, the run saves where it is, and the job is queued again
# until the run is finished. CORPUS and RUN lie on a file system that all machines share.
#SBATCH --job-name=lssd
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@180
#SBATCH --open-mode=append
#SBATCH --output=lssd-%j.log
set -u

# Slurm tells this script alone, three minutes before the limit; srun passes the signal on to torchrun, and torchrun to
# its processes, which have two minutes for their step and the checkpoint.
stopped=no
trap 'stopped=yes; kill -TERM "$job"' TERM

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun \
    --nnodes "$SLURM_NNODES" --nproc-per-node "${SLURM_GPUS_ON_NODE:-8}" \
    --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID" --rdzv-endpoint "$head:29500" \
    --shutdown-timeout 120 \
    -m lssd pretrain "$RECIPE" --corpus "$CORPUS" --out "$RUN" &
job=$!

wait "$job"
code=$?
while kill -0 "$job" 2> /dev/null; do # the signal ends the first wait, not the job
    wait "$job"
    code=$?
done

# Queued again only where it was stopped: a wrong recipe would be wrong for ever. (torchrun gives 1 for any failure.)
if [ "$stopped" = yes ] && [ ! -e "$RUN/finished.json" ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
