"""What was used last stays in memory."""
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from mmfusion.utils.errors import check_least


class RecentCache:
    """Keeps the ``size`` values that were used last.

    Args:
        size (int): Most values; 0 keeps none.

    Raises:
        ValueError: If ``size`` is negative.
    """

    def __init__(self, size: int) -> None:
        check_least(0, cache_size=size)
        self.size = size
        self._values: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable) -> Any | None:
        """The value of ``key``, or None."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value; the one unused for longest makes room."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self.size:
            self._values.popitem(last=False)
