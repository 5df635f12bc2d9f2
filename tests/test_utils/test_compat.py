"""What is changed of mmengine's behaviour."""
from mmengine.config import Config
from yapf.yapflib import yapf_api

from mmfusion.utils.compat import format_configs_once


def test_a_config_is_formatted_once(monkeypatch):
    calls = []
    plain = yapf_api.FormatCode
    monkeypatch.setattr(
        yapf_api, 'FormatCode', lambda *args, **kwargs:
        (calls.append(args), plain(*args, **kwargs))[1])
    format_configs_once()
    once = yapf_api.FormatCode
    format_configs_once()
    assert yapf_api.FormatCode is once, 'wrapped twice'
    first, second = Config(dict(a=1, b=[2])), Config(dict(a=3))
    text = first.pretty_text
    assert text == first.pretty_text == 'a = 1\nb = [\n    2,\n]\n'
    assert len(calls) == 1
    assert second.pretty_text == 'a = 3\n'
    first.a = 4
    assert first.pretty_text == 'a = 4\nb = [\n    2,\n]\n'
    assert len(calls) == 3
