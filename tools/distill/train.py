"""Train the real-time student by the flags of its README; see --help."""
import sys

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli import distill_readme as distill_flags
from mmfusion.cli.flags import add_loading, loading_of
from mmfusion.cli.legacy import run


def main():
    parser = distill_flags.train_parser()
    add_loading(parser)
    args = parser.parse_args()
    import torch
    from mmengine.registry import DATASETS, init_default_scope

    from mmfusion.apis.training import run_training
    from mmfusion.utils.config_file import default_work_dir, load_config
    from mmfusion.utils.errors import UsageError
    from mmfusion.utils.loading_steps import state_loading

    name = distill_flags.train_config(args)

    def count_pairs(overrides):
        cfg = load_config(name, overrides)
        init_default_scope(cfg.default_scope)
        try:
            return len(DATASETS.build(cfg.train_dataloader.dataset))
        except ValueError as error:
            raise UsageError(str(error)) from error

    overrides = distill_flags.train_overrides(args, load_config(name),
                                              torch.cuda.is_available(),
                                              count_pairs)
    print(f'config: {name}')
    for key, value in overrides.items():
        print(f'  {key} = {value!r}')
    if args.dry_run:
        return 0
    cfg = load_config(name, overrides)
    state_loading(cfg, **loading_of(args))
    cfg.launcher = 'none'
    cfg.setdefault('work_dir', default_work_dir(cfg))
    run_training(cfg)
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
