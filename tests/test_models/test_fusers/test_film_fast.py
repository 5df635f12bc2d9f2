"""FILM's strip-wise inference equals the plain network."""
import threading

import pytest
import torch

from mmfusion.models.fusers import FILMFusion
from mmfusion.models.fusers.fast import film as film_fast
from tests.support.film_cases import GRID, film, golden_state
from tests.support.references.film import reference_input

# (H, W, L) -> mean, std; values; tolerance
GOLDEN = {
    (288, 384, 149): ((0.502691361, 0.262301272), {
        (0, 0): 0.501606044,
        (144, 192): 0.958687718,
        (287, 383): 0.629655281,
        (3, 382): 0.262093723
    }, 2e-5),
    (300, 420, 32): ((0.495420, 0.263071), {
        (0, 0): 0.26572,
        (150, 210): 0.53478,
        (299, 419): 0.56420,
        (3, 418): 0.09969
    }, 5e-5),
}


@pytest.fixture(scope='module')
def fuser():
    return film(token_grid=GRID)


@pytest.mark.parametrize('case', GOLDEN)
@torch.inference_mode()
def test_golden(case):
    (mean, std), values, tolerance = GOLDEN[case]
    fuser = film(golden_state()).optimize_for_inference()
    fused = fuser.fuse_luma(**reference_input(1, *case))
    assert fused.mean().item() == pytest.approx(mean, abs=1e-6)
    assert fused.std(unbiased=False).item() == pytest.approx(std, abs=2e-6)
    for (y, x), value in values.items():
        assert fused[0, 0, y, x].item() == pytest.approx(value, abs=tolerance)


# strips of several heights: one row left over, none, the whole image
@pytest.mark.parametrize('size, pixels', [((1, 1), 64), ((1, 70), 64),
                                          ((70, 1), 64), ((33, 16), 64),
                                          ((32, 16), 64), ((9, 200), 64),
                                          ((60, 90), 1000), ((60, 90), 100000),
                                          ((37, 50), 50 * 36),
                                          ((37, 50), 50 * 37)])
@torch.inference_mode()
def test_equals_the_network(fuser, monkeypatch, size, pixels):
    monkeypatch.setattr(film_fast, 'STRIP_PIXELS', pixels)
    monkeypatch.setattr(film_fast, 'QUERIES', 4)
    fast = fuser.optimize_for_inference()
    inputs = reference_input(2, *size, 9)
    expected = fuser.double().fuse_luma(**{
        k: v.double()
        for k, v in inputs.items()
    })
    fuser.float()
    torch.testing.assert_close(
        fast.fuse_luma(**inputs).double(), expected, atol=1e-4, rtol=0)


def test_strips_cover_the_image_once():
    for height in range(1, 12):
        for rows in range(1, height + 1):
            parts = list(film_fast.strips(height, rows))
            assert [y for p in parts
                    for y in range(p.first, p.last)] == list(range(height))
            assert [y for p in parts
                    for y in range(p.new, p.end)] == list(range(height))
            assert all(p.end == min(p.last + 1, height) for p in parts)


def test_buffers_are_kept_and_not_shared(fuser):
    fast = fuser.optimize_for_inference()
    assert len(fast._fast._spare) == 0
    inputs = [reference_input(1, 40, 60, 5), reference_input(1, 40, 60, 7)]
    with torch.inference_mode():
        expected = [fast.fuse_luma(**x) for x in inputs]
    first = fast._fast._spare[0]
    with torch.no_grad():  # after inference mode
        torch.testing.assert_close(fast.fuse_luma(**inputs[0]), expected[0])
    assert fast._fast._spare == [first]
    results = [[], []]

    def work(index):
        with torch.no_grad():
            for _ in range(5):
                results[index].append(fast.fuse_luma(**inputs[index]))

    threads = [threading.Thread(target=work, args=(i, )) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found, wanted in zip(results, expected, strict=True):
        assert len(found) == 5
        for x in found:
            torch.testing.assert_close(x, wanted)
    with torch.no_grad():
        fast.fuse_luma(**reference_input(1, 24, 24, 5))
    assert [work.size for work in fast._fast._spare] == [(24, 24)]


def test_other_ways_take_the_network(fuser, monkeypatch):
    """Gradients of the images, autocast, double precision."""
    fast = fuser.optimize_for_inference()
    monkeypatch.setattr(fast._fast, 'forward', None)
    inputs = reference_input(1, 20, 30, 5)
    ir = inputs['ir'].clone().requires_grad_()
    fast.fuse_luma(inputs['vis_luma'], ir,
                   text=inputs['text']).sum().backward()
    assert ir.grad.abs().max() > 0
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        fast.fuse_luma(**inputs)
    with torch.no_grad():
        double = {key: value.double() for key, value in inputs.items()}
        assert fast.double().fuse_luma(**double).dtype == torch.float64
        fast.float()
        with pytest.raises(TypeError):
            fast.fuse_luma(**inputs)


def test_benchmark_entry(monkeypatch):
    from benchmarks import fusers
    from benchmarks.naive.film import Stage
    monkeypatch.setattr(Stage, 'grid', GRID)
    method = fusers.METHODS['film']
    monkeypatch.setitem(method.config, 'token_grid', GRID)
    networks = [
        fusers.build('film', variant, same_weights=True)
        for variant in fusers.VARIANTS
    ]
    assert isinstance(networks[1], FILMFusion) and method.config['with_cp']
    vis, ir = torch.rand(1, 3, 24, 32), torch.rand(1, 1, 24, 32)
    with torch.inference_mode():
        naive, = method.run_naive(networks[0], vis, ir)
        ours, = method.run_ours(networks[1].optimize_for_inference(), vis, ir)
    torch.testing.assert_close(ours, naive, atol=1e-5, rtol=0)
