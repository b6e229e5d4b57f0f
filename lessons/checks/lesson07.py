"""Lesson 7: the tangent pass."""

import numpy as np

import minisnn as ms

from . import answer, close, kept, many, mine, paper, right, same, surrogate, tested, wrong

mine.prepare(__name__)

NEURONS = (ms.LIF(), ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0))


def _jets(u, lif, shift=0.0):
    a = u - lif.threshold + shift
    return surrogate.sigma_prime(a, lif.slope), surrogate.sigma_second(a, lif.slope)


def _tangent(u, I_dot, lif, motion=None, sign=1.0, share=None, rho=None, shift=0.0, early=False):
    u_dot, r_dot, slope = np.zeros(len(u)), 0.0, _jets(u, lif, shift)[0]
    share, rho = 1 - lif.gamma if share is None else share, lif.rho if rho is None else rho
    for t in range(len(u)):
        if early:
            r_dot = lif.gamma * r_dot + share * slope[t] * I_dot[t]
        u_dot[t] = I_dot[t] - sign * rho * r_dot
        if not early:
            r_dot = lif.gamma * r_dot + share * (
                slope[t] * u_dot[t] if motion is None else motion[t]
            )
    return u_dot


@kept("7.1")
def membrane_tangent(function):
    """7.1: the membrane's forward lines, dotted."""
    for seed, lif in enumerate(NEURONS):
        u, I_dot = np.random.default_rng(seed).standard_normal((2, 20)) * 0.3
        same(
            "7.1",
            "u_dot",
            answer("7.1", function, u, I_dot, lif),
            _tangent(u, I_dot, lif),
            (
                (
                    I_dot,
                    "the reset moves too: a higher membrane makes a spike likelier, and that pulls "
                    "later membranes down",
                ),
                (
                    _tangent(u, I_dot, lif, motion=_jets(u, lif)[0]),
                    "s_dot is the slope times u_dot[t]; yours is the slope alone",
                ),
                (
                    _tangent(u, I_dot, lif, motion=(u >= lif.threshold) * 1.0),
                    "r_dot takes in the motion sigma'(a) u_dot, not the spike itself",
                ),
                (
                    _tangent(u, I_dot, lif, motion=_jets(u, lif)[0] * I_dot),
                    "s follows u, so s_dot is the slope times u_dot[t], not times I_dot[t]",
                ),
                (
                    _tangent(u, I_dot, lif, sign=-1.0),
                    "the reset enters u with a minus, and so does its motion",
                ),
                (
                    _tangent(u, I_dot, lif, share=1.0),
                    "s enters r with the share 1 - gamma, and s_dot enters r_dot with the same",
                ),
                (
                    _tangent(u, I_dot, lif, rho=1.0),
                    "r enters u with the strength lif.rho, which need not be 1",
                ),
                (
                    _tangent(u, I_dot, lif, shift=lif.threshold),
                    "the slope is taken at u - threshold; yours takes it at u",
                ),
                (
                    _tangent(u, I_dot, lif, early=True),
                    "the new r_dot belongs to the next step: u_dot[t] uses the old one",
                ),
            ),
        )
    u, I_dot = np.sin(np.arange(12.0)), np.cos(np.arange(12.0))
    wide = many("7.1", function, [u, I_dot], NEURONS[1], announced=False)
    right("7.1", "The same lines, the same order, each with a dot.")
    return wide


def _backward_tangent(
    u, u_dot, dy, dy_dot, lif, early=False, order=-1, own=1.0, moving=1.0, above=1.0, slip=None
):
    dI_dot, dr, dr_dot, (slope, bend) = np.zeros(len(u)), 0.0, 0.0, _jets(u, lif)
    for t in range(len(u))[::order]:
        first, second = (1 - lif.gamma) * slope[t], (1 - lif.gamma) * bend[t] * moving
        new = lif.gamma * dr - lif.rho * (dy[t] + first * dr)
        if slip == "product":
            dI_dot[t] = dy_dot[t] + second * u_dot[t] * dr_dot
        else:
            dI_dot[t] = (
                above * dy_dot[t]
                + own * first * dr_dot
                + second * u_dot[t] * (new if early else dr)
            )
        renewed = dy[t] + first * dr if slip == "renewed" else dI_dot[t]
        dr, dr_dot = new, lif.gamma * dr_dot - lif.rho * renewed
    return dI_dot


@kept("7.2")
def membrane_backward_tangent(function):
    """7.2: the membrane's backward lines, dotted."""
    for seed, lif in enumerate(NEURONS):
        given = np.random.default_rng(seed).standard_normal((4, 20)) * 0.3
        u, u_dot, dy, dy_dot = given
        found = answer("7.2", function, *given, lif)
        if close(found, _backward_tangent(u, 0 * u, dy, dy_dot, lif)):
            raise wrong(
                "7.2",
                "in sigma'(a) dr both factors move; yours holds sigma' fast, so the term "
                "sigma''(a) u_dot dr is missing",
            )
        same(
            "7.2",
            "dI_dot",
            found,
            _backward_tangent(*given, lif),
            (
                (
                    _backward_tangent(u, np.ones(20), dy, dy_dot, lif),
                    "the motion of sigma'(a) is sigma''(a) times u_dot; u_dot is missing",
                ),
                (
                    _backward_tangent(*given, lif, slip="product"),
                    "a product X Y moves as X_dot Y + X Y_dot; yours is X_dot Y_dot",
                ),
                (
                    _backward_tangent(*given, lif, slip="renewed"),
                    "the new dr_dot needs dI_dot[t], not dI",
                ),
                (
                    _backward_tangent(*given, lif, own=0.0),
                    "in sigma'(a) dr both factors move; yours holds dr fast, so the term sigma'(a) "
                    "dr_dot is missing",
                ),
                (
                    _backward_tangent(*given, lif, above=0.0),
                    "dy moves too: dI_dot begins with dy_dot",
                ),
                (
                    _backward_tangent(*given, lif, early=True),
                    "your dr is one step too early: dI_dot of step t uses that of t + 1, but yours "
                    "was renewed before",
                ),
                (
                    _backward_tangent(*given, lif, order=1),
                    "walk from the last step to the first: the dotted line stands under its line, "
                    "in the same order",
                ),
                (
                    _backward_tangent(*given, lif, moving=-1.0),
                    "the sign: sigma''(a) u_dot is added",
                ),
            ),
        )
    given = [np.sin(np.arange(12.0) * k) for k in (1, 2, 3, 4)]
    wide = many("7.2", function, given, NEURONS[1], announced=False)
    right(
        "7.2", "Both factors of a product move: here the second derivative of the spike comes in."
    )
    return wide


@kept("7.3")
def taylor(function):
    """7.3: the remainder."""
    f, steps = (
        (lambda h: np.array([np.exp(h), np.cos(1 + h), 2.0 - 3 * h**2])),
        np.array([0.5, 0.1, 0.02]),
    )
    for f_dot in (np.array([1.0, -np.sin(1.0), 0.0]), np.array([1.0, 0.3, -0.2])):
        rest = [f(h) - f(0) - h * f_dot for h in steps]
        expected = np.array([np.abs(one).max() for one in rest])
        same(
            "7.3",
            "remainders",
            answer("7.3", function, f, f_dot, steps),
            expected,
            (
                (
                    np.array([np.abs(f(h) - f(0) - f_dot).max() for h in steps]),
                    "the tangent is f(0) + h f_dot: f_dot times h",
                ),
                (
                    expected / steps,
                    "the remainder is not divided by h: divided, a right tangent would have slope "
                    "1, a wrong one 0",
                ),
                (
                    np.array([one.max() for one in rest]),
                    "the largest absolute value: an error may be negative",
                ),
                (
                    np.array([np.abs(f(h) - f(0)).max() for h in steps]),
                    "h f_dot has to be taken away as well",
                ),
                (
                    np.array([np.abs(f(h) - h * f_dot).max() for h in steps]),
                    "f(0) has to be taken away as well",
                ),
                (
                    np.array([np.abs(one).mean() for one in rest]),
                    "asked for is the largest error, not the mean",
                ),
            ),
        )
    right("7.3", "Slope 2 or wrong.")


def decay_tangent(function):
    """7.4: the reset's own constant moves, against differences of the twin."""
    for seed, lif in enumerate(NEURONS):
        I = np.random.default_rng(seed).standard_normal(30) * 0.4

        def run(gamma, spike, lif=lif, I=I):
            u, r = np.zeros(len(I)), 0.0
            for t in range(len(I)):
                u[t] = I[t] - lif.rho * r
                r = gamma * r + (1 - gamma) * spike(u[t] - lif.threshold, t)
            return u

        u = run(lif.gamma, lambda a, t: surrogate.step(a))
        a0, s, h = u - lif.threshold, surrogate.step(u - lif.threshold) * 1.0, 1e-5
        slope = _jets(u, lif)[0]
        jet = lambda a, t, a0=a0, lif=lif: surrogate.jet(a, a0[t], lif.slope)
        expected = (run(lif.gamma + h, jet) - run(lif.gamma - h, jet)) / (2 * h)

        def other(
            old=1.0,
            new=1.0,
            keep=lif.gamma,
            answers=1.0,
            share=1 - lif.gamma,
            rho=lif.rho,
            fresh=False,
            lif=lif,
            u=u,
            s=s,
            slope=slope,
        ):
            u_dot, r, r_dot = np.zeros(len(u)), 0.0, 0.0
            for t in range(len(u)):
                u_dot[t] = -rho * r_dot
                later = lif.gamma * r + (1 - lif.gamma) * s[t]
                r_dot = (
                    old * (later if fresh else r)
                    - new * s[t]
                    + keep * r_dot
                    + share * answers * slope[t] * u_dot[t]
                )
                r = later
            return u_dot

        same(
            "7.4",
            "u_dot",
            answer("7.4", function, u, s, lif),
            expected,
            (
                (other(answers=0.0), "s follows u, and u moves: r_dot takes in (1 - gamma) s_dot"),
                (
                    other(new=0.0),
                    "gamma stands in two products of the line for r: (1 - gamma) s gives -s",
                ),
                (other(old=0.0), "gamma stands in two products of the line for r: gamma r gives r"),
                (other(new=-1.0), "the sign: (1 - gamma) s moves by -s where gamma moves by 1"),
                (other(keep=0.0), "gamma r is a product, and r moves too: gamma r_dot is missing"),
                (other(keep=1.0), "r keeps the share gamma of itself, and so does its motion"),
                (other(share=1.0), "s_dot enters r_dot with the share 1 - gamma"),
                (other(rho=1.0), "r enters u with the strength lif.rho"),
                (other(rho=-lif.rho), "the reset enters u with a minus, and so does its motion"),
                (
                    other(fresh=True),
                    "r_dot of the next step uses the old r: yours was renewed before",
                ),
                (0 * u, "gamma moves, so r moves, and u with it: yours stands still"),
            ),
            1e-6,
        )
    right("7.4", "Constants can move as well: so they can be learned.")


def dots_on_paper(lines):
    """Judge the dotted lines of the membrane, exercise 7.1."""
    draw = np.random.default_rng(71)
    I, r, I_dot, r_dot = draw.uniform(0.2, 1.5, (4, 3)) * draw.choice((-1, 1), (4, 3))
    paper.tangents(
        lines,
        """
        u = I - rho * r
        s = spike(u - threshold)
        r_next = gamma * r + (1 - gamma) * s
        """,
        {"rho": 0.7, "gamma": 0.6, "threshold": 0.2, "I": I, "r": r},
        {"I": I_dot, "r": r_dot},
    )


def blame_on_paper(lines):
    """Judge the dotted lines of the membrane's blame, exercise 7.2."""
    draw = np.random.default_rng(72)
    one = draw.uniform(0.2, 1.5, (6, 3)) * draw.choice((-1, 1), (6, 3))
    paper.tangents(
        lines,
        """
        dI = dy + (1 - gamma) * sigma_prime(u - threshold) * dr_next
        dr = gamma * dr_next - rho * dI
        """,
        {"rho": 0.7, "gamma": 0.6, "threshold": 0.1, "u": one[0], "dy": one[1], "dr_next": one[2]},
        {"u": one[3], "dy": one[4], "dr_next": one[5]},
    )


def membrane_backward_tangent_tested(test, hint=0):
    """7.2t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("7.2t", test, hint)
