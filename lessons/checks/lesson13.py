"""Lesson 13: a layer that hears itself, and learns how long it remembers."""

import numpy as np

import minisnn as ms

from . import answer, close, mine, right, same, surrogate, wrong

mine.prepare(__name__)

NEURONS = (
    ms.LIF(alpha=0.8, beta=0.6, rho=0.0, threshold=0.3, slope=4.0),
    ms.LIF(alpha=0.7, beta=0.85, rho=0.0, threshold=-0.2, slope=2.0),
)


# ---- the decay of a trace


def _trace(x, decay):
    y = np.zeros(len(x))
    for t in range(len(x) - 1):
        y[t + 1] = decay * y[t] + (1 - decay) * x[t]
    return y


def _decay(x, above, decay, keep=None, old=1.0, new=-1.0, order=-1, after=0, early=False):
    """The adjoint of the decay; each option makes one mistake."""
    y = _trace(x, decay)
    keep = decay if keep is None else keep
    ddecay = 0.0
    dy = 0.0
    for t in range(len(x) - 1)[::order]:
        given = above[t] if early else above[t + 1]
        dy = given + keep * dy
        ddecay += dy * (old * y[t + after] + new * x[t + after])
    return ddecay


def _late(x, above, decay):
    """dy of step t meets what stood there, and not what made it."""
    y = _trace(x, decay)
    ddecay = 0.0
    dy = 0.0
    for t in reversed(range(len(x))):
        dy = above[t] + decay * dy
        ddecay += dy * (y[t] - x[t])
    return ddecay


def decay_backward(function):
    """13.1: a decay, for which one number is wanted."""
    for seed, decay in enumerate((0.9, 0.6, 0.3)):
        rng = np.random.default_rng(seed)
        x = (rng.random(25) < 0.4) * rng.uniform(0.5, 2, 25)
        above = rng.standard_normal(25)
        expected = _decay(x, above, decay)
        same(
            "13.1",
            "ddecay",
            answer("13.1", function, x, above, decay),
            expected,
            (
                (
                    _decay(x, above, decay, keep=0.0),
                    "y_t also feeds the step after: dy has the term decay dy of the step after; "
                    "yours takes what comes from above alone",
                ),
                (
                    _decay(x, above, decay, new=0.0),
                    "the decay stands in two products of its line: (1 - decay) x_t gives -x_t",
                ),
                (
                    _decay(x, above, decay, old=0.0),  # which is that of keep=1, too
                    "two slips give this value: the decay stands in two products of its line, and "
                    "decay y_t gives y_t, which is missing; or dy keeps all of dy of the step "
                    "after, where y keeps the share decay of itself",
                ),
                (
                    _decay(x, above, decay, new=1.0),
                    "the sign: (1 - decay) x_t gives x_t with a minus",
                ),
                (
                    -expected,
                    "the sign: decay y_t gives y_t with a plus, (1 - decay) x_t gives x_t with a "
                    "minus",
                ),
                (
                    _late(x, above, decay),
                    "your blame comes one step too late: dy of y_{t+1} meets y_t and x_t, which "
                    "made it, not those of its own step",
                ),
                (
                    _decay(x, above, decay, after=1),
                    "y_{t+1} was made of y_t and x_t; yours takes those of the step after",
                ),
                (
                    decay * expected,
                    "once too often by the decay: y_{t+1} was made of y_t, not of itself",
                ),
                (
                    _decay(x, above, decay, early=True),
                    "y_{t+1} is blamed from above by above[t + 1]; yours takes above[t]",
                ),
                (
                    _decay(x, above, decay, order=1),
                    "walk from the last step to the first: blame goes to the past",
                ),
                (
                    _decay(x, above, decay, keep=1 - decay),
                    "y keeps the share decay of itself, not 1 - decay, and so does dy",
                ),
                (
                    decay * (1 - decay) * expected,
                    "this is da, the adjoint of the number behind the decay; asked for is ddecay",
                ),
                (
                    0.0,
                    "what comes from above never enters your dy: dy of y_{t+1} begins with "
                    "above[t + 1]",
                ),
                (
                    _decay(x, above, decay, old=decay, new=decay - 1),
                    "this is y_{t+1} with another sign, not its derivative: by the decay, decay "
                    "y_t gives y_t, without the decay",
                ),
                (
                    expected / (len(x) - 1),
                    "the decay occurs at every step: a sum over the steps, not their mean",
                ),
                (
                    expected / len(x),
                    "the decay occurs at every step: a sum over the steps, not their mean",
                ),
            ),
        )
    right("13.1", "1.4's tangent, times what comes from above and summed, is the same number.")


# ---- recurrent weights


def _recurrent(
    u,
    above,
    V,
    lif,
    own=1.0,
    back=None,
    heard=None,
    soft=True,
    blamed=False,
    early=False,
    order=-1,
    shift=0.0,
    share=None,
    kappa=None,
    gate=False,
    turn=None,
):
    """(dV, dD); each option makes one mistake."""
    a = u - lif.threshold
    slope = surrogate.sigma_prime(a + shift, lif.slope if kappa is None else kappa)
    heard = surrogate.step(a) if heard is None else heard
    back = V if back is None else back
    dD = np.zeros(u.shape)
    dP = np.zeros(len(V))
    dQ = np.zeros(len(V))
    for t in range(len(u))[::order]:
        dD[t] = (1 - lif.beta if share is None else share) * dQ
        through = surrogate.step(a[t]) if gate else slope[t] if soft else 1.0
        du = above[t] * (slope[t] if blamed else 1) + own * through * (back @ dD[t])
        new = du + lif.alpha * dP
        enters = 1 - lif.alpha if turn is None else turn
        dQ = lif.beta * dQ + enters * (new if early else dP)
        dP = new
    return heard.T @ dD, dD


def _membranes(V, lif, rng, steps):
    """Those of a layer that hears itself."""
    u = np.zeros((steps, len(V)))
    P = Q = np.zeros(len(V))
    for t in range(steps):
        u[t] = P
        given = 6 * (rng.random(len(V)) < 0.3) + surrogate.step(P - lif.threshold) @ V
        P, Q = lif.alpha * P + (1 - lif.alpha) * Q, lif.beta * Q + (1 - lif.beta) * given
    return u


def recurrent_backward(function):
    """13.2: the weights between the neurons of one layer."""
    for seed, lif in enumerate(NEURONS):
        rng = np.random.default_rng(seed)
        V = rng.standard_normal((4, 4))
        u = _membranes(V, lif, rng, 25)
        above = rng.standard_normal(u.shape)
        given = u, above, V, lif
        dV, dD = answer("13.2", function, *given, returns=2)
        wanted, blame = _recurrent(*given)
        if close(dV, blame) and close(dD, wanted):
            raise wrong("13.2", "the results are exchanged: return dV first, then dD")
        same(
            "13.2",
            "dD",
            dD,
            blame,
            (
                (
                    _recurrent(*given, own=0.0)[1],
                    "the layer hears itself: a spike feeds the filters of all its neurons, so du "
                    "has a second term, through ds",
                ),
                (
                    _recurrent(*given, back=V.T)[1],
                    "ds of neuron j sums over whom it feeds, V_jk dD_k: row j of V; yours takes "
                    "its column",
                ),
                (
                    _recurrent(*given, soft=False)[1],
                    "ds enters du through the spike, so it is multiplied by sigma' of the membrane",
                ),
                (
                    _recurrent(*given, blamed=True)[1],
                    "what comes from above is the adjoint of u, not of s: it enters du as it is",
                ),
                (
                    _recurrent(*given, early=True)[1],
                    "your credit arrives one step too early: dQ uses dP of step t + 1, but yours "
                    "was renewed before",
                ),
                (
                    _recurrent(*given, order=1)[1],
                    "walk from the last step to the first: blame goes to the past",
                ),
                (
                    _recurrent(*given, own=-1.0)[1],
                    "the sign: spikes enter the filters with a plus, and ds enters du with one",
                ),
                (
                    _recurrent(*given, shift=lif.threshold)[1],
                    "the slope is taken at u - threshold; yours takes it at u",
                ),
                (
                    _recurrent(*given, share=1.0)[1],
                    "what a layer hears enters Q with the share 1 - beta, so dD takes that share "
                    "of dQ",
                ),
                (
                    _recurrent(*given, share=1 - lif.alpha)[1],
                    "what a layer hears enters Q with the share 1 - beta, not 1 - alpha",
                ),
                (
                    _recurrent(*given, gate=True)[1],
                    "ds enters du by the spike's slope sigma', not by the spike itself",
                ),
                (
                    _recurrent(*given, turn=1 - lif.beta)[1],
                    "Q enters P with the share 1 - alpha, so dP enters dQ with it; yours takes "
                    "1 - beta",
                ),
                (
                    _recurrent(*given, kappa=1.0)[1],
                    "kappa is lif.slope: sigma_prime(a, lif.slope)",
                ),
            ),
        )
        a = u - lif.threshold
        s = surrogate.step(a)
        soft = surrogate.sigma_prime(a, lif.slope)
        none = np.zeros((1, 4))
        instead = (
            (wanted.T, "dV is transposed: V_jk weighs s_j on its way to k, so dV_jk is s_j dD_k"),
            (soft.T @ dD, "V weighs the spike itself, 0 or 1: dV takes s, not its slope"),
            (u.T @ dD, "V weighs the spike itself: dV takes s, not the membrane"),
            (a.T @ dD, "V weighs the spike itself: dV takes s, not the membrane"),
            (
                np.concatenate([none, s[:-1]]).T @ dD,
                "s_t enters Q together with D_t, and dD[t] is the adjoint of that: s of the same "
                "step, not of the one before",
            ),
            (
                np.concatenate([s[1:], none]).T @ dD,
                "s_t enters Q together with D_t, and dD[t] is the adjoint of that: s of the same "
                "step, not of the one after",
            ),
            (wanted / len(u), "V occurs at every step: a sum over the steps, not their mean"),
            (np.outer(s[0], dD[0]), "V occurs at every step: add up, do not overwrite"),
            (-wanted, "the sign: spikes enter the filters with a plus"),
            (V * wanted, "dV is s_j dD_k; V itself is not in it"),
            (
                surrogate.step(u).T @ dD,
                "a neuron fires where u reaches the threshold; your spikes compare u with 0",
            ),
        )
        same("13.2", "dV", dV, wanted, instead)
    right("13.2", "Blame goes round: through a spike, a weight, two filters, and again.")


# ---- both at once, in another layer


def _leaky(x, u, above, V, decay, lif, own=1.0, back=None, keep=None, share=None, order=-1, **at):
    """(dV, ddecay); each option makes one mistake."""
    s = surrogate.step(u - lif.threshold)
    slope = surrogate.sigma_prime(u - lif.threshold + at.get("shift", 0.0), lif.slope)
    back = V if back is None else back
    none = np.zeros((1, len(V)))
    before = np.concatenate([u[-1:] if at.get("around") else none, u[:-1]])
    heard = np.concatenate([s[-1:] if at.get("around") else none, s[:-1]])
    if at.get("same"):
        heard = s
    taken = x + at.get("hears", 1.0) * (heard @ V)
    made = (u if at.get("own_step") else before) - at.get("takes", 1.0) * taken
    dV = np.zeros(V.shape)
    ddecay = 0.0
    dc = np.zeros(len(V))
    du = np.zeros(len(V))
    for t in range(len(u))[::order]:
        soft = slope[t] if at.get("soft", True) else 1.0
        du = (
            above[t] * (slope[t] if at.get("blamed") else 1.0)
            + (decay if keep is None else keep) * du
            + own * soft * (back @ (du if at.get("whole") else dc))
        )
        dc = (1 - decay if share is None else share) * du
        dV += np.outer(heard[t], dc)
        ddecay += du @ (before[t] if at.get("once") else made[t])
    return dV, ddecay


def _run(x, V, decay, lif, spike):
    u = np.zeros(x.shape)
    before = np.zeros(len(V))
    s = np.zeros(len(V))
    for t in range(len(x)):
        u[t] = decay * before + (1 - decay) * (x[t] + s @ V)
        before = u[t]
        s = spike(u[t] - lif.threshold, t)
    return u


def leaky_backward(function):
    """13.3: the weights and the decay of a layer that hears itself at once, against differences of
    its twin."""
    for seed, (lif, decay) in enumerate(zip(NEURONS, (0.7, 0.4))):
        rng = np.random.default_rng(seed)
        x = 1.5 * rng.standard_normal((20, 3))
        V = rng.standard_normal((3, 3))
        above = rng.standard_normal(x.shape)
        u = _run(x, V, decay, lif, lambda a, t: surrogate.step(a))
        a0 = u - lif.threshold

        def twin(V, decay, x=x, lif=lif, above=above, a0=a0):
            jet = lambda a, t: surrogate.jet(a, a0[t], lif.slope)
            return (above * _run(x, V, decay, lif, jet)).sum()

        h = 1e-5
        steps = h * np.eye(9).reshape(3, 3, 3, 3)
        wanted = np.array(
            [[(twin(V + e, decay) - twin(V - e, decay)) / (2 * h) for e in row] for row in steps]
        )
        slope = (twin(V, decay + h) - twin(V, decay - h)) / (2 * h)
        given = x, u, above, V, decay, lif
        dV, ddecay = answer("13.3", function, *given, returns=2)
        if close(dV, slope, 1e-6) and close(ddecay, wanted, 1e-6):
            raise wrong("13.3", "the results are exchanged: return dV first, then ddecay")
        slips: tuple[tuple[dict, str], ...] = (
            (
                dict(own=0.0),
                "the layer hears itself: the spike of a step feeds c of the next, so du has a term "
                "through ds",
            ),
            (
                dict(back=V.T),
                "ds of neuron j sums over whom it feeds, V_jk dc_k: row j of V; yours takes its "
                "column",
            ),
            (
                dict(keep=0.0),
                "u keeps the share decay of itself, so du has the term decay du of the step after",
            ),
            (
                dict(keep=1.0),
                "u keeps the share decay of itself, so du of the step after enters with that share",
            ),
            (
                dict(share=1.0),
                "c enters u with the share 1 - decay, so dc takes that share of du",
            ),
            (
                dict(share=decay),
                "c enters u with the share 1 - decay; yours takes decay",
            ),
            (
                dict(soft=False),
                "ds enters du through the spike, so it is multiplied by sigma' of the membrane",
            ),
            (
                dict(blamed=True),
                "what comes from above is the adjoint of u, not of s: it enters du as it is",
            ),
            (
                dict(shift=lif.threshold),
                "the slope is taken at u - threshold; yours takes it at u",
            ),
            (dict(own=-1.0), "the sign: spikes enter c with a plus"),
            (
                dict(whole=True),
                "spikes stand in c, which enters u with the share 1 - decay: ds takes dc, not du",
            ),
            (
                dict(own_step=True),
                "u_t is made of the membrane of the step before: ddecay takes u_{t-1}, not u_t",
            ),
            (dict(order=1), "walk from the last step to the first"),
            (
                dict(same=True),
                "c_t hears the spikes of the step before: s_{t-1} stands in it, not s_t",
            ),
            (
                dict(around=True),
                "at t = 0 yours reads u[-1] and s[-1], which NumPy takes for the last step; before "
                "the first there is nothing",
            ),
        )
        made = [(*_leaky(*given, **how), text) for how, text in slips]
        same(
            "13.3",
            "dV",
            dV,
            wanted,
            (
                *((value, text) for value, _, text in made),
                (wanted.T, "dV is transposed: dV_jk is s_j of the step before times dc_k"),
                (
                    wanted / (1 - decay),
                    "c enters u with the share 1 - decay, and V stands in c: dV takes dc, not du",
                ),
            ),
            1e-6,
        )
        same(
            "13.3",
            "ddecay",
            ddecay,
            slope,
            (
                *((value, text) for _, value, text in made),
                (
                    _leaky(*given, hears=0.0)[1],
                    "c is more than x: 1 - decay takes in s V too, so ddecay has - s_{t-1} V in it",
                ),
                (
                    _leaky(*given, hears=-1.0)[1],
                    "the sign: (1 - decay) c gives - c, with both of its parts",
                ),
                (
                    _leaky(*given, takes=-1.0)[1],
                    "the sign: (1 - decay) c gives - c, with both of its parts",
                ),
                (
                    _leaky(*given, once=True)[1],
                    "the decay stands in two products of its line: (1 - decay) c gives - c",
                ),
                (
                    -slope,
                    "the sign: decay u gives u with a plus, (1 - decay) c gives c with a minus",
                ),
                (
                    decay * (1 - decay) * slope,
                    "this is da, the adjoint of the number behind the decay; asked for is ddecay",
                ),
            ),
            1e-6,
        )
    right("13.3", "Recurrence and a learned constant, in a layer that no lesson had.")
