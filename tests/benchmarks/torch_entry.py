"""An entry of another framework to minisnn's benchmark: prototypical networks in PyTorch.

    python tests/benchmarks/torch_entry.py benchmark answers.npz

lessons/guides/benchmark.md shows how the folder is made, and how answers are scored. This reads the
files alone and imports nothing of minisnn. For each series a small convolutional network is
meta-trained on the training tasks; it sees the events summed in a few slices of time. It answers by
the nearest class mean of its features (Snell et al. 2017, NeurIPS).
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

SLICES = 5  # of time


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
    learned = features[: len(support)]
    asked = features[len(support) :]
    means = torch.stack([learned[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
    return ((asked[:, None] - means[None]) ** 2).sum(-1)


def train(net: nn.Module, files: list[Path], updates: int, rng: np.random.Generator) -> None:
    """Meta-train on training tasks, drawn at random."""
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    for update in range(updates):
        with np.load(files[rng.integers(len(files))]) as task:
            support = pictures(task["support"])
            query = pictures(task["query"])
            labels = torch.from_numpy(task["labels"])
            asked = torch.from_numpy(task["answers"])
        far = distances(net, support, labels, query)
        loss = nn.functional.cross_entropy(-far / scale(far), asked)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if update % 100 == 0:
            right = float((far.argmin(1) == asked).float().mean())
            print(f"  update {update}: loss {loss.item():.3f}, right {right:.2f}", flush=True)


def scale(far: torch.Tensor) -> torch.Tensor:
    """What distances are divided by: their mean, so that the softmax begins soft in any network."""
    return far.detach().mean() / 10


def answers(net: nn.Module, files: list[Path]) -> np.ndarray:
    """The nearest class mean of every query, (episodes, queries)."""
    net.eval()
    rows = []
    with torch.no_grad():
        for file in files:
            with np.load(file) as task:
                support = pictures(task["support"])
                query = pictures(task["query"])
                far = distances(net, support, torch.from_numpy(task["labels"]), query)
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
    found = {}
    for folder in sorted(path for path in args.folder.iterdir() if path.is_dir()):
        if args.only and folder.name not in args.only.split(","):
            continue
        print(f"{folder.name}: training", flush=True)
        torch.manual_seed(args.seed)
        net = network(2 * SLICES)
        train(
            net, sorted(folder.glob("train-*.npz")), args.updates, np.random.default_rng(args.seed)
        )
        found[folder.name] = answers(net, sorted(folder.glob("[0-9]*.npz")))
        print(f"{folder.name}: answered", flush=True)
    np.savez(args.answers, **found)


if __name__ == "__main__":
    main()
