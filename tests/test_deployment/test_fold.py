"""BatchNorm goes where it may, and nowhere else."""
import pytest
import torch
from torch import nn

from mmfusion.deployment import fold_batch_norm, reparameterize
from tests.support.deployment_cases import randomize


class Net(nn.Module):
    """Registers its layers in another order than it calls them."""

    def __init__(self):
        super().__init__()
        self.norm2 = nn.BatchNorm2d(4)
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.alone = nn.BatchNorm2d(3)
        self.conv2 = nn.Conv2d(4, 4, 3, padding_mode='reflect', padding=1)
        self.norm1 = nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.norm1(self.conv1(self.alone(x))).relu()
        return self.norm2(self.conv2(x))


class Twice(nn.Module):
    """A convolution whose result is read beside its BatchNorm."""

    def __init__(self, shared):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.shared = shared

    def forward(self, x):
        if self.shared:  # seen: called twice, normalized once
            return self.norm(self.conv(x)) + self.conv(2 * x)
        y = self.conv(x)
        return self.norm(y) + y


def make(net):
    randomize(net)
    return net.eval().requires_grad_(False)


def test_pairs_are_found_by_running():
    net = make(Net())
    x = torch.rand(2, 3, 9, 9)
    expected = net(x)
    assert fold_batch_norm(net, dict(x=x)) == 2
    assert isinstance(net.norm1, nn.Identity)
    assert isinstance(net.norm2, nn.Identity)
    assert isinstance(net.alone, nn.BatchNorm2d)
    assert net.conv2.padding_mode == 'reflect'
    torch.testing.assert_close(net(x), expected)


def test_shared_convolutions_stay():
    net = make(Twice(shared=True))
    x = torch.rand(1, 3, 5, 5)
    expected = net(x)
    assert fold_batch_norm(net, dict(x=x)) == 0
    torch.testing.assert_close(net(x), expected)


def test_changed_outputs_are_an_error():
    net = make(Twice(shared=False))
    with pytest.raises(RuntimeError, match='fold=False'):
        fold_batch_norm(net, dict(x=torch.rand(1, 3, 5, 5)))


def test_changed_in_place_before_the_norm():
    net = make(
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True),
                      nn.BatchNorm2d(3)))
    assert fold_batch_norm(net, dict(input=torch.rand(1, 3, 5, 5))) == 0


@pytest.mark.parametrize('name', ['switch_to_deploy', 'reparameterize'])
def test_branches_are_merged(name):

    class Branches(nn.Module):

        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
            self.merged = None

        def forward(self, x):
            return self.merged(x) if self.merged else self.a(x) + self.b(x)

        def merge(self):
            self.merged = nn.Conv2d(3, 3, 1)
            self.merged.weight.data = self.a.weight + self.b.weight
            self.merged.bias.data = self.a.bias + self.b.bias
            del self.a, self.b

    setattr(Branches, name, Branches.merge)
    net = nn.Sequential(Branches(), Branches()).eval()
    x = torch.rand(1, 3, 4, 4)
    expected = net(x)
    assert reparameterize(net) == 2
    torch.testing.assert_close(net(x), expected)
    assert len(list(net.parameters())) == 4
