"""``mmfusion demo``: the page until Ctrl-C."""
import threading
from collections.abc import Sequence

from mmfusion.utils.files import temporary_folder

from .fusing import PageModel
from .page import FusionPage
from .uploads import UploadLimits


def serve(models: Sequence[PageModel], host: str = '127.0.0.1',
          port: int | None = None, limits: UploadLimits | None = None) -> None:
    """Serve the page; a signal ends it.

    Args:
        models (sequence[PageModel]): What to choose from.
        host (str): See :meth:`FusionPage.launch`.
        port (int, optional): Likewise.
        limits (UploadLimits, optional): The largest file and image.
    """
    with temporary_folder() as folder:
        page = FusionPage(models, folder, limits or UploadLimits())
        served, url = page.launch(host, port)
        try:
            print(f'{url}  (Ctrl-C ends it)', flush=True)
            threading.Event().wait()
        finally:
            served.close()
