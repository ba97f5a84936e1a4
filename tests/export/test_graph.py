"""Every network of docs/networks.md as an ONNX graph of any size: what it gives is what the network gives."""

import numpy as np
import pytest
import torch
from tiny_networks import CONFIGS
from torch import nn
from torch.nn import functional as F

from weakseg.errors import NetworkUnavailable
from weakseg.evaluation.onnx_predictor import OnnxPredictor, session_of
from weakseg.evaluation.predictor import Predictor
from weakseg.export.about import About
from weakseg.export.graph import _AnySizePool, whole_image
from weakseg.export.onnx_file import eager, write_onnx
from weakseg.networks import FromModule, FrozenStatistics, ImageLevelPrior, UNet
from weakseg.pretrained.deeplab import DeepLabV3Plus
from weakseg.pretrained.pretrained import Untrained
from weakseg.pretrained.vgg import Vgg16LargeFov
from weakseg.types import Classes

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
pytest.importorskip("onnx", reason="the extra onnx is not installed")

CLASSES = Classes(("a", "b", "c", "d", "e"))
ABOUT = About("marks on 3 % of the pixels", "", "none", {"format": 2}, {})


def make_network(channels: int, classes: int) -> nn.Module:
    """A network of one's own."""
    return nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, classes, 1))


OWN = {
    "UNet": UNet(width=8, depth=2),
    "DeepLabV3Plus": DeepLabV3Plus(width=8),
    "Vgg16LargeFov": Vgg16LargeFov(width=8),
    "FromModule": FromModule(make_network),
    "FrozenStatistics": FrozenStatistics(FromModule(make_network)),
    "ImageLevelPrior": ImageLevelPrior(UNet(width=8, depth=1)),
}


SMALL = ((1, 64, 64), (3, 33, 47), (1, 96, 128), (2, 83, 57), (1, 125, 94), (1, 128, 175))
"""As many sizes as users' networks are compared at, and smaller."""


def predictor_of(spec, channels: int = 3) -> Predictor:
    """A predictor whose activations are of usual size: fresh logits of some networks are all but 0."""
    torch.manual_seed(0)
    network = spec.build(channels, len(CLASSES))
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.5  # half of the statistics of the next batch, which has few values of some
    network.train()(torch.rand(2, channels, 64, 64))
    return Predictor(network.eval(), CLASSES, channels)


def written(spec, path, channels: int = 3):
    """How far the file of a network is from it."""
    return write_onnx(predictor_of(spec, channels), ABOUT, path, SMALL)


@pytest.mark.parametrize("name", [*CONFIGS, *OWN])
def test_each_network_is_the_same_as_a_graph(name, tmp_path, request):
    """At six sizes, of one image and of several; the writer refuses it otherwise."""
    spec = OWN[name] if name in OWN else Untrained(request.getfixturevalue("described")(name))
    parity = written(spec, tmp_path / "model.onnx")
    assert 0 < parity.difference <= 1e-4
    assert parity.agreement >= 0.9999


@pytest.mark.parametrize("channels", [1, 6])
def test_enlarging_and_other_channels_are_in_the_graph(channels, tmp_path, described):
    """A factor that is no whole number too."""
    spec = Untrained(described("segformer"), enlarge=1.5)
    assert written(spec, tmp_path / "model.onnx", channels).agreement >= 0.9999


def test_eager_is_what_the_predictor_computes():
    """The comparison is with what `weakseg predict` does, not with what the graph is made of."""
    predictor = predictor_of(OWN["UNet"])
    image = np.random.default_rng(0).random((3, 45, 70), np.float32)
    logits = torch.from_numpy(eager(predictor)(image[None])[0])
    np.testing.assert_allclose(logits.softmax(0).numpy(), predictor(image), atol=1e-6)


class _TakesTheExample(nn.Module):
    """What graphs get wrong: a number of the image that becomes a constant."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, len(CLASSES), 1)

    def forward(self, image):
        return self.head(image) * float(image.shape[2])


class _Unknown(nn.Module):
    """What graphs cannot say."""

    def forward(self, image):
        return torch.linalg.svd(image)[0][:, :1].expand(-1, len(CLASSES), -1, -1)


@pytest.mark.parametrize("network", [_TakesTheExample(), _Unknown()], ids=["constant", "unknown"])
def test_a_network_that_would_differ_is_refused_by_name(network, tmp_path):
    """And no file is left."""
    with pytest.raises(NetworkUnavailable, match="graph") as refused:
        write_onnx(Predictor(network, CLASSES), ABOUT, tmp_path / "model.onnx")
    assert "predict with the run itself" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("side", [1, 2, 5, 7, 12, 13])
def test_pooling_to_cells_is_that_of_torch(side):
    """Fewer pixels than cells too."""
    image = torch.rand(2, 3, side, side + 3)
    for cells in (1, 2, 3, 6):
        pool = nn.AdaptiveAvgPool2d(cells)
        pool.__class__ = _AnySizePool
        torch.testing.assert_close(pool(image), F.adaptive_avg_pool2d(image, cells))


def test_the_network_itself_is_left_as_it_was():
    """What the graph needs is done to a copy."""
    predictor = Predictor(nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Conv2d(3, 5, 1)), CLASSES)
    whole_image(predictor)
    assert type(predictor.network.get_submodule("0")) is nn.AdaptiveAvgPool2d


def test_the_file_says_what_it_is(tmp_path):
    """Classes, colours, licence, labels and the record, for whoever opens it."""
    written(OWN["FromModule"], tmp_path / "model.onnx")
    content = (tmp_path / "model.onnx").read_bytes()
    session, described = session_of(content, tmp_path / "model.onnx", onnxruntime, "CPUExecutionProvider")
    assert OnnxPredictor(session, described).classes == CLASSES
    found = session.get_modelmeta().custom_metadata_map
    assert found["classes"] == '["a", "b", "c", "d", "e"]'
    assert found["colours"].startswith('["#000000", "#800000"')
    assert found["labels"] == "marks on 3 % of the pixels"
    assert found["run"] == '{"format": 2}'
    assert {"licence", "base_weights", "scores", "image", "logits"} <= {*found}
