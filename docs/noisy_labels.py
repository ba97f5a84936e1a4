"""Learning digits from labels of which half are wrong, with robust cross entropy: `python docs/noisy_labels.py`.

Prints the accuracy for each flip probability and draws `docs/noisy_labels.png`: the loss (figure 2 of Marin and Boykov
2021) and the accuracies (their figure 3). Needs `pip install scikit-learn matplotlib`, which weakseg itself does not.
With `--fashion FOLDER` on Fashion-MNIST, whose four .gz files are in that folder; nothing is downloaded.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from weakseg.divergences import CrossEntropy, RobustCrossEntropy

try:
    from matplotlib import pyplot
    from sklearn.datasets import load_digits
except ImportError as error:
    raise SystemExit(f"{error.name} is missing. To do: pip install scikit-learn matplotlib") from error

CLASSES, WRONG = 10, 0.5
FLIPS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.88)
BATCH, LEARNING_RATE = 128, 3e-3


def digits():
    """1797 digits of 8 x 8 pixels: every fourth is for testing."""
    found = load_digits()
    images, labels = torch.tensor(found.images).float()[:, None] / 16, torch.tensor(found.target)
    tested = torch.arange(len(labels)) % 4 == 3
    return images[~tested], labels[~tested], images[tested], labels[tested]


def fashion(folder: Path):
    """60,000 images of 28 x 28 pixels and 10,000 for testing, from the files as they are published."""
    sets = []
    for name in ("train", "t10k"):
        images = np.frombuffer(
            gzip.decompress((folder / f"{name}-images-idx3-ubyte.gz").read_bytes()), np.uint8, -1, 16
        )
        labels = np.frombuffer(gzip.decompress((folder / f"{name}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, -1, 8)
        sets += [torch.tensor(images.reshape(-1, 1, 28, 28)).float() / 255, torch.tensor(labels).long()]
    return sets


def corrupted(labels, wrong: float, seed: int):
    """Labels of which that share, on average, is one of the other classes."""
    generator = torch.Generator().manual_seed(seed)
    other = (labels + torch.randint(1, CLASSES, labels.shape, generator=generator)) % CLASSES
    return torch.where(torch.rand(labels.shape, generator=generator) < wrong, other, labels)


def accuracy(data, wrong: float, flip: float, seed: int, epochs: int) -> float:
    """Share of right answers on the test part after the last epoch: two convolutions, two full layers, Adam."""
    images, labels, test_images, test_labels = data
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * (images.shape[2] // 4) ** 2, 64), nn.ReLU(), nn.Linear(64, CLASSES)),
    )
    optimizer, divergence = torch.optim.Adam(network.parameters(), LEARNING_RATE), RobustCrossEntropy(flip)
    # One class for an image is a segmentation of one pixel.
    target = F.one_hot(corrupted(labels, wrong, seed), CLASSES).float()[:, :, None, None]
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            log_probs = network(images[batch]).log_softmax(1)[:, :, None, None]
            divergence(target[batch], log_probs).mean().backward()
            optimizer.step()
    with torch.no_grad():
        return (network(test_images).argmax(1) == test_labels).float().mean().item()


def draw_loss(axes) -> None:
    """Both losses of the true class against its logit, of two classes."""
    logit = torch.linspace(-8, 8, 200)
    log_probs = torch.stack([F.logsigmoid(logit), F.logsigmoid(-logit)])[None, :, None]
    target = torch.tensor([1.0, 0.0])[None, :, None, None].expand_as(log_probs)
    for divergence in (CrossEntropy(), RobustCrossEntropy(0.01), RobustCrossEntropy(0.1)):
        axes.plot(logit, divergence(target, log_probs).flatten(), label=repr(divergence))
    axes.set(xlabel="score of the target's class less the other's", ylabel="nats")
    axes.legend()


def draw_accuracy(axes, means, deviations) -> None:
    """Accuracy against flip probability, with the share of labels that really are wrong."""
    axes.errorbar(FLIPS, means, deviations, marker="o", capsize=3)
    axes.axvline(WRONG, linestyle="dotted", color="grey")
    axes.set(xlabel="flip probability (dotted: share of wrong labels)", ylabel="accuracy")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion", type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    settings = parser.parse_args()
    data = fashion(settings.fashion) if settings.fashion else digits()
    print("| wrong labels | flip probability | accuracy |\n|---|---|---|")
    rows = []
    for wrong, flip in [(0.0, 0.0), *((WRONG, flip) for flip in FLIPS)]:
        scores = [accuracy(data, wrong, flip, seed, settings.epochs) for seed in range(settings.seeds)]
        rows.append((np.mean(scores), np.std(scores, ddof=1) if len(scores) > 1 else 0.0))
        print(f"| {wrong:.0%} | {flip:g} | {rows[-1][0]:.3f} ± {rows[-1][1]:.3f} |", flush=True)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    draw_loss(left)
    draw_accuracy(right, *zip(*rows[1:], strict=True))
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
