"""Lesson 3: backward through time by hand."""

from dataclasses import replace

import numpy as np

import minisnn as ms

from . import answer, kept, many, mine, paper, right, same, surrogate, tested

mine.prepare(__name__)

NEURONS = (ms.LIF(), ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0))


def _membrane(
    u,
    dy,
    lif,
    sign=1.0,
    share=None,
    rho=None,
    shift=0.0,
    order=-1,
    kappa=None,
    keep=None,
    above=False,
):
    dI, dr = np.zeros(len(u)), 0.0
    for t in range(len(u))[::order]:
        slope = surrogate.sigma_prime(
            u[t] - lif.threshold + shift, lif.slope if kappa is None else kappa
        )
        dI[t] = (
            dy[t] * (slope if above else 1)
            + (1 - lif.gamma if share is None else share) * dr * slope
        )
        dr = (lif.gamma if keep is None else keep) * dr - sign * (
            lif.rho if rho is None else rho
        ) * dI[t]
    return dI


@kept("3.1")
def membrane_backward(function):
    """3.1: the membrane with its reset."""
    for seed, lif in enumerate(NEURONS):
        u, dy = np.random.default_rng(seed).standard_normal((2, 20)) * 0.3
        expected = _membrane(u, dy, lif)
        same(
            "3.1",
            "dI",
            answer("3.1", function, u, dy, lif),
            expected,
            (
                (
                    dy,
                    "yours is dy as it is, but a membrane also changes its own future: a spike now "
                    "pulls down what comes. du has a second term, through ds, and dr takes in du",
                ),
                (
                    _membrane(u, dy, lif, order=1),
                    "walk from the last step to the first: what comes later hands blame to what "
                    "was earlier",
                ),
                (
                    _membrane(u, dy, lif, sign=-1.0),
                    "the reset enters u with a minus, so du enters dr with a minus",
                ),
                (
                    _membrane(u, dy, lif, kappa=0),
                    "ds enters du through the spike, so it is multiplied by sigma'(u - threshold); "
                    "yours leaves that out",
                ),
                (
                    _membrane(u, dy, lif, above=True),
                    "dy is the adjoint of u, not of s: it enters du as it is, and only ds is "
                    "multiplied by sigma'",
                ),
                (
                    _membrane(u, dy, lif, keep=1.0),
                    "r keeps the share gamma of itself, so dr of the step after enters dr with "
                    "lif.gamma",
                ),
                (
                    _membrane(u, dy, lif, keep=0.0),
                    "r feeds two, u and the r of the next step: dr has the term gamma dr of the "
                    "step after",
                ),
                (
                    _membrane(u, dy, lif, kappa=1.0),
                    "kappa is lif.slope: sigma_prime(u - threshold, lif.slope)",
                ),
                (
                    _membrane(u, dy, lif, share=lif.gamma),
                    "s enters r with the share 1 - gamma, so dr enters ds with that share; yours "
                    "takes gamma",
                ),
                (
                    _membrane(u, dy, lif, share=1.0),
                    "s enters r with the share 1 - gamma, so dr enters ds with that share",
                ),
                (
                    _membrane(u, dy, lif, rho=1.0),
                    "du enters dr with the strength lif.rho, which need not be 1",
                ),
                (
                    _membrane(u, dy, lif, shift=lif.threshold),
                    "the slope is taken at u - threshold; yours takes it at u",
                ),
            ),
        )
    u, dy = np.sin(np.arange(12.0)), np.cos(np.arange(12.0))
    wide = many("3.1", function, [u, dy], NEURONS[1], announced=False)
    right("3.1", "Blame for a spike comes back through the reset.")
    return wide


def _filter(dI, lif, order=-1, early=False, shares=(1, 1), enters=None):
    dV, dP, dQ = np.zeros(len(dI)), 0.0, 0.0
    for t in range(len(dI))[::order]:
        dV[t] = (1 - lif.beta if enters is None else enters) ** shares[1] * dQ
        new = dI[t] + lif.alpha * dP
        dQ, dP = lif.beta * dQ + (1 - lif.alpha) ** shares[0] * (new if early else dP), new
    return dV


@kept("3.2")
def filter_backward(function):
    """3.2: the two traces."""
    for seed, lif in enumerate(NEURONS):
        dI = np.random.default_rng(seed).standard_normal(20)
        expected = _filter(dI, lif)
        same(
            "3.2",
            "dV",
            answer("3.2", function, dI, lif),
            expected,
            (
                (
                    _filter(dI, lif, early=True),
                    "your credit arrives one step too early: dV[t] uses dQ, and dQ uses dP, as step "
                    "t + 1 left them; one of yours was renewed before it was used",
                ),
                (
                    _filter(dI, lif, 1),
                    "the direction of time: go from the last step to the first, as credit goes to "
                    "the past",
                ),
                (
                    _filter(dI, lif, shares=(0, 1)),
                    "the share 1 - alpha, with which Q enters P, is missing",
                ),
                (
                    _filter(dI, lif, shares=(1, 0)),
                    "the share 1 - beta, with which V enters Q, is missing",
                ),
                (
                    _filter(dI, lif, enters=1 - lif.alpha),
                    "V enters Q with the share 1 - beta, so dV takes that share of dQ; yours takes "
                    "1 - alpha",
                ),
                (
                    np.append(expected[1:], 0),
                    "dV is shifted by a step: dV[t] takes dQ before the step renews it",
                ),
                (
                    np.append(0, expected[:-1]),
                    "dV is shifted by a step: dV[t] takes dQ before the step renews it",
                ),
            ),
        )
    wide = many("3.2", function, [np.sin(np.arange(12.0))], NEURONS[1], announced=False)
    right("3.2", "The last two steps get nothing: a synapse delays by two steps, backward too.")
    return wide


def neuron_backward(function):
    """3.3: weight and bias."""
    for seed, lif in enumerate(NEURONS):
        rng = np.random.default_rng(seed)
        x, u, dy = (
            (rng.random(30) < 0.4).astype(float),
            rng.standard_normal(30) * 0.3,
            rng.standard_normal(30),
        )
        dw, db = answer("3.3", function, x, u, dy, lif, returns=2)
        dI = _membrane(u, dy, lif)
        dV = _filter(dI, lif)
        same(
            "3.3",
            "dw",
            dw,
            x @ dV,
            (
                (
                    x @ _filter(dy, lif),
                    "dy must go back through the reset first, then through the traces; yours skips "
                    "the membrane",
                ),
                (
                    x @ dI,
                    "dI must go back through the traces first: w acts on x, and dw = sum of x[t] "
                    "dV[t]",
                ),
                (
                    dV.sum(),
                    "w occurs as w x[t]: the contribution of a step is x[t] dV[t], not dV[t]",
                ),
            ),
        )
        same(
            "3.3",
            "db",
            db,
            dI.sum(),
            (
                (dV.sum(), "db: the bias is added behind the traces, so it meets dI and not dV"),
                (dI[-1], "b occurs at every step; db sums dI over all of them"),
                (dy.sum(), "db: dy must go back through the reset first"),
            ),
        )
    right("3.3", "One contribution for every occurrence.")


def chip_backward(function):
    """3.4: a neuron with a hard reset, against differences of its twin."""
    reached = replace(NEURONS[1], threshold=0.75)  # by the membrane of the first step, exactly
    for seed, lif in enumerate((*NEURONS[::-1], reached)):
        rng = np.random.default_rng(seed)
        i, dy = rng.standard_normal((2, 25)) * 2
        i[0] = i[0] if lif is not reached else lif.threshold / (1 - lif.alpha)

        def run(i, spike, lif=lif):
            w, v = np.zeros(len(i)), 0.0
            for t in range(len(i)):
                w[t] = lif.alpha * v + (1 - lif.alpha) * i[t]
                v = w[t] * (1 - spike(w[t] - lif.threshold, t))
            return w

        w = run(i, lambda a, t: surrogate.step(a))
        a0, h = w - lif.threshold, 1e-5

        def twin(i, a0=a0, lif=lif, run=run, dy=dy):
            return dy @ run(i, lambda a, t: surrogate.jet(a, a0[t], lif.slope))

        expected = np.array([(twin(i + h * e) - twin(i - h * e)) / (2 * h) for e in np.eye(25)])

        def other(
            spike=1.0,
            soft=1.0,
            keep=lif.alpha,
            share=1 - lif.alpha,
            at=a0,
            order=-1,
            lif=lif,
            w=w,
            dy=dy,
        ):
            di, dv = np.zeros(25), 0.0
            for t in range(25)[::order]:
                dw = (
                    dy[t]
                    + (
                        1
                        - spike * surrogate.step(at[t])
                        - soft * w[t] * surrogate.sigma_prime(at[t], lif.slope)
                    )
                    * dv
                )
                di[t], dv = share * dw, keep * dw
            return di

        same(
            "3.4",
            "di",
            answer("3.4", function, w, dy, lif),
            expected,
            (
                (
                    other(at=np.where(a0 == 0, -1e-12, a0)),
                    "a neuron whose membrane equals the threshold fires too: step(a) is 1 at a = 0",
                ),
                (
                    other(soft=0.0),
                    "s follows w, so v = w (1 - s) has a second term, -w times the slope of the "
                    "spike",
                ),
                (
                    other(spike=0.0, soft=0.0),
                    "a neuron that fired keeps nothing of its membrane: v = w (1 - s), so dv "
                    "enters dw with (1 - s) and more",
                ),
                (other(spike=0.0), "v = w (1 - s) is a product: the factor 1 - s of dv is missing"),
                (other(soft=-1.0), "the sign: s enters v with a minus"),
                (other(share=1.0), "i enters w with the share 1 - alpha"),
                (
                    other(keep=1.0),
                    "v enters the next w with the share alpha, so dw enters dv with it",
                ),
                (
                    other(keep=0.0),
                    "w_t acts on the next step too, through v: dv = alpha dw of the step after",
                ),
                (other(at=w), "the slope is taken at w - threshold; yours takes it at w"),
                (other(order=1), "walk from the last step to the first"),
                (
                    (1 - lif.alpha) * dy,
                    "w_t acts on the next step too, through v: yours stops at dy",
                ),
            ),
            1e-6,
        )
    right("3.4", "The chip's neuron, and you derived it alone.")


def on_paper(lines):
    """Judge the adjoints of the chip's neuron of exercise 3.4, line by line."""
    draw = np.random.default_rng(34)
    i, v_old, dy, dv = draw.uniform(0.2, 1.5, (4, 3)) * draw.choice((-1, 1), (4, 3))
    paper.adjoints(
        lines,
        """
        w = alpha * v_old + (1 - alpha) * i
        s = spike(w - threshold)
        v = w * (1 - s)
        """,
        {"alpha": 0.8, "threshold": 0.3, "i": i, "v_old": v_old},
        {"w": ("dy", dy), "v": ("dv", dv)},
        {"s": "ds", "w": "dw", "v_old": "dv_old", "i": "di"},
    )


def membrane_backward_tested(test, hint=0):
    """3.1t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("3.1t", test, hint)


def filter_backward_tested(test, hint=0):
    """3.2t: a test, judged; `hint` is the number of a survivor, of which a word is said."""
    tested.judged("3.2t", test, hint)
