"""Screenshots for the guides, which tests make along (``make pictures``)."""
import os
from pathlib import Path

import cv2
import numpy as np

IMAGES = Path(__file__).resolve().parents[2] / 'docs/images'


def pictures_are_renewed() -> bool:
    """Whether tests shall write the committed pictures."""
    return bool(os.environ.get('MMFUSION_PICTURES'))


def keep_screenshot(page, name: str, folder: Path,
                    whole: bool = False) -> np.ndarray:
    """Take a screenshot of a browser's page.

    Args:
        page: Of playwright.
        name (str): Of the file, without its suffix.
        folder (Path): Where it goes, unless pictures are renewed.
        whole (bool): Whether to take what lies below the window, too.

    Returns:
        np.ndarray: What it shows, BGR.
    """
    path = (IMAGES if pictures_are_renewed() else folder) / f'{name}.jpg'
    page.screenshot(path=path, type='jpeg', quality=70, full_page=whole)
    return cv2.imread(str(path))
