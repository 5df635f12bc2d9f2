"""What is changed of mmengine's behaviour."""
from mmengine.config import Config
from yapf.yapflib import yapf_api

from mmfusion.utils.compat import format_configs_once


def test_a_config_is_formatted_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        yapf_api, 'FormatCode', lambda text, style_config:
        (calls.append(text), (f'{text}  # formatted', True))[1])
    format_configs_once()
    once = yapf_api.FormatCode
    format_configs_once()
    assert yapf_api.FormatCode is once, 'wrapped twice'
    first, second = Config(dict(a=1)), Config(dict(a=3))
    assert first.pretty_text == first.pretty_text == 'a=1  # formatted'
    assert calls == ['a=1']
    assert second.pretty_text == 'a=3  # formatted'
    first.a = 4
    assert first.pretty_text == 'a=4  # formatted'
    assert calls == ['a=1', 'a=3', 'a=4']
