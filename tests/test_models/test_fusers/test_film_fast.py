"""FILM's band-wise inference equals the plain network."""
import threading

import pytest
import torch

from mmfusion.models.fusers import FILMFusion
from mmfusion.models.fusers.fast import film as film_fast
from mmfusion.models.fusers.fast import rows as rows_module
from mmfusion.models.fusers.fast.rows import bands
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


# bands of several heights: one row left over, none, the whole image
@pytest.mark.parametrize('size, pixels', [((1, 1), 64), ((1, 70), 64),
                                          ((70, 1), 64), ((33, 16), 64),
                                          ((32, 16), 64), ((9, 200), 64),
                                          ((60, 90), 1000), ((60, 90), 100000),
                                          ((37, 50), 50 * 36),
                                          ((37, 50), 50 * 37)])
@torch.inference_mode()
def test_equals_the_network(fuser, monkeypatch, size, pixels):
    # of the widest map, of 256 channels
    monkeypatch.setattr(rows_module, 'BUDGET', pixels * 256 * 4)
    monkeypatch.setattr(film_fast, 'QUERIES', 4)
    fast = fuser.optimize_for_inference()
    inputs = reference_input(2, *size, 9)
    expected = fuser.double().fuse_luma(**{
        k: v.double() for k, v in inputs.items()
    })
    fuser.float()
    torch.testing.assert_close(
        fast.fuse_luma(**inputs).double(), expected, atol=1e-4, rtol=0)


def test_unseen_rows_cover_the_image_once(monkeypatch):
    monkeypatch.setattr(rows_module, 'BUDGET', 3 * 4)
    for height in range(1, 12):
        parts = bands(torch.empty(1, 1, height, 1))
        unseen = [film_fast.unseen(rows) for rows in parts]
        assert [y for p in unseen
                for y in range(p.first, p.end)] == list(range(height))
        assert all(p.end == min(rows.end + 1, height)
                   for p, rows in zip(unseen, parts, strict=True))


def test_other_ways_take_the_network(monkeypatch):
    """Gradients of images or text, autocast, double precision."""
    fuser = film(token_grid=GRID)
    fast = fuser.optimize_for_inference()
    inputs = reference_input(1, 20, 30, 5)
    gradients = []
    for network in (fast, fuser):
        ir = inputs['ir'].clone().requires_grad_()
        network.fuse_luma(**{**inputs, 'ir': ir}).sum().backward()
        gradients.append(ir.grad)
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-3)
    assert gradients[0].abs().max() > 0
    monkeypatch.setattr(film_fast.FastRestormer, 'forward', None)
    text = inputs['text'].clone().requires_grad_()
    fast.fuse_luma(**{**inputs, 'text': text}).sum().backward()
    assert text.grad.abs().max() > 0
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


def test_scratch_is_kept_and_not_shared(fuser):
    """Two threads and two modes, each with the result of a call alone."""
    fast = fuser.optimize_for_inference()
    scratch = fast.fast.scratch
    inputs = [reference_input(1, 40, 60, 5), reference_input(1, 24, 24, 7)]
    with torch.inference_mode():
        expected = [fast.fuse_luma(**x) for x in inputs]
    kept, = scratch._spare
    results = [[], []]

    def work(index):
        with torch.no_grad():  # after inference mode
            for _ in range(5):
                results[index].append(fast.fuse_luma(**inputs[index]))

    work(0)
    assert scratch._spare[0] is kept
    like = torch.zeros(1)
    with scratch.take(3, like) as one, scratch.take(3, like) as two:
        assert one.data_ptr() != two.data_ptr()
    threads = [threading.Thread(target=work, args=(i, )) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scratch._spare) == 1
    for found, wanted, count in zip(results, expected, (10, 5), strict=True):
        assert len(found) == count
        for x in found:
            torch.testing.assert_close(x, wanted)
