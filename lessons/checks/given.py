"""What the course gives to a student's `mysnn.py`: what stands between the exercises and the two
commands. `mine` copies the text under each mark, as it stands here, behind the student's functions.
"""

import argparse
import base64
import re
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mysnn import (
    Neuron,
    adam,
    asymmetry,
    back,
    backward,
    backward_tangent,
    by_strides,
    centred,
    count,
    deal,
    decode,
    descend,
    error,
    exponent,
    filter_backward,
    forward,
    loss_backward,
    means_readout,
    membrane_backward,
    membrane_tangent,
    nearest,
    shift,
    sigma_prime,
    softmax,
    step,
    summed,
    trace,
    update,
    widest,
)

# 15.0 · given by the course
# 2^15 e^-d for d in steps of 1/16, at the middle of each step: the softmax of a chip
EXPONENTIAL = np.array([round(2**15 * np.exp(-(n + 0.5) / 16)) for n in range(256)])


# 17.5 · given by the course
# a network of dense layers over one flat theta: W, b, layer by layer
def forward_tangent(layers, dots, tapes, lif):
    """(logits_dot, moves): a move is (x_dot, u_dot) of a layer; the events do not move."""
    x_dot, moves = 0.0, []
    for (W, _), (W_dot, b_dot), (x, u) in zip(layers, dots, tapes):
        V_dot = x @ W_dot + (x_dot @ W if moves else 0.0)
        I_dot = trace(trace(V_dot, lif.beta), lif.alpha) + b_dot
        u_dot = membrane_tangent(u, I_dot, lif)
        moves.append((x_dot + np.zeros(x.shape), u_dot))
        x_dot = sigma_prime(u - lif.threshold, lif.slope) * u_dot
    return u_dot[-1], moves


def flat(pairs):
    """One vector of [(W, b), ...]."""
    return np.concatenate([part.ravel() for pair in pairs for part in pair])


class Net:
    """Dense layers of `sizes` neurons, the first number that of the inputs; theta is flat."""

    def __init__(self, sizes, lif):
        self.lif = lif
        self.shapes = [shape for n, m in zip(sizes, sizes[1:]) for shape in ((n, m), (m,))]
        self.ends = np.cumsum([np.prod(shape) for shape in self.shapes])

    def layers(self, theta):
        """[(W, b), ...], views of theta."""
        parts = [p.reshape(s) for p, s in zip(np.split(theta, self.ends[:-1]), self.shapes)]
        return list(zip(parts[::2], parts[1::2]))

    def logits(self, theta, x):
        """(logits (B, K), tapes) of counts x (T, B, n)."""
        return forward(self.layers(theta), x * self.lif.gain, self.lif)

    def loss_and_gradient(self, theta, x, y):
        """(mean cross-entropy, its gradient, flat like theta)."""
        logits, tapes = self.logits(theta, x)
        loss = -np.log(softmax(logits)[np.arange(len(y)), y] + 1e-300).mean()
        return loss, flat(backward(self.layers(theta), tapes, loss_backward(logits, y), self.lif))

    def hessian_vector_product(self, theta, x, y, v):
        """H v, without a Hessian."""
        logits, tapes = self.logits(theta, x)
        layers, dots = self.layers(theta), self.layers(v)
        logits_dot, moves = forward_tangent(layers, dots, tapes, self.lif)
        p, dlogits = softmax(logits), loss_backward(logits, y)
        dlogits_dot = p * (logits_dot - (p * logits_dot).sum(1, keepdims=True)) / len(y)
        return flat(backward_tangent(layers, dots, tapes, moves, dlogits, dlogits_dot, self.lif))


class Task(NamedTuple):
    """What is learned from and what is asked: counts (T, B, n), time first, and classes (B,)."""

    x_support: np.ndarray
    y_support: np.ndarray
    x_query: np.ndarray
    y_query: np.ndarray


def meta_gradient(net, theta, task, a, steps=1):
    """MAML's: down the support step by step, and back with H v."""
    thetas = [theta]
    for _ in range(steps):
        thetas.append(descend(net, thetas[-1], task.x_support, task.y_support, a, 1)[0])
    return back(net, thetas, task, a)


# 17.6 · given by the course
# recordings of drawn characters, and tasks of them
DATA = "mysnn.npz"
WEIGHTS = "mysnn_weights.npz"
STEPS, INPUTS, HIDDEN, MOVE = 20, 512, 128, 4  # steps of 5 ms; 16 x 16 cells, OFF and ON; pixels
LIF = Neuron(gain=3.0)


def here(name):
    """The path of a file beside this one."""
    return Path(__file__).absolute().with_name(name)


def opened(path=None):
    """What is in the data file, by name. SystemExit where it is missing or damaged."""
    path = Path(path or here(DATA))
    if not path.exists():
        raise SystemExit(
            f"{path}: there is no such file; where minisnn is installed, python -m checks.data "
            "writes it from the folder of the lessons"
        )
    held = arrays(path)
    if "page" not in held:
        raise SystemExit(f"{path}: the file is damaged; remove it, and write it again")
    return held


def arrays(path):
    """The arrays of a file, by name; none where it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, AttributeError, zlib.error, zipfile.BadZipFile):
        return {}


def within(x, y, side):
    """Which events lie in side x side pixels."""
    return (x >= 0) & (x < side) & (y >= 0) & (y < side)


def counts(raw, move):
    """Counts (STEPS, INPUTS) of a recording that was moved by (x, y) pixels: what left the sensor is
    lost, the rest is brought to the middle."""
    x, y, t, p = decode(raw)
    on = within(x + move[0], y + move[1], 34)
    t, p = t[on], p[on]
    x, y = (n.astype(int) for n in centred(x[on] + move[0], y[on] + move[1], 32))
    on = within(x, y, 32)
    return count(x[on], y[on], t[on], p[on]).reshape(STEPS, 5, -1).sum(1)


def recordings(held, split, seed, most=MOVE):
    """Counts uint8 (characters, drawings, STEPS, INPUTS), each recording moved at random."""
    rng, found = np.random.default_rng(seed), []
    for raw in np.split(held[split].T, np.cumsum(held[f"{split}_events"].ravel())[:-1]):
        found.append(counts(raw, rng.integers(-most, most + 1, 2)).astype(np.uint8))
    return np.array(found).reshape(*held[f"{split}_events"].shape, STEPS, INPUTS)


def draw(rng, seen, ways, queries):
    """A task: `ways` characters, one support sample of each, `queries` other drawings of it."""
    x, q = [], []
    for character in rng.choice(len(seen), ways, replace=False):
        support, query = deal(rng, seen.shape[1], 1, queries)
        x.append(seen[character][support])
        q.append(seen[character][query])
    x, q = (np.concatenate(one).swapaxes(0, 1) for one in (x, q))
    return Task(x, np.arange(ways), q, np.repeat(np.arange(ways), queries))


# 17.7 · given by the course
# meta-training, by class means and by MAML
def start(hidden, ways):
    """theta of the hidden layer and a readout of zero weights that is silent: b = -4."""
    return np.concatenate([hidden, np.zeros(HIDDEN * ways), np.full(ways, -4.0)])


def traces(net, hidden, x):
    """(p (B, HIDDEN), the hidden layer's tape): what reaches the readout at the last step."""
    x = x * net.lif.gain
    _, [(_, u)] = forward(Net((INPUTS, HIDDEN), net.lif).layers(hidden), x, net.lif)
    s = step(u - net.lif.threshold)
    return trace(trace(s, net.lif.beta), net.lif.alpha)[-1], (x, u)


def class_mean_gradient(net, hidden, task, sharp=8.0):
    """(loss, gradient by the hidden layer) where the logits are sharp (2 c p - |c|^2), c the
    support's traces."""
    n = task.x_support.shape[1]
    p, (x, u) = traces(net, hidden, np.concatenate([task.x_support, task.x_query], 1))
    c, q = p[:n], p[n:]
    W, b = means_readout(c, task.y_support, n)
    logits = sharp * (q @ W + b)
    loss = -np.log(softmax(logits)[np.arange(len(q)), task.y_query] + 1e-300).mean()
    d = sharp * loss_backward(logits, task.y_query)
    dp = np.zeros(u.shape)
    dp[-1] = np.concatenate([2 * d.T @ q - 2 * d.sum(0)[:, None] * c, 2 * d @ c])
    dy = filter_backward(dp, net.lif) * sigma_prime(u - net.lif.threshold, net.lif.slope)
    dI = membrane_backward(u, dy, net.lif)
    return loss, flat([(summed(x, filter_backward(dI, net.lif)), dI.sum((0, 1)))])


def maml_gradient(net, hidden, task, order=2):
    """(loss after learning, gradient by the hidden layer), one inner step from a readout of zero;
    the first order (FOMAML) takes the gradient where the step ends, without H v."""
    theta, a = start(hidden, len(task.y_support)), 4.0 * len(task.y_support)
    learned = descend(net, theta, task.x_support, task.y_support, a, 1)[0]
    loss, slope = net.loss_and_gradient(learned, task.x_query, task.y_query)
    slope = slope if order == 1 else meta_gradient(net, theta, task, a)
    return loss, slope[: hidden.size]


def fomaml_gradient(net, hidden, task):
    """maml_gradient of the first order."""
    return maml_gradient(net, hidden, task, 1)


def outer(name, gradient, hidden, seen, tasks, rate, seed, ways=20, every=100):
    """The hidden layer after an outer step for each of so many tasks; prints how the loss goes."""
    net, begun, losses = Net((INPUTS, HIDDEN, ways), LIF), time.process_time(), []
    notes = np.zeros((2, hidden.size))
    for n in range(1, tasks + 1):
        task = draw(np.random.default_rng((seed, n)), seen, ways, 2)
        loss, g = gradient(net, hidden, task)
        g = g * min(1.0, 5 / np.linalg.norm(g))
        hidden, notes = adam(hidden, g, notes, n, rate * (1 - n / (tasks + 1)))
        losses.append(loss)
        if n % every == 0 or n == tasks:
            took = time.process_time() - begun
            print(
                f"{name}: task {n} of {tasks}, loss {np.mean(losses[-every:]):.3f}, "
                f"{took:.0f} s of CPU time",
                flush=True,
            )
    return hidden


def examine(hidden, tasks):
    """{rule: shares of right answers, task by task}, of tasks of five classes."""
    net, found = Net((INPUTS, HIDDEN, 5), LIF), {}
    for task in tasks:
        theta = descend(net, start(hidden, 5), task.x_support, task.y_support, 20.0, 1)[0]
        (p, _), (q, _) = traces(net, hidden, task.x_support), traces(net, hidden, task.x_query)
        W, b = means_readout(p, task.y_support, 5)
        # with rows and columns, as in lesson 16: an answer may sum over its axes
        x, other = (x.swapaxes(0, 1)[..., None, None] for x in (task.x_support, task.x_query))
        for rule, answers in (
            ("nearest sample", nearest(x, task.y_support, other)),
            ("class means", (q @ W + b).argmax(1)),
            ("one step of MAML", net.logits(theta, task.x_query)[0].argmax(1)),
        ):
            found.setdefault(rule, []).append(np.mean(answers == task.y_query))
    return found


def percent(shares):
    """Mean of tasks and its 95 % interval, as text."""
    half = 1.98 * np.std(shares, ddof=1) / np.sqrt(len(shares))
    return f"{100 * np.mean(shares):.1f} ± {100 * half:.1f} %"


def train(held, means, second, episodes, seed):
    """Meta-train by class means; go on from there by MAML, and beside it by its first order; keep
    the weights of the best rule."""
    print(whose(), flush=True)
    seen, unseen = (recordings(held, split, seed) for split in ("train", "test"))
    tasks = [draw(np.random.default_rng((seed, n)), unseen, 5, 4) for n in range(episodes)]
    rng = np.random.default_rng(seed)
    hidden = flat([(0.2 * rng.standard_normal((INPUTS, HIDDEN)), np.full(HIDDEN, -0.4))])
    net, one = Net((INPUTS, HIDDEN, 5), LIF), tasks[0]
    turned = lambda v: net.hessian_vector_product(theta, one.x_support, one.y_support, v)
    theta = start(hidden, 5)
    v, w, noise = rng.standard_normal((3, theta.size))
    theta = theta + 0.05 * noise
    print(f"H v is symmetric to {asymmetry(turned, v, w):.0e}", flush=True)
    stages = [("the start", hidden)]
    if means:
        hidden = outer("class means", class_mean_gradient, hidden, seen, means, 0.006, seed)
        stages.append((f"{means} tasks by class means", hidden))
    for name, gradient in (("MAML", maml_gradient), ("FOMAML", fomaml_gradient)):
        if second:
            one = outer(name, gradient, hidden, seen, second, 0.002, seed)
            stages.append((f"{second} more by {name}", one))
    print(f"{episodes} tasks of unseen characters, moved by up to {MOVE} pixels, five classes:")
    best, steps = ("", "", 0.0, hidden), []
    for stage, one in stages:
        found = examine(one, tasks)
        steps.append(found["one step of MAML"])
        said = ", ".join(f"{rule} {percent(shares)}" for rule, shares in found.items())
        print(f"  after {stage}: {said}", flush=True)
        for rule in ("class means", "one step of MAML"):
            if np.mean(found[rule]) > best[2]:
                best = (rule, stage, np.mean(found[rule]), one)
    if second:
        less = percent(np.subtract(*steps[-2:])).replace("%", "points")
        print(f"  that step after MAML less after FOMAML, task by task: {less}")
    np.savez(here(WEIGHTS), hidden=best[3])
    print(f"the best rule: {best[0]}, after {best[1]}: {100 * best[2]:.1f} %; kept in {WEIGHTS}")


# 17.8 · given by the course
# the same in whole numbers, as the chip of the page has it
class Chip(NamedTuple):
    """Weights W 2^x and biases b 2^(x - 12) of the hidden layer in integers, and the neuron's: A, B,
    G are factors of 4096, rho and threshold have 10 fraction bits."""

    W: np.ndarray
    b: np.ndarray
    x: int
    A: int
    B: int
    G: int
    rho: int
    threshold: int


READOUT = -6  # the exponent of the readout's weights


def rounded(values):
    """To the nearest integers, ties up."""
    return np.floor(np.asarray(values) + 0.5).astype(np.int64)


def to_chip(hidden, lif=LIF):
    """The hidden layer in weights of 8 bits. SystemExit where a word could overflow."""
    [(W, b)] = Net((INPUTS, HIDDEN), lif).layers(hidden)
    W = W * lif.gain
    x = int(exponent(W, 8))
    whole = np.clip(rounded(W / 2.0**x), -128, 127)
    low, high, bits = widest(whole, 7)
    if bits + 12 > 32:
        raise SystemExit(f"the sums of the hidden layer, {low} to {high}, leave 32 bits")
    factors = rounded(4096 * np.array([lif.alpha, lif.beta, lif.gamma]))
    own = rounded(1024 * np.array([lif.rho, lif.threshold]))
    return Chip(whole, rounded(b * 2.0 ** (12 - x)), x, *map(int, (*factors, *own)))


def mixed(factor, old, new):
    """(factor old + (4096 - factor) new) / 4096, by floor."""
    return (factor * old + (4096 - factor) * new) >> 12


def membrane(chip, total, k, r):
    """(u, s, the next r): Q5.10 in 16 bits, saturating, of a sum that is shifted by k."""
    u = np.clip((total >> k) - ((chip.rho * r) >> 12), -(2**15), 2**15 - 1)
    s = (u >= chip.threshold).astype(np.int64)
    return u, s, mixed(chip.G, r, 4096 * s)


def chip_traces(chip, x):
    """p (T, B, HIDDEN) in 4096ths: what reaches the readout, of counts x (T, B, INPUTS).

    A dense layer is a convolution on one row of places: the samples.
    """
    weights = chip.W[None, None].astype(float)  # exact below 2^53
    P, Q, r, p, q = np.zeros((5, x.shape[1], HIDDEN), np.int64)
    found = []
    for one in np.minimum(x, 7):
        V = by_strides(one[None].astype(float), weights)[0].astype(np.int64)
        found.append(p)
        s, r = membrane(chip, P + chip.b, 2 - chip.x, r)[1:]
        P, Q = mixed(chip.A, P, Q), mixed(chip.B, Q, V << 12)
        p, q = mixed(chip.A, p, q), mixed(chip.B, q, 4096 * s)
    return np.array(found)


def chip_scores(chip, p, W, b):
    """Membranes (B, K) of a readout at the last step, of the traces p (T, B, HIDDEN)."""
    r = np.zeros((p.shape[1], len(b)), np.int64)
    for one in p:
        u, _, r = membrane(chip, one @ W + b, 2 - READOUT, r)
    return u


def chip_means(p, y, ways):
    """(W, b) of the class means in 8 bits, of traces p (B, HIDDEN)."""
    sums = np.zeros((ways, p.shape[1]), np.int64)
    np.add.at(sums, y, p)
    means = sums // np.bincount(y, minlength=ways)[:, None]
    W = np.array([[min(shift(int(m), 5, "nearest"), 127) for m in one] for one in means]).T
    size = (W**2).sum(0)
    return W, -((size + size.max()) << 4)


def chip_step(chip, p, y, ways):
    """(W, b) after one step of lesson 15 from a readout of zero, of traces p (T, B, HIDDEN)."""
    W, b = np.zeros((p.shape[2], ways), np.int64), np.zeros(ways, np.int64)
    e = np.array([error(u, label) for u, label in zip(chip_scores(chip, p, W, b), y)])
    W = update(W, p[-1].T @ e, 17 + READOUT, 0, 1 << (16 + READOUT), 127)
    return W, update(b, 4096 * e.sum(0), 13 + READOUT, 0, 1 << (12 + READOUT), 1 << 27)


def page(held, path, episodes, seed):
    """Write the page with the student's own weights, and say what the chip in it can do."""
    print(whose(), flush=True)
    if not here(WEIGHTS).exists():
        raise SystemExit(f"{here(WEIGHTS)}: there are no weights yet; first: python mysnn.py train")
    hidden = arrays(here(WEIGHTS)).get("hidden", np.zeros(0))
    if hidden.size != (INPUTS + 1) * HIDDEN:
        raise SystemExit(f"{here(WEIGHTS)}: the file is damaged; write it again: mysnn.py train")
    chip = to_chip(hidden)
    low, high, bits = widest(chip.W, 7)
    print(f"hidden layer: weights of 8 bits, 2^{chip.x}; its sums need {bits} bits", flush=True)
    unseen, right = recordings(held, "test", seed), {"class means": [], "lesson 15's step": []}
    for n in range(episodes):
        task = draw(np.random.default_rng((seed, n)), unseen, 5, 4)
        p, q = (chip_traces(chip, x) for x in (task.x_support, task.x_query))
        learned = chip_means(p[-1], task.y_support, 5), chip_step(chip, p, task.y_support, 5)
        for rule, (W, b) in zip(right, learned):
            right[rule].append(np.mean(chip_scores(chip, q, W, b).argmax(1) == task.y_query))
    said = ", ".join(f"{rule} {percent(shares)}" for rule, shares in right.items())
    print(f"{episodes} tasks in whole numbers: {said}", flush=True)
    Path(path).write_text(filled(held, chip), encoding="utf-8")
    print(f"{path}: open it in a browser, and let a friend draw")


def filled(held, chip):
    """The text of the page: the template of the data file, with this chip's integers in its model."""
    model, (at, biases, power, number) = held["model"].copy(), held["slots"]
    W, b = chip.W.astype(np.int8), chip.b.astype("<i4")
    words = np.array([chip.x, zlib.crc32(W.tobytes() + b.tobytes())]).astype("<u4")
    model[at : at + W.size] = (chip.W + 128).ravel()
    model[biases : biases + b.nbytes] = np.frombuffer(b.tobytes(), np.uint8)
    for place, word in zip((power, number), words):
        model[place : place + 4] = np.frombuffer(word.tobytes(), np.uint8)
    text = bytes(held["page"]).decode("utf-8")
    return text.replace("@model@", base64.b64encode(model.tobytes()).decode("ascii"))


# 17.9 · given by the course
# the two commands
def whose():
    """Which functions of this file are the student's, and which the course's."""
    marks = re.findall(
        r"^# (\d+\.\d+) · (yours|the course's own)\n(?:.*\n)*?def (\w+)",
        Path(__file__).read_text(encoding="utf-8"),
        re.M,
    )
    lent = [f"{number} {name}" for number, owner, name in marks if owner != "yours"]
    said = f"{len(marks) - len(lent)} of {len(marks)} functions are yours"
    return said + (f"; the course's own: {', '.join(lent)}" if lent else "")


def main(arguments=None):
    """python mysnn.py train, then python mysnn.py page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="meta-train on drawn characters, and examine")
    training.add_argument("--tasks", type=int, default=1000, help="by class means")
    first = "then by MAML, and by its first order"
    training.add_argument("--second", type=int, default=600, help=first)
    drawn = commands.add_parser("page", help="write a page that learns a friend's handwriting")
    drawn.add_argument("path", nargs="?", default="mysnn.html", help="default: mysnn.html")
    for one in (training, drawn):
        one.add_argument("--episodes", type=int, default=100, help="test tasks")
        one.add_argument("--seed", type=int, default=0)
    told = parser.parse_args(arguments)
    held = opened()
    if told.command == "train":
        train(held, told.tasks, told.second, told.episodes, told.seed)
    else:
        page(held, told.path, told.episodes, told.seed)


if __name__ == "__main__":
    sys.exit(main())
