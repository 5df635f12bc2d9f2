"""Parts of self-contained HTML pages."""
import base64
import html
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

#: style sheet that the project's pages share: light and dark, no fonts
PAGE_STYLE = Path(__file__).with_name('page.css').read_text(encoding='utf-8')


def data_uri(image: np.ndarray, quality: int = 88) -> str:
    """RGB image (H, W, 3) ``uint8`` as an inline JPEG."""
    _, code = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
                           [cv2.IMWRITE_JPEG_QUALITY, quality])
    return 'data:image/jpeg;base64,' + base64.b64encode(code).decode()


def html_figure(caption: str, uri: str) -> str:
    """A captioned image; the caption is also its alternative text."""
    caption = html.escape(caption)
    return (f'<figure><img src="{uri}" alt="{caption}">'
            f'<figcaption>{caption}</figcaption></figure>')


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""

    def line(tag, cells):
        return ''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)

    body = ''.join(f'<tr>{line("td", row)}</tr>' for row in rows)
    return ('<div class="wide"><table><thead><tr>' + line('th', head) +
            f'</tr></thead><tbody>{body}</tbody></table></div>')
