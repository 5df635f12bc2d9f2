"""Draws losses, learning rates and validation scores while training."""
import math
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from mmfusion.registry import HOOKS
from mmfusion.utils.errors import check_least
from mmfusion.utils.files import finished_file

_STATE = 'mmfusion_curves'


class Curve:
    """A series of any length in bounded memory.

    Neighbouring points are averaged in pairs when the series is full, so
    that every kept point stands for the same number of values.

    Args:
        capacity (int): Points kept, at least 2 and even.
        state (dict, optional): Of an earlier curve, see :attr:`state`.
    """

    def __init__(self, capacity: int, state: dict = None) -> None:
        if capacity < 2 or capacity % 2:
            raise ValueError('Expected an even capacity of at least 2, got '
                             f'{capacity}.')
        self.capacity = capacity
        #: plain numbers and lists: goes into checkpoints
        self.state = state or dict(x=[], y=[], stride=1, sums=[0., 0.], n=0)

    def add(self, x: float, y: float) -> None:
        """Append a point; values that are not finite are left out."""
        if not math.isfinite(y):
            return
        state = self.state
        state['sums'][0] += x
        state['sums'][1] += y
        state['n'] += 1
        if state['n'] < state['stride']:
            return
        state['x'].append(state['sums'][0] / state['n'])
        state['y'].append(state['sums'][1] / state['n'])
        state['sums'], state['n'] = [0., 0.], 0
        if len(state['x']) >= self.capacity:
            for key in 'xy':
                values = state[key]
                state[key] = [
                    (a + b) / 2
                    for a, b in zip(values[::2], values[1::2], strict=True)
                ]
            state['stride'] *= 2

    @property
    def points(self) -> tuple[list[float], list[float]]:
        """Positions and values, the unfinished last average included."""
        state = self.state
        if not state['n']:
            return state['x'], state['y']
        return (state['x'] + [state['sums'][0] / state['n']],
                state['y'] + [state['sums'][1] / state['n']])


def draw_curves(groups: dict[str, dict[str, tuple[list, list]]],
                path: Path) -> None:
    """Draw groups of curves below each other into one PNG.

    Args:
        groups (dict): Title to {label: (x values, y values)}. A group whose
            values are all positive and span a factor of 20 gets a
            logarithmic axis.
        path (Path): Target file; it appears complete or not at all.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    groups = {title: curves for title, curves in groups.items() if curves}
    if not groups:
        return
    figure = Figure(figsize=(9, 2.6 * len(groups) + 0.4), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (title, curves) in zip(axes, groups.items(), strict=True):
        values = [value for _, y in curves.values() for value in y]
        for label, (x, y) in curves.items():
            axis.plot(x, y, label=label, linewidth=1.2,
                      marker='.' if len(x) < 12 else None)
        if min(values) > 0 and max(values) > 20 * min(values):
            axis.set_yscale('log')
        axis.set_title(title, loc='left', fontsize=10)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7, loc='center left', bbox_to_anchor=(1, 0.5))
    axes[-1].set_xlabel('iteration')
    with finished_file(path) as draft:
        figure.savefig(draft, dpi=100, format='png')


@HOOKS.register_module()
class LossCurveHook(Hook):
    """Writes ``curves.png`` into the work folder while training.

    Drawn are all loss terms, the learning rates and the validation scores
    (one axis for every order of magnitude). Time and memory do not grow with
    the length of the training, and the curves continue after a resume.

    Args:
        interval (int): Iterations between two drawings; there is one at the
            end in any case. Defaults to 500.
        max_points (int): Points kept a curve, even. Defaults to 400.
        out_file (str): Name of the file in the work folder.

    Raises:
        ValueError: If ``interval`` is below 1 or ``max_points`` not even.
    """
    # After RuntimeInfoHook, which has fetched the values from the device.
    priority = 'BELOW_NORMAL'

    def __init__(self, interval: int = 500, max_points: int = 400,
                 out_file: str = 'curves.png') -> None:
        check_least(1, interval=interval)
        Curve(max_points)
        self.interval = interval
        self.max_points = max_points
        self.out_file = out_file
        self._curves: dict[str, dict[str, Curve]] = {}

    def before_train(self, runner) -> None:
        """Take up the curves of a resumed run from the message hub."""
        hub = runner.message_hub
        state = hub.runtime_info.get(_STATE)
        if state is None or runner.iter == 0:
            state = dict(losses={}, rates={}, scores={})
        self._curves = {
            group: {
                name: Curve(self.max_points, curve)
                for name, curve in curves.items()
            } for group, curves in state.items()
        }
        # The hub's copy shares the curves' state, so every checkpoint holds
        # the latest one.
        self._shared = state
        hub.update_info(_STATE, state)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        scalars = runner.message_hub.log_scalars
        for name in outputs or {}:
            if 'loss' in name and f'train/{name}' in scalars:
                self._add('losses', name, runner.iter + 1,
                          scalars[f'train/{name}'].current())
        for key, values in scalars.items():
            if key.startswith('train/') and key.endswith('lr'):
                self._add('rates', key[len('train/'):], runner.iter + 1,
                          values.current())
        if self.every_n_train_iters(runner, self.interval):
            self._draw(runner)

    def after_val_epoch(self, runner, metrics=None) -> None:
        if not self._curves:  # validation without training
            return
        for name, value in (metrics or {}).items():
            if isinstance(value, (int, float)):
                self._add('scores', name, runner.iter, value)

    def after_train(self, runner) -> None:
        self._draw(runner)

    def _add(self, group: str, name: str, x: float, y: float) -> None:
        curves = self._curves[group]
        if name not in curves:
            curves[name] = Curve(self.max_points)
            self._shared[group][name] = curves[name].state
        curves[name].add(x, float(y))

    def _draw(self, runner) -> None:
        if not is_main_process():
            return
        points = {
            group: {
                name: curve.points for name, curve in curves.items()
                if curve.points[0]
            } for group, curves in self._curves.items()
        }
        groups = {'loss': points['losses'], 'learning rate': points['rates']}
        for name, curve in points['scores'].items():
            top = max(map(abs, curve[1]))
            order = math.floor(math.log10(top)) if top else 0
            groups.setdefault(f'validation (1e{order})', {})[name] = curve
        draw_curves(groups, Path(runner.work_dir) / self.out_file)
