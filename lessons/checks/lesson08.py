"""Lesson 8: curvature without a Hessian."""

import numpy as np

import minisnn as ms

from . import answer, close, kept, mine, right, same, surrogate, tested, wrong

mine.prepare(__name__)


def differences(function):
    """8.1: central differences of the twin's gradient."""
    net = ms.SpikingNet(4, (), 2, hidden=(3,), window=12, dtype=np.float64, backend="numpy")
    rng = np.random.default_rng(0)
    x, y, h = (rng.random((4, 12, 4)) < 0.3) * 1.0, np.array([0, 1, 0, 1]), 0.05
    theta = net.init(rng, x=x)
    v, record = rng.standard_normal(net.size) / np.sqrt(net.size), net.record(theta, x)

    def slope(s, **twin):
        return net.loss_and_gradient(theta + s * v, x, y, **twin)[1]

    jet, smooth = ({"spike": form, "record": record} for form in ("jet", "smooth"))
    found = answer("8.1", function, net, theta, x, y, v, h)
    if found.ndim == 0:
        raise wrong("8.1", "H v is a vector: the difference of the gradient, not of the loss")
    expected = (slope(h, **jet) - slope(-h, **jet)) / (2 * h)
    same(
        "8.1",
        "Hv",
        found,
        expected,
        (
            (
                (slope(h) - slope(-h)) / (2 * h),
                'these are differences of the network itself, which jumps: ask for spike="jet", '
                "and with one record; the twin is recorded once, at theta",
            ),
            *(
                (
                    one / (2 * h),
                    "one of the two ends is not the twin's with the record made at theta, but the "
                    "network's own",
                )
                for one in (slope(h, **jet) - slope(-h), slope(h) - slope(-h, **jet))
            ),
            (2 * expected, "from theta - h v to theta + h v the way is 2 h long: divide by 2 h"),
            (-expected, "the gradient ahead minus the gradient behind"),
            (
                (slope(h, **jet) - slope(0, **jet)) / h,
                "a difference to one side; the central one takes theta - h v as well",
            ),
            (
                (slope(h, **smooth) - slope(-h, **smooth)) / (2 * h),
                'this is the smooth form, with a soft spike everywhere; the twin is the form "jet"',
            ),
        ),
    )
    right("8.1", "As exact as a difference can be.")


@kept("8.2")
def asymmetry(function):
    """8.2: the relative gap."""
    rng = np.random.default_rng(0)
    A, (v, w) = rng.standard_normal((6, 6)), rng.standard_normal((2, 6))
    for M, v, w in ((A, v, w), (A, w, v), (A + A.T, v, w)):
        gap, size = w @ M @ v - v @ M @ w, np.linalg.norm(w) * np.linalg.norm(M @ v)
        same(
            "8.2",
            "asymmetry",
            answer("8.2", function, lambda z: M @ z, v, w),
            abs(gap) / size,
            (
                (
                    abs(gap),
                    "the gap must be relative: divided by |w| |H v|, or its size says nothing",
                ),
                (-abs(gap) / size, "the gap is taken without its sign: abs(...)"),
                (
                    abs(v @ M @ v - w @ M @ w) / size,
                    "multiply each product by the other vector: <w, H v> and <v, H w>",
                ),
                (
                    abs(gap) / np.linalg.norm(v) / np.linalg.norm(M @ w),
                    "divide by |w| |H v|; yours is |v| |H w|",
                ),
                (
                    abs(gap) / np.linalg.norm(v) / np.linalg.norm(w),
                    "divide by |w| |H v|: the length of H v, not that of v",
                ),
                (
                    abs(gap) / abs(w @ M @ v),
                    "divide by |w| |H v|: the inner product itself may be near zero",
                ),
            ),
        )
    right("8.2", "Zero to rounding, for every v and w, or something is wrong.")


def strongest(function):
    """8.3: eigenvalues of largest magnitude."""
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]
    spectrum = np.array([3.0, -5.0, 2.0, -1.5, 1.0, 0.5, 0.2, 0.1, 0.0, -0.1, -0.3, -0.6])
    H = (Q * spectrum) @ Q.T
    values, vectors = answer("8.3", function, lambda z: H @ z, 12, 3, returns=2)
    if values.ndim == 1 and len(values) != 3:
        raise wrong("8.3", f"`count` eigenvalues are asked for, here 3; yours are {len(values)}")
    if values.shape == (3,) and close(np.sort(np.abs(values)), [0.0, 0.1, 0.1], 1e-6):
        raise wrong(
            "8.3",
            'these are the flattest directions, which="SM"; the strongest have the largest '
            'magnitude, "LM"',
        )
    same(
        "8.3",
        "values",
        values,
        [-5.0, 3.0, 2.0],
        (
            (
                np.array([3.0, 2.0, 1.0]),
                'ridges are left out: which="LA" goes by the signed value; "LM" by the magnitude',
            ),
            (
                np.array([-5.0, 2.0, 3.0]),
                "the strongest first: order them by falling absolute value",
            ),
            (
                np.array([2.0, 3.0, -5.0]),
                "the strongest first: order them by falling absolute value",
            ),
            (
                np.array([3.0, 2.0, -5.0]),
                "the strongest first, whatever its sign: order them by falling absolute value",
            ),
            (
                np.array([-5.0, -1.5, -0.6]),
                'valleys are left out: which="SA" goes by the signed value; "LM" by the magnitude',
            ),
            (np.array([5.0, 3.0, 2.0]), "the sign tells a ridge from a valley: keep it"),
        ),
        1e-7,
    )
    other = np.array([4.5, -5.0, 1.0, -4.0, 3.0, -0.5, 0.2, 0.1, 0.0, -0.1, -0.3, 0.6])
    G = (Q * other) @ Q.T
    found, _ = answer("8.3", function, lambda z: G @ z, 12, 3, returns=2)
    same(
        "8.3",
        "values",
        found,
        [-5.0, 4.5, -4.0],
        (
            (
                np.array([-5.0, 4.5, 3.0]),
                'which="BE" takes half of them from either end of the spectrum; the strongest '
                'may lie at one end: "LM" goes by the magnitude',
            ),
        ),
        1e-7,
    )
    if vectors.shape != (12, 3):
        raise wrong(
            "8.3",
            "one column for each value is asked for, a shape of (12, 3); the vectors' is "
            f"{vectors.shape}",
        )
    if not close(H @ vectors, vectors * values, 1e-6):
        raise wrong(
            "8.3",
            "column k of the vectors does not belong to value k: bring the columns into the same "
            "order",
        )
    lengths = np.linalg.norm(vectors, axis=0)
    if not close(vectors.T @ vectors, np.eye(3), 1e-6):
        raise wrong(
            "8.3",
            "the vectors are directions, of length 1, each at a right angle to the others; yours "
            f"have the lengths {', '.join(f'{one:.3g}' for one in lengths)}",
        )
    right("8.3", "No matrix was ever seen.")


def spike_hessian(function):
    """8.4: the matrix of one spike, against differences of the twin's gradient."""
    rng = np.random.default_rng(5)
    for a, y, slope in ((0.12, 0.0, 4.0), (-0.2, 1.0, 10.0), (0.3, 1.0, 3.0), (-0.07, 0.0, 6.0)):
        p, h = rng.random(3), 1e-6
        s, first, second = (
            float(a >= 0),
            surrogate.sigma_prime(a, slope),
            surrogate.sigma_second(a, slope),
        )

        def gradient(d, p=p, y=y, s=s, first=first, second=second):
            return (s + first * d + second * d**2 / 2 - y) * (first + second * d) * p

        expected = np.array([(gradient(h * one) - gradient(-h * one)) / (2 * h) for one in p])
        outer = np.outer(p, p)
        found = answer("8.4", function, p, a, y, slope)
        if found.shape == (3,) or found.ndim == 0:
            raise wrong(
                "8.4",
                "a matrix is asked for, (D, D), one entry for each pair of weights; yours has "
                f"shape {found.shape}",
            )
        same(
            "8.4",
            "H",
            found,
            expected,
            (
                (
                    first**2 * outer,
                    "the slope sigma'(a) moves with w too: the term (s - y) sigma''(a) is missing",
                ),
                (
                    (s - y) * second * outer,
                    "s - y moves with w, for the spike moves: the term sigma'(a)^2 is missing",
                ),
                (
                    (first + (s - y) * second) * outer,
                    "s moves by sigma'(a), and that times sigma'(a) gives its square",
                ),
                (
                    (first**2 + second) * outer,
                    "sigma''(a) has the factor s - y, which the gradient had before sigma'(a)",
                ),
                ((first**2 + (y - s) * second) * outer, "the sign: dL/ds is s - y"),
                (
                    (first**2 + (surrogate.sigma(a, slope) - y) * second) * outer,
                    "the spike itself is hard, also in s - y",
                ),
                (
                    (first**2 + (s - y) * second) * np.diag(p**2),
                    "w_i and w_j act together: p_i p_j for i and j different as well",
                ),
                (
                    (first**2 + (s - y) * second) * (p @ p),
                    "p_i p_j is a matrix, np.outer(p, p); yours is one number for all",
                ),
            ),
            1e-5,
        )
    right("8.4", "Of rank one: a spike bends the loss along p, and along nothing else.")


def product_tested(test, hint=0):
    """8.2t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("8.2t", test, hint)
