# Bit-reproducible runs, also across a kill and `--resume`: one more line in
# a config's list of bases,
#     _base_ = ['./psfusion_segformer.py', '../_base_/deterministic.py']
# The data sets' DeterministicSampler fixes the order of samples and every
# random draw of the augmentation; this file fixes the rest. On GPUs set
# CUBLAS_WORKSPACE_CONFIG=:4096:8 in the environment too.

# =========================== frequently modified ============================
randomness = dict(
    seed=0,  # another number gives another, equally repeatable run
    deterministic=True)  # slower on GPUs; keeps every kernel's order of sums

# ============================= rarely modified ==============================
# Dropout and drop path draw from (seed, iteration, rank).
custom_hooks = [dict(type='StepSeedHook')]
