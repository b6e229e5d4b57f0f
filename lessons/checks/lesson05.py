"""Lesson 5: stacking layers."""

from functools import wraps

import numpy as np

import minisnn as ms
from minisnn.core import linear as pool
from minisnn.core.layer import Layer
from minisnn.core.loss import cross_entropy_backward, softmax

from . import Wrong, answer, close, differs, kept, mine, right, same, wrong, tested

mine.prepare(__name__)


def _windows(u):
    """The 2 x 2 windows of a picture, along axes 1 and 3."""
    return u.reshape(len(u) // 2, 2, -1, 2)


def _switched(u, dv):
    """The adjoint dv at the largest of each window, by the library."""
    of_picture = np.index_exp[None, None, :, :, None]
    return pool.scatter(dv[of_picture], pool.largest(u[of_picture]), u.shape)[0, 0, :, :, 0]


def pool_backward(function):
    """5.1: the switch of max pooling."""
    rng = np.random.default_rng(0)
    # the second has ties
    for u in (
        rng.standard_normal((4, 6)),
        rng.integers(0, 2, (6, 4)).astype(float),
    ):
        dv = rng.standard_normal((u.shape[0] // 2, u.shape[1] // 2))
        expected = _switched(u, dv)
        spread = np.kron(dv, np.ones((2, 2)))
        largest = spread * (u == np.kron(_windows(u).max((1, 3)), np.ones((2, 2))))
        same(
            "5.1",
            "du",
            answer("5.1", function, u, dv),
            expected,
            (
                (
                    spread / 4,
                    "the largest gets all of dv, the others nothing; yours shares it out, as mean "
                    "pooling would",
                ),
                (
                    spread,
                    "the largest gets all of dv, the others nothing; yours gives it to all four",
                ),
                (largest, "the first of equal ones gets dv; yours gives it to all of them"),
            ),
        )
    right("5.1", "A switch, set by what went forward.")


@kept("5.2")
def loss_backward(function):
    """5.2: softmax cross-entropy."""
    rng = np.random.default_rng(1)
    logits, y = rng.standard_normal((4, 3)), np.array([2, 0, 1, 1])
    expected = cross_entropy_backward(logits, y)
    over_samples = softmax(logits.T).T
    over_samples[np.arange(4), y] -= 1
    same(
        "5.2",
        "dlogits",
        answer("5.2", function, logits, y),
        expected,
        (
            (4 * expected, "the loss is the mean over the batch: divide by B = len(y)"),
            (
                softmax(logits) / 4,
                "the second term is missing: take 1 away at the true class of each sample",
            ),
            (
                softmax(logits),
                "the second term is missing: take 1 away at the true class of each sample; and "
                "divide by B",
            ),
            (-expected, "the sign: the softmax counts plus, the true class minus"),
            (
                over_samples / 4,
                "the softmax goes over the classes of a sample, not over the samples",
            ),
        ),
    )
    right(
        "5.2", "Each sample pulls its true class up and the others down, and the pulls add up to 0."
    )


def _walked(function, net, theta, tapes, dlogits):
    """The student's gradient; where the walk stops with an error, what the blocks' `backward` was
    given tells why."""
    given, original = [], Layer.backward

    def noted(b, w, tape, dy, *more):
        given.append((b, np.shape(dy)[2:]))
        return original(b, w, tape, dy, *more)

    @wraps(function)
    def watched(*arguments):
        Layer.backward = noted
        try:
            return function(*arguments)
        finally:
            Layer.backward = original  # what a diagnosis tries is not noted

    try:
        return answer("5.3", watched, net, theta, tapes, dlogits)
    except Wrong as error:
        if isinstance(error.__cause__, ValueError | IndexError):
            if not given or not given[0][0].readout:
                raise wrong("5.3", "the list is walked from its end: reversed(parts)") from error
            if "reshape" in str(error) or any(shape != b.output_shape for b, shape in given):
                raise wrong(
                    "5.3",
                    "each block takes as dy the dx that the block above it returned, and dx is "
                    "reshaped before it is given to b.backward",
                ) from error
        raise


def _whole_kind_missing(found, expected):
    for kind, other, text in (
        ("bias", "weight", "all biases are zero"),
        ("weight", "bias", "all weights' parts are zero"),
    ):
        if not any(part.any() for name, part in found.items() if name.endswith(kind)) and all(
            close(found[name], part) for name, part in expected.items() if name.endswith(other)
        ):
            raise wrong("5.3", f"{text}, the rest is right: `d{kind}[...] = ...` is missing")


def backward(function):
    """5.3: the reversed loop."""
    for channels, hidden in (((3, 4), ()), ((2,), (5,))):
        net = ms.SpikingNet(
            (4, 4, 2),
            channels,
            3,
            kernel=3,
            window=12,
            dtype=np.float64,
            backend="numpy",
            hidden=hidden,
        )
        rng = np.random.default_rng(3)
        x = (rng.random((3, 12, 4, 4, 2)) < 0.3).astype(float)
        theta = net.init(rng, x=x)
        _, expected, logits, _ = net.gradients(theta, x, np.arange(3), second=False)
        spikes, tapes = np.swapaxes(x, 0, 1) * net.neuron.gain, []
        for n, (b, w) in enumerate(zip(net.blocks, net.weights(theta)), 1):
            steps = 12 - 2 * (len(net.blocks) - n)
            spikes, *_, tape = b.forward(w, spikes, b.begin(3, float), steps)
            tapes.append(tape)
        found = _walked(function, net, theta, tapes, cross_entropy_backward(logits, np.arange(3)))
        if found.shape == (net.size,) and not found.any():
            raise wrong(
                "5.3",
                "the gradient is still zero: `dweight = ...` makes a new name; write into the view "
                "with `dweight[...] = ...`",
            )
        if found.shape == (net.size,):
            _whole_kind_missing(net.views(found), net.views(expected))
            for name, part in reversed(net.views(expected).items()):
                mine = net.views(found)[name]
                if not close(mine, part):
                    state = "is still zero" if not mine.any() else "is not right"
                    raise differs(
                        "5.3",
                        f"{name} {state} (all above it is right)",
                    )
        same("5.3", "gradient", found, expected)
    right("5.3", "That is all of backpropagation: the same list, read from the end.")


def soft_pool_backward(function):
    """5.4: a soft maximum, against differences."""
    rng = np.random.default_rng(6)
    for shape in ((4, 6), (2, 8)):
        u, dv, h = (
            rng.standard_normal(shape),
            rng.standard_normal((shape[0] // 2, shape[1] // 2)),
            1e-5,
        )

        def pooled(u, dv=dv):
            return (np.log(np.exp(_windows(u)).sum((1, 3))) * dv).sum()

        expected = np.zeros(shape)
        for place in np.ndindex(shape):
            e = np.zeros(shape)
            e[place] = h
            expected[place] = (pooled(u + e) - pooled(u - e)) / (2 * h)
        spread = np.kron(dv, np.ones((2, 2)))
        best = _switched(u, dv)
        shares = expected / spread
        top = np.kron(_windows(u).max((1, 3)), np.ones((2, 2)))
        same(
            "5.4",
            "du",
            answer("5.4", function, u, dv),
            expected,
            (
                (
                    np.exp(u - top) * spread,
                    "the derivative of log S is dS / S: the four shares add up to 1; yours are not "
                    "divided by their sum",
                ),
                (
                    np.exp(u) * spread,
                    "the derivative of log S is dS / S: the four shares add up to 1; yours are not "
                    "divided by their sum",
                ),
                (best, "all four feed v, each with its share; yours blames the largest alone"),
                (
                    spread / 4,
                    "the shares are not equal: the larger u, the larger its part in the sum",
                ),
                (spread, "the four shares add up to 1; yours hands dv to each"),
                (
                    np.exp(u) / np.exp(u).sum() * spread,
                    "each window of four has a sum of its own; yours sums over the whole picture",
                ),
                (shares, "dv is missing: each window's adjoint is shared out"),
                (
                    u / np.kron(_windows(u).sum((1, 3)), np.ones((2, 2))) * spread,
                    "the parts of the sum are exp(u), not u",
                ),
                (
                    shares * (1 - shares) * spread,
                    "softmax is the derivative here, and not to be differentiated once more",
                ),
            ),
            1e-6,
        )
    u, dv = np.array([[800.0, 1.0, -900.0, -901.0], [798.0, 0.0, -903.0, -900.0]]), np.ones((1, 2))
    shares = [softmax(u[:, k : k + 2].reshape(1, 4)).reshape(2, 2) for k in (0, 2)]
    found = answer("5.4", function, u, dv)
    if not np.isfinite(found).all():
        raise wrong(
            "5.4",
            "the exponential of a large membrane overflows, and that of a very negative one "
            "vanishes: take the largest of the four away from all four first, which leaves their "
            "shares as they are",
        )
    same("5.4", "du of large membranes", found, np.concatenate(shares, 1))
    right("5.4", "A switch that is never quite thrown.")


def pool_backward_tested(test, hint=0):
    """5.1t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("5.1t", test, hint)
