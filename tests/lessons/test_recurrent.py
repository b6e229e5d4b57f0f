"""The lesson on layers that hear themselves: what its checks hold for right is right by
differences of the twin, and right answers of another hand pass."""

import numpy as np
import pytest
from checks import Wrong, lesson07, surrogate
from checks import lesson13 as check
from checks.surrogate import sigma_prime


def step(a):
    return (np.asarray(a) >= 0) * 1.0


def by_matrices(x, above, decay):
    """y = M x with M_tk = (1 - decay) decay^(t-1-k), and its derivative by the decay."""
    t, k = np.indices((len(x), len(x)))
    n = np.maximum(t - 1 - k, 0)
    slope = (1 - decay) * n * decay ** np.maximum(n - 1, 0) - decay**n
    return float(above @ (np.where(k < t, slope, 0.0) @ x))


def by_a_tangent(x, above, decay):
    """A number has one tangent: what comes from above times it."""
    found = 0.0
    y = 0.0
    y_dot = 0.0
    for t in range(len(x)):
        found += above[t] * y_dot
        y_dot = y - x[t] + decay * y_dot
        y = decay * y + (1 - decay) * x[t]
    return found


@pytest.mark.parametrize("answer", [by_matrices, by_a_tangent])
def test_other_adjoints_of_a_decay_pass(answer):
    check.decay_backward(answer)


def with_lists(u, above, V, lif):
    slope = sigma_prime(u - lif.threshold, lif.slope)
    dP = dQ = np.zeros(len(V))
    dD = []
    for row, given in zip(slope[::-1], above[::-1]):
        dD.append((1 - lif.beta) * dQ)
        old = dP
        dP = given + row * (dD[-1] @ V.T) + lif.alpha * dP
        dQ = lif.beta * dQ + (1 - lif.alpha) * old
    dD = np.array(dD[::-1])
    return sum(np.outer(s, d) for s, d in zip(step(u - lif.threshold), dD)), dD


def by_a_system(u, above, V, lif):
    """All steps at once: what a spike of step t does to the membranes of t + 2 on."""
    T, K = u.shape
    n = np.arange(T)[:, None] - np.arange(T) - 1
    filtered = np.zeros((T, T))
    for one in range(1, T):
        kernel = sum(lif.alpha ** (one - 1 - m) * lif.beta**m for m in range(one))
        filtered[n == one] = (1 - lif.alpha) * (1 - lif.beta) * kernel
    slope = sigma_prime(u - lif.threshold, lif.slope)
    loop = np.einsum("tj,jl,ut->tjul", slope, V, filtered).reshape(T * K, T * K)
    du = np.linalg.solve(np.eye(T * K) - loop, above.ravel()).reshape(T, K)
    dD = filtered.T @ du
    return step(u - lif.threshold).T @ dD, dD


@pytest.mark.parametrize("answer", [with_lists, by_a_system])
def test_other_adjoints_of_recurrent_weights_pass(answer):
    check.recurrent_backward(answer)


def by_sums(x, u, above, V, decay, lif):
    none = np.zeros((1, len(V)))
    s = np.concatenate([none, step(u - lif.threshold)[:-1]])
    du = above.copy()
    for t in range(len(u) - 1, 0, -1):
        slope = sigma_prime(u[t - 1] - lif.threshold, lif.slope)
        du[t - 1] += decay * du[t] + (1 - decay) * slope * (V @ du[t])
    moved = np.concatenate([none, u[:-1]]) - x - s @ V
    return (1 - decay) * sum(np.outer(a, b) for a, b in zip(s, du)), (du * moved).sum()


def of_what_it_made(x, u, above, V, decay, lif):
    """u_{t-1} - c_t is (u_{t-1} - u_t) / (1 - decay)."""
    before = np.vstack([0 * u[:1], u[:-1]])
    du = np.zeros_like(u)
    for t in range(len(u))[::-1]:
        du[t] = above[t]
        if t + 1 < len(u):
            ds = (1 - decay) * np.dot(V, du[t + 1])
            du[t] += decay * du[t + 1] + sigma_prime(u[t] - lif.threshold, lif.slope) * ds
    s = step(u - lif.threshold)
    dV = np.einsum("tj,tk->jk", s[:-1], (1 - decay) * du[1:])
    return dV, np.sum(du * (before - u)) / (1 - decay)


@pytest.mark.parametrize("answer", [by_sums, of_what_it_made])
def test_other_adjoints_of_a_leaky_layer_pass(answer):
    check.leaky_backward(answer)


def test_what_is_held_for_the_adjoint_of_recurrent_weights_is_that_of_the_twin():
    h = 1e-5
    for seed, lif in enumerate(check.NEURONS):
        rng = np.random.default_rng(seed)
        V = rng.standard_normal((4, 4))
        D = 6.0 * (rng.random((25, 4)) < 0.3)

        def layer(D, V, spike, lif=lif):
            u = np.zeros(D.shape)
            P = Q = np.zeros(4)
            for t in range(len(D)):
                u[t] = P
                given = D[t] + spike(P - lif.threshold, t) @ V
                P, Q = lif.alpha * P + (1 - lif.alpha) * Q, lif.beta * Q + (1 - lif.beta) * given
            return u

        u = layer(D, V, lambda a, t: step(a))
        a0 = u - lif.threshold
        above = rng.standard_normal(u.shape)
        dV, dD = check._recurrent(u, above, V, lif)

        def twin(D, V, a0=a0, lif=lif, layer=layer, above=above):
            jet = lambda a, t: surrogate.jet(a, a0[t], lif.slope)
            return (above * layer(D, V, jet)).sum()

        for _ in range(4):
            way_V, way_D = rng.standard_normal(V.shape), rng.standard_normal(D.shape)
            up, down = (twin(D + s * way_D, V + s * way_V) for s in (h, -h))
            found = (dV * way_V).sum() + (dD * way_D).sum()
            assert found == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_what_is_held_for_the_adjoint_of_a_decay_is_that_of_differences():
    rng = np.random.default_rng(0)
    x, above = rng.standard_normal((2, 30))
    h = 1e-6
    for decay in (0.2, 0.7, 0.95):
        up, down = (above @ check._trace(x, decay + s) for s in (h, -h))
        assert check._decay(x, above, decay) == pytest.approx((up - down) / (2 * h), rel=1e-6)


@pytest.mark.parametrize(
    "asked, returned",
    [
        (check.recurrent_backward, lambda given: (given[-1], given[0])),
        (check.recurrent_backward, lambda given: ("dV", "dD")),
        (check.leaky_backward, lambda given: (given[-1], given[-1])),
        (lesson07.membrane_backward_tangent.plain, lambda given: given[-1]),
        (lesson07.membrane_backward_tangent.plain, lambda given: "dI_dot"),
    ],
)
def test_what_is_no_number_gets_a_sentence(asked, returned):
    with pytest.raises(Wrong, match="^Exercise "):
        asked(lambda *given: returned(given))


def test_exchanged_results_are_named():
    def exchanged(*given):
        return with_lists(*given)[::-1]

    with pytest.raises(Wrong, match="the results are exchanged: return dV first"):
        check.recurrent_backward(exchanged)


def test_a_ragged_list_gets_a_sentence():
    with pytest.raises(Wrong, match="^Exercise 13.1: .* a list of lists that differ in length"):
        check.decay_backward(lambda *given: [1, [2, 3]])
