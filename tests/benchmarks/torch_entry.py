"""An entry of another framework to minisnn's benchmark: prototypical networks in PyTorch.

    minisnn benchmark export benchmark
    python tests/benchmarks/torch_entry.py benchmark answers.npz
    minisnn benchmark score answers.npz

It reads the exported files alone and imports nothing of minisnn. For each set of recordings a small
convolutional network is meta-trained on episodes drawn from the training recordings; it sees the
events summed in a few slices of time. It answers by the nearest class mean of its features
(Snell et al. 2017, NeurIPS).
"""

import argparse
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

SLICES = 5  # of time


def reader(folder: Path) -> ModuleType:
    """The module read.py of an exported folder."""
    sys.path.insert(0, str(folder.resolve()))
    sys.dont_write_bytecode = True
    import read

    return read


def network(channels: int, width: int = 32) -> nn.Module:
    """Three blocks of convolution, normalisation, ReLU and pooling, then a flat row of features."""
    layers: list[nn.Module] = []
    for given in (channels, width, width):
        layers += [nn.Conv2d(given, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten())


def pictures(bins: np.ndarray) -> torch.Tensor:
    """Samples (B, T, H, W, 2) as pictures (B, 2 SLICES, H, W) of events in slices of time."""
    first = np.linspace(0, bins.shape[1], SLICES, endpoint=False).astype(int)
    summed = np.sqrt(np.add.reduceat(bins, first, 1, np.float32))  # counts, less unequal
    return torch.from_numpy(summed).permute(0, 1, 4, 2, 3).flatten(1, 2)


def distances(
    net: nn.Module, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor
) -> torch.Tensor:
    """Squared distances (Q, ways) of the queries to the class means of the support."""
    features = net(torch.cat([support, query]))
    learned, asked = features[: len(support)], features[len(support) :]
    means = torch.stack([learned[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
    return ((asked[:, None] - means[None]) ** 2).sum(-1)


def train(net: nn.Module, training: Any, updates: int, ways: int, rng: np.random.Generator) -> None:
    """Meta-train on episodes of one support and three query samples of each class."""
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    ways = min(ways, len(training.classes))
    labels = torch.arange(ways)
    for update in range(updates):
        drawn = training.draw(rng, ways, 4)
        x = pictures(training.recordings.bins(drawn.reshape(ways * 4, -1)))
        x = x.reshape(ways, 4, *x.shape[1:])
        far = distances(net, x[:, 0], labels, x[:, 1:].flatten(0, 1))
        loss = nn.functional.cross_entropy(-far / scale(far), labels.repeat_interleave(3))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if update % 100 == 0:
            right = float((far.argmin(1) == labels.repeat_interleave(3)).float().mean())
            print(f"  update {update}: loss {loss.item():.3f}, right {right:.2f}", flush=True)


def scale(far: torch.Tensor) -> torch.Tensor:
    """What distances are divided by: their mean, so that the softmax begins soft in any network."""
    return far.detach().mean() / 10


def answers(net: nn.Module, folder: Any, series: str) -> np.ndarray:
    """The nearest class mean of every query, (episodes, queries)."""
    net.eval()
    rows = []
    with torch.no_grad():
        for episode in folder.episodes(series):
            support, query = pictures(episode.support), pictures(episode.query)
            far = distances(net, support, torch.from_numpy(episode.labels), query)
            rows.append(far.argmin(1).numpy())
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="an exported benchmark")
    parser.add_argument("answers", type=Path, help="file of answers to write, .npz")
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="series to answer, between commas (default: all)")
    args = parser.parse_args()
    folder = reader(args.folder).Folder(args.folder)
    found, nets = {}, {}
    for series in args.only.split(",") if args.only else folder.series:
        data = folder.series[series]["data"]
        if data not in nets:
            print(f"{data}: training", flush=True)
            torch.manual_seed(args.seed)
            nets[data] = network(2 * SLICES)
            rng = np.random.default_rng(args.seed)
            train(nets[data], folder.training(series), args.updates, 20, rng)
        found[series] = answers(nets[data], folder, series)
        print(f"{series}: answered", flush=True)
    how = f"prototypical network in PyTorch {torch.__version__}, {args.updates} updates"
    folder.save(args.answers, found, "PyTorch, prototypical network", how)


if __name__ == "__main__":
    main()
