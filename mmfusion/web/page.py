"""The page: fields, buttons, and what happens when they are used."""
import itertools
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmfusion.datasets.synthetic import generate_scene
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_image, write_text
from mmfusion.utils.packages import require_package

from .fusing import FusedPair, PageFuser, PageModel
from .uploads import UploadLimits, check_upload, show_upload

#: longest side of an image on the page; the download has all pixels
_SHOWN = 1600
#: results that stay on disk
_KEPT = 20
#: seeds and times of day of the example pairs
_EXAMPLES = ((7, True), (3, False), (11, True))
#: choice -> how pairs that do not fit are loaded
_MISFIT = {
    'refuse other sizes': {},
    'register the infrared image': dict(register='auto'),
    'resize the infrared image': dict(on_size_mismatch='resize_ir'),
    'resize the visible image': dict(on_size_mismatch='resize_vis'),
}
_DEPTH = {'full range': 'full', 'stretched to its values': 'minmax'}
_ROLES = ['visible', 'infrared']
_BUTTONS = ['download', 'fullscreen']  # none that shares with others
_FONT = ['system-ui', 'sans-serif']  # nothing from other servers
_STYLE = '''
#message {border-left: 4px solid #b3421f; padding: 4px 12px}
#scores table {margin: 0}
#scores td, #scores th {padding: 1px 10px}
'''


@dataclass
class FusionPage:
    """A page on top of a :class:`PageFuser`.

    Args:
        models (sequence[PageModel]): What to choose from, the first is
            chosen.
        folder (Path): For examples, results and uploads; its content goes
            with the page.
        limits (UploadLimits): The largest file and image.

    Raises:
        UsageError: If gradio is not installed.
    """
    models: Sequence[PageModel]
    folder: Path
    limits: UploadLimits = field(default_factory=UploadLimits)

    def __post_init__(self) -> None:
        # before the import, which reads them
        os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
        os.environ['GRADIO_TEMP_DIR'] = str(self.folder / 'uploads')
        self.gradio: Any = require_package(
            'gradio', "Install it: pip install 'mmfusion[web]'.", UsageError)
        self.fuser = PageFuser({model.title: model for model in self.models})
        self._numbers = itertools.count()

    def launch(self, host: str = '127.0.0.1',
               port: int | None = None) -> tuple[Any, str]:
        """Serve the page until its ``close()`` is called.

        Args:
            host (str): Address to listen at. The default is reached from
                this machine alone.
            port (int, optional): Defaults to the first free one from 7860
                on.

        Returns:
            tuple[gradio.Blocks, str]: The page, and its address.

        Raises:
            UsageError: If the port is taken.
        """
        page = self.build()
        try:
            _, url, _ = page.queue(max_size=16).launch(
                server_name=host, server_port=port, share=False, quiet=True,
                prevent_thread_lock=True, show_error=True, ssr_mode=False,
                run_history=False, enable_monitoring=False, footer_links=[],
                max_file_size=int(self.limits.megabytes * 1e6),
                allowed_paths=[str(self.folder)], css=_STYLE,
                theme=self.gradio.themes.Default(font=_FONT,
                                                 font_mono=['monospace']))
        except OSError as error:
            raise UsageError(
                f'Expected a free port, got {port or "7860 to 7959"} '
                f'({error}). Name another: --port.') from error
        return page, url

    def build(self) -> Any:
        """The page, not yet served."""
        gr = self.gradio
        with gr.Blocks(title='mmfusion', analytics_enabled=False,
                       delete_cache=(600, 3600)) as page:
            gr.Markdown('# mmfusion\nTwo images of one scene become one. '
                        'They stay on the machine that serves this page.')
            with gr.Row():
                zones = [self._drop_zone(role) for role in _ROLES]
            files = [file for file, _ in zones]
            examples = gr.Dataset(
                label='Example pairs', type='index', samples=self._examples(),
                components=[gr.Image(render=False) for _ in _ROLES])
            with gr.Row():
                model = gr.Dropdown(list(self.fuser.models), label='Model',
                                    elem_id='model')
                misfit = gr.Radio(list(_MISFIT), value='refuse other sizes',
                                  label='Pairs that do not fit',
                                  elem_id='misfit')
                depth = gr.Radio(list(_DEPTH), value='full range',
                                 label='16-bit images', elem_id='depth')
            button = gr.Button('Fuse', variant='primary', elem_id='fuse')
            message = gr.Markdown(visible=False, elem_id='message')
            with gr.Column(visible=False, elem_id='result') as result:
                beside = gr.Radio(_ROLES, value='visible', elem_id='beside',
                                  label='Compare the fused image with')
                with gr.Row():
                    with gr.Column(scale=4):
                        slider = gr.ImageSlider(show_label=False,
                                                elem_id='slider',
                                                interactive=False)
                        overlay = gr.Image(label='Segmentation',
                                           elem_id='overlay',
                                           interactive=False, buttons=_BUTTONS)
                    scores = gr.Markdown(elem_id='scores')
                lines = gr.Code(language='python', interactive=False,
                                label='The same in Python', elem_id='lines')
                with gr.Row():
                    image = gr.DownloadButton('Download the fused image',
                                              elem_id='image')
                    script = gr.DownloadButton('Download the Python lines',
                                               elem_id='script')
            stored = gr.State()

            for role, (file, shown) in zip(_ROLES, zones, strict=True):
                file.change(partial(self._show, role), [file, depth],
                            [shown, message, result])
            examples.click(self._example, examples, files)
            button.click(self._fuse, [*files, model, misfit, depth, beside], [
                message, result, slider, overlay, scores, lines, image, script,
                stored
            ], concurrency_limit=1)
            beside.change(_compared, [stored, beside], slider)
        return page

    def _drop_zone(self, role: str) -> tuple[Any, Any]:
        """A field for a file, and what shows the file."""
        gr = self.gradio
        with gr.Column():
            file = gr.File(label=f'{role.capitalize()} image', height=140,
                           elem_id=role)
            shown = gr.Image(show_label=False, interactive=False, height=260,
                             elem_id=f'{role}-shown', buttons=_BUTTONS)
        return file, shown

    def _examples(self) -> list[list[str]]:
        """Files of the generator's pairs."""
        pairs = []
        for seed, night in _EXAMPLES:
            scene = generate_scene(seed, night=night)
            folder = self.folder / 'examples' / f'{seed}'
            pairs.append([str(folder / f'{role}.png') for role in _ROLES])
            for path, image in zip(pairs[-1], (scene['vis'], scene['ir']),
                                   strict=True):
                write_image(path, image)
        self.pairs = pairs
        return pairs

    def _example(self, index: int) -> list[str]:
        return self.pairs[index]

    def _show(self, role: str, path: str | None, depth: str) -> tuple:
        """Shows a file that was dropped, or says what is wrong with it."""
        gr = self.gradio
        if path is None:
            return None, gr.skip(), gr.update(visible=False)
        try:
            image = show_upload(path, role, self.limits, _DEPTH[depth])
        except UsageError as error:
            return None, self._message([str(error)]), gr.update(visible=False)
        return _small(image), self._message([]), gr.update(visible=False)

    def _fuse(self, vis: str | None, ir: str | None, model: str, misfit: str,
              depth: str, beside: str) -> list:
        """What the button does: all parts of the result."""
        gr = self.gradio
        try:
            for path, role in zip((vis, ir), _ROLES, strict=True):
                check_upload(path, role, self.limits)
            pair = self.fuser(model, str(vis), str(ir),
                              uint16_range=_DEPTH[depth], **_MISFIT[misfit])
            stored = self._store(pair)
        except UsageError as error:
            return [
                self._message([str(error)]),
                gr.update(visible=False), *[gr.skip()] * 7
            ]
        table = ''.join(f'| {name} | {value:.4g} |\n'
                        for name, value in pair.scores)
        height, width = pair.fused.shape[:2]
        overlay = stored / 'overlay.jpg'
        return [
            self._message(pair.notes),
            gr.update(visible=True),
            _compared(str(stored), beside),
            gr.update(value=str(overlay) if overlay.is_file() else None,
                      visible=overlay.is_file()),
            f'{width}x{height} pixels, arrows: the better\n\n'
            f'| metric | value |\n|---|---|\n{table}', pair.lines,
            str(stored / 'fused.png'),
            str(stored / 'fuse.py'),
            str(stored)
        ]

    def _message(self, lines: list[str]) -> Any:
        return self.gradio.update(value='\n\n'.join(map(_plain, lines)),
                                  visible=bool(lines))

    def _store(self, pair: FusedPair) -> Path:
        """Files of a result, in a folder of their own."""
        number = next(self._numbers)
        shutil.rmtree(self.folder / f'results/{number - _KEPT}',
                      ignore_errors=True)
        folder = self.folder / f'results/{number}'
        shown = dict(zip(_ROLES, pair.sources, strict=True), fused=pair.fused,
                     overlay=pair.overlay)
        for name, image in shown.items():
            if image is not None:
                write_image(folder / f'{name}.jpg', _small(image))
        write_image(folder / 'fused.png', pair.fused)
        write_text(folder / 'fuse.py', pair.lines)
        return folder


def _compared(stored: str | None, beside: str) -> tuple[str, str] | None:
    """Both images of the slider."""
    return stored and (f'{stored}/{beside}.jpg', f'{stored}/fused.jpg')


def _small(image: np.ndarray) -> np.ndarray:
    """An image as large as the page needs it."""
    scale = _SHOWN / max(image.shape[:2])
    return image if scale >= 1 else cv2.resize(image, None, fx=scale, fy=scale,
                                               interpolation=cv2.INTER_AREA)


def _plain(text: str) -> str:
    """A message as Markdown that says just this."""
    return re.sub(r'([\\`*_{}\[\]<>#|~&$])', r'\\\1', text)
