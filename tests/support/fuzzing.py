"""Files that are damaged or hostile, and what reading them may do.

In the suite every target sees the same few examples each time. By hand

    MMFUSION_FUZZ_SECONDS=600 pytest tests/test_fuzz.py -s

gives every target ten minutes of new ones, an hour in all. An input that ends
the interpreter is the last one in pytest's temporary folder.
"""
import os
import random
import time

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from mmfusion.utils.errors import UsageError

SECONDS = float(os.environ.get('MMFUSION_FUZZ_SECONDS', 0))
_NUMBERS = (0, 1, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1)

#: what JSON can hold, and Python's reader of it besides
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from([10**400, '\ud800', 'a\0b', '../x', '', -1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text(max_size=3), inner, max_size=3), max_leaves=6)


@st.composite
def damaged(draw, contents):
    """One of some files with a few wounds, or any bytes."""
    content = bytearray(draw(st.sampled_from(contents) | st.binary()))
    for _ in range(draw(st.integers(0, 5))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.integers(1, 8))
        wound = draw(
            st.sampled_from(
                ['bits', 'bytes', 'number', 'hole', 'twice', 'more', 'cut']))
        if wound == 'bits' and place < len(content):
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif wound == 'bytes':
            content[place:place + length] = draw(
                st.binary(min_size=length, max_size=length))
        elif wound == 'number':
            size = draw(st.sampled_from([2, 4]))
            number = draw(st.sampled_from(_NUMBERS)) % 256**size
            content[place:place + size] = number.to_bytes(
                size, draw(st.sampled_from(['little', 'big'])))
        elif wound == 'hole':
            del content[place:place + 8 * length]
        elif wound == 'twice':
            content[place:place] = content[place:place + 8 * length]
        elif wound == 'more':
            content[place:place] = draw(st.binary(max_size=8 * length))
        elif wound == 'cut':
            del content[place:]
    return bytes(content)


@st.composite
def changed(draw, make):
    """What ``make()`` gives, with a few entries of other kinds."""
    whole = make()
    for _ in range(draw(st.integers(1, 3))):
        node, key = [whole], 0
        while isinstance(node[key], (dict, list)) and node[key] and draw(
                st.integers(0, 5)):
            node = node[key]
            key = draw(
                st.sampled_from(
                    sorted(node) if isinstance(node, dict) else range(len(node)
                                                                      )))
        if draw(st.booleans()):
            node[key] = draw(json_values)
        elif isinstance(node, list):
            node.append(node[key])
        else:
            del node[key]
    return whole


def fuzz(strategy, check, examples):
    """Show a check many values.

    Args:
        strategy (SearchStrategy): Of the values.
        check (callable): Takes one.
        examples (int): How many in the suite.
    """
    count = 0

    def counted(value):
        nonlocal count
        count += 1
        check(value)

    options = dict(database=None, deadline=None,
                   suppress_health_check=list(HealthCheck))
    if not SECONDS:
        settings(max_examples=examples, derandomize=True,
                 **options)(given(strategy)(counted))()
        return
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        run = settings(max_examples=500, **options)(given(strategy)(counted))
        seed(random.getrandbits(64))(run)()
    print(f'{count} executions')


def result_of(function, *args, name):
    """What a call gives; None after an error that is one line with a name.

    Any other error passes, those that tell of a reader's inside included,
    such as ``UnicodeDecodeError``.
    """
    try:
        return function(*args)
    except (ValueError, FileNotFoundError) as error:
        if type(error) not in (ValueError, FileNotFoundError) and not \
                isinstance(error, UsageError):
            raise
        text = str(error)
        assert name in text and len(text.splitlines()) == 1, text
        return None
