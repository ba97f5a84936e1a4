"""Any module trains as a part of a recipe, and its logits are found."""

from types import SimpleNamespace

import pytest
import torch
from images import checked, tiny_recipe
from torch import nn

from weakseg import Fit, Phase, SeedsOnly, load, train_recipe
from weakseg.errors import NetworkUnavailable, RecipeInvalid, RunInvalid
from weakseg.networks import FromModule
from weakseg.typing import NetworkSpec


class Wrapped(nn.Module):
    """Logits as other libraries give them."""

    def __init__(self, channels: int, classes: int, wrap):
        super().__init__()
        self.layer, self.wrap = nn.Conv2d(channels, classes, 3, padding=1), wrap

    def forward(self, image):
        """In a tensor, an object or a dict."""
        return self.wrap(self.layer(image))


WRAPS = {
    "tensor": lambda logits: logits,
    "transformers": lambda logits: SimpleNamespace(logits=logits),
    "torchvision": lambda logits: {"out": logits, "aux": logits},
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_logits_come_out_whatever_they_are_wrapped_in(wrap):
    """The same numbers, and gradients that reach the module."""
    network = FromModule(lambda channels, classes: Wrapped(channels, classes, wrap)).build(3, 5)
    image = torch.rand(2, 3, 8, 8)
    logits = network(image)
    layer = next(each for each in network.modules() if isinstance(each, nn.Conv2d))
    assert torch.equal(logits, layer(image))
    logits.sum().backward()
    assert layer.weight.grad is not None


def make_network(channels: int, classes: int) -> nn.Module:
    """A network of one layer."""
    return nn.Conv2d(channels, classes, 3, padding=1)


def test_a_run_with_it_trains_resumes_and_is_opened_with_the_same_function(tmp_path):
    """Without the function, the message says what is needed."""
    spec = FromModule(make_network)
    assert isinstance(spec, NetworkSpec)
    recipe = tiny_recipe(network=spec, phases=(Phase(Fit(SeedsOnly()), epochs=1),))
    run = train_recipe(recipe, tmp_path / "run", device="cpu")
    train_recipe(recipe, tmp_path / "run", device="cpu", resume=True)
    with pytest.raises(RunInvalid, match="your own code"):
        load(run.path)
    assert load(run.path, network=spec)(recipe.training[0].image).shape == (2, 24, 24)


def test_what_is_no_module_and_a_module_itself_are_refused():
    """A recipe makes its network anew for each run, so it needs the function."""
    with pytest.raises(NetworkUnavailable, match=r"make_network\(3, 5\) gave int"):
        FromModule(lambda channels, classes: 3).build(3, 5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(RecipeInvalid, match=r"network is a Conv2d module; give FromModule\(make_network\)"):
        checked(tiny_recipe(), "network", nn.Conv2d(1, 2, 3))
