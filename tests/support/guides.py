"""Code of the guides."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def code_blocks(page: str) -> list[str]:
    """Python blocks of a page, named from the repository's root."""
    text = (ROOT / page).read_text(encoding='utf-8')
    return re.findall(r'```python\n(.*?)```', text, flags=re.S)


def entries(block: str) -> dict:
    """What a block of a config says."""
    space: dict = {}
    exec(block, space)
    return space
