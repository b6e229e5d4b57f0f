"""Lesson 12: one shot."""

import numpy as np

import minisnn as ms

from . import answer, close, kept, mine, right, same, wrong, tested

mine.prepare(__name__)


def _net(channels, window, hidden=()):
    return ms.SpikingNet(
        (4, 4, 2),
        channels,
        4,
        kernel=3,
        window=window,
        dtype=np.float64,
        backend="numpy",
        hidden=hidden,
    )


def _errors(net, theta, task, a, counts, part="support"):
    found = []
    for more in counts:
        theta = ms.adapt(
            net, theta, getattr(task, f"x_{part}"), getattr(task, f"y_{part}"), a, steps=more
        )
        found.append(np.mean(net(theta, task.x_query).argmax(1) != task.y_query))
    return np.array(found)


def errors(function):
    """12.1: error against inner steps."""
    # a case in which every step changes the error
    net, rng, a, N = (
        _net((4,), 20),
        np.random.default_rng(2),
        1.0,
        3,
    )
    x = (rng.random((44, 20, 4, 4, 2)) < 0.3).astype(float)
    theta, task = (
        net.init(rng, x=x),
        ms.Task(x[:4], np.arange(4), x[4:], np.repeat(np.arange(4), 10)),
    )
    expected = _errors(net, theta, task, a, (0, 1, 1, 1))
    query = _errors(net, theta, task, a, (0, 1, 1, 1), "query")
    same(
        "12.1",
        "errors",
        answer("12.1", function, net, theta, task, a, N),
        expected,
        (
            (
                query,
                "the query is what the learner is asked about: it is never learned from; adapt to "
                "the support",
            ),
            (
                1 - expected,
                "these are the shares of right answers; an error is the share of wrong ones",
            ),
            (
                _errors(net, theta, task, a, (1, 1, 1, 1)),
                "the first entry is the error before any step: measure, then step",
            ),
            (
                _errors(net, theta, task, a, range(N + 1)),
                "go on from the theta reached with one more step each; yours takes n more at turn "
                "n",
            ),
            (np.full(N + 1, expected[0]), "theta never moves: keep what ms.adapt returns"),
        ),
    )
    right("12.1", "Step by step, from the same five samples.")


def unfrozen(function):
    """12.2: a mask of layers."""
    net = _net((3, 4), 12, (5,))
    for frozen in (["conv1", "conv2"], ["conv2", "readout"], []):
        expected = np.ones(net.size)
        for part in net.layout:
            if part.name.split(".")[0] in frozen:
                expected[part.slice] = 0
        weights = np.concatenate(
            [
                np.zeros(p.slice.stop - p.slice.start)
                if p.name in [f"{n}.weight" for n in frozen]
                else np.ones(p.slice.stop - p.slice.start)
                for p in net.layout
            ]
        )
        same(
            "12.2",
            "m",
            answer("12.2", function, net, frozen),
            expected,
            (
                (
                    np.ones(net.size),
                    f"nothing of {frozen[0] if frozen else ''} is frozen: a part's name is "
                    "`conv1.weight`, the layer's `conv1`",
                ),
                (weights, "the biases of a frozen layer do not learn either"),
                (1 - expected, "ones and zeros are exchanged: 0 where nothing is learned"),
            ),
        )
    deep = _net((3,), 12, (2,) * 10)
    expected, begins = np.ones((2, deep.size))
    for part in deep.layout:
        expected[part.slice] = part.name.split(".")[0] != "hidden1"
        begins[part.slice] = not part.name.startswith("hidden1")
    same(
        "12.2",
        "m",
        answer("12.2", function, deep, ["hidden1"]),
        expected,
        (
            (
                begins,
                "compare whole names of layers: to freeze hidden1 is not to freeze hidden10, whose "
                "name begins so",
            ),
        ),
    )
    right("12.2", "A vector of ones and zeros decides who learns.")


def _gate(net, update, f, parts=None, compare=np.greater, of=lambda size: size.max() - size.min()):
    m, size = np.zeros(net.size), np.abs(update)
    for weight, bias in zip(net.layout[::2], net.layout[1::2]):
        whole = [slice(weight.slice.start, bias.slice.stop)]
        for part in (
            whole
            if parts is None
            else (weight.slice, bias.slice)
            if parts == "arrays"
            else [slice(None)]
        ):
            m[part] = compare(size[part], f * of(size[part]))
    return m


def gate(function):
    """12.3: the gate of Eq. 6."""
    net, rng = _net((3, 4), 12, (5,)), np.random.default_rng(2)
    update = rng.uniform(0.2, 1.0, net.size) * rng.choice((-1.0, 1.0), net.size)
    for n, part in enumerate(net.layout):
        update[part.slice] *= 0.5**n
    silent = np.where(rng.random(net.size) < 0.5, 0, update)
    silent[net.layout[-2].slice.start :] = 0
    for f, update in ((0.3, update), (0.6, update), (0.0, silent)):
        expected = _gate(net, update, f)
        found = answer("12.3", function, net, update, f)
        signed, extremes = np.zeros(net.size), np.zeros(net.size)
        for weight, bias in zip(net.layout[::2], net.layout[1::2]):
            layer = slice(weight.slice.start, bias.slice.stop)
            threshold = f * (update[layer].max() - update[layer].min())
            signed[layer], extremes[layer] = (
                update[layer] > threshold,
                np.abs(update[layer]) > threshold,
            )
        if found.shape == expected.shape and not found[update < 0].any():
            raise wrong(
                "12.3", "what counts is the magnitude of a change; yours never makes a negative one"
            )
        if close(found, update * expected):
            raise wrong("12.3", "m holds ones and zeros; multiply by the update later")
        same(
            "12.3",
            "m",
            found,
            expected,
            (
                (signed, "what counts is the magnitude of a change: np.abs first"),
                (extremes, "the extremes are those of |a g|, not of a g"),
                (
                    _gate(net, update, f, compare=np.greater_equal),
                    "a weight whose update equals the threshold (at f = 0: an update of 0) does "
                    "not change: `>`, not `>=`",
                ),
                (
                    _gate(net, update, f, "all"),
                    "every weight is compared with the threshold of its own layer",
                ),
                (
                    _gate(net, update, f, "arrays"),
                    "weights and bias of a layer share a threshold: take them together",
                ),
                (
                    _gate(net, update, f, compare=np.less_equal),
                    "turned around: the large changes are made",
                ),
                (
                    _gate(net, update, f, of=np.max),
                    "the threshold is a fraction of the range, largest minus smallest, not of the "
                    "largest",
                ),
            ),
        )
    right("12.3", "Equation 6.")


@kept("12.4")
def means_readout(function):
    """12.4: the nearest class mean as a readout."""
    rng = np.random.default_rng(5)
    for y in (np.arange(4), np.repeat(np.arange(4), 3), rng.permutation(np.arange(12) % 4)):
        shots = len(y) // 4
        p, q = rng.random((len(y), 6)), rng.random((30, 6))
        c = np.array([p[y == k].mean(0) for k in range(4)])
        W, b = answer("12.4", function, p, y, 4, returns=2)
        if W.shape != (6, 4) or b.shape != (4,):
            raise wrong(
                "12.4",
                f"W and b have shapes {W.shape} and {b.shape}, expected (6, 4) and (4,): (D, ways) "
                "and (ways,)",
            )

        def gaps(logits):
            return logits - logits[:, :1]

        norms, wanted = (c**2).sum(1), gaps(-((q[:, None] - c) ** 2).sum(2))
        found = gaps(q @ W + b)
        scale = (found * wanted).sum() / (wanted**2).sum()
        if scale > 0 and close(found / scale, wanted):
            continue  # all logits times one number: the same answers
        met = np.array([p[y == k].mean(0) for k in dict.fromkeys(y.tolist())])
        blocks = p.reshape(4, shots, -1).mean(1)
        same(
            "12.4",
            "logits, less those of class 0,",
            found,
            wanted,
            (
                (
                    gaps(q @ c.T - norms),
                    "|p - c|^2 has -2 p c in the middle: the weights lack the factor 2",
                ),
                (
                    gaps(2 * q @ c.T),
                    "without a bias classes with longer traces win: |c|^2 differs from class to "
                    "class",
                ),
                (
                    gaps(2 * q @ c.T + norms),
                    "the sign of the bias: a long c makes the distance larger, the logit smaller",
                ),
                (
                    gaps(2 * shots * q @ c.T - shots**2 * norms),
                    "c is the mean of its samples; yours is their sum",
                ),
                (
                    gaps(-2 * q @ c.T + norms),
                    "the sign: the largest logit must belong to the smallest distance",
                ),
                (
                    gaps(-2 * q @ c.T - norms),
                    "the sign of the weights: a large p . c means a small distance, and a large "
                    "logit",
                ),
                (
                    gaps(2 * q @ p[np.arange(4) * shots].T - (p[np.arange(4) * shots] ** 2).sum(1)),
                    "c is the mean over all samples of the class; yours is its first one",
                ),
                *(
                    (gaps(2 * q @ other.T - (other**2).sum(1)), text)
                    for other, text in (
                        (
                            met,
                            "column k belongs to class k, whichever class comes first in the "
                            "support; yours has the classes in the order of their appearance",
                        ),
                        (
                            blocks,
                            "the support's samples come in any order: those of class k are "
                            "p[y == k]; yours takes each run of samples for a class",
                        ),
                    )
                ),
                (
                    gaps(q @ c.T),
                    "expand |p - c|^2: the weights lack the factor 2, and the bias is missing",
                ),
                (
                    gaps(2 * q @ c.T - np.sqrt(norms)),
                    "the bias is -|c|^2: yours has the length without the square",
                ),
            ),
        )
    right("12.4", "The nearest class mean is a readout; no step was made.")


def means_readout_tested(test, hint=0):
    """12.4t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("12.4t", test, hint)
