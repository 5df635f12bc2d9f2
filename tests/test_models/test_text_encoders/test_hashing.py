"""Words as random vectors."""
import pytest
import torch

from mmfusion.apis.text import parse_encoder
from mmfusion.registry import TEXT_ENCODERS


def build(**options):
    return TEXT_ENCODERS.build(dict(parse_encoder('hash'), **options))


def test_words_have_vectors_of_their_own():
    encoder = build(out_channels=32)
    first, second = encoder.features(['A car, a man', 'a MAN by day'])
    assert first.shape == (4, 32) and second.shape == (4, 32)
    assert torch.equal(first[0], first[2])  # a
    assert torch.equal(first[3], second[1])  # man
    assert not torch.allclose(first[0], first[1])
    assert abs(build().features(['x'])[0].std() - 1) < 0.1


def test_repeatable_and_by_seed():
    one, two, other = (build(seed=seed).features(['a car'])[0]
                       for seed in (0, 0, 1))
    assert torch.equal(one, two) and not torch.allclose(one, other)
    assert build(max_length=2).features(['a b c'])[0].shape == (2, 768)
    assert build(seed=3).describe() == dict(type='HashTextEncoder',
                                            max_length=512, out_channels=768,
                                            seed=3)


@pytest.mark.parametrize('text', ['', '...'])
def test_no_words(text):
    with pytest.raises(ValueError, match='Expected a text'):
        build().features([text])


def test_width():
    with pytest.raises(ValueError, match='out_channels'):
        build(out_channels=0)
