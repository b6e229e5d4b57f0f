"""mysnn: a spiking network that learns to learn, built function by function in the lessons of minisnn.

Sequences are (T, ...): time comes first, and all neurons of a layer, and all samples, stand behind it.
"""

from typing import NamedTuple

import numpy as np


class Neuron(NamedTuple):
    """Decays of membrane, synapse and reset, the reset's strength, threshold, slope of the surrogate, gain of the input."""

    alpha: float = 0.95
    beta: float = 0.9
    gamma: float = 0.65
    rho: float = 1.0
    threshold: float = 0.0
    slope: float = 10.0
    gain: float = 10.0


def step(a):
    """The spike: 1 where the membrane, less its threshold, is not below 0."""
    return (np.asarray(a) >= 0) * 1.0


def sigma_prime(a, slope):
    """Its slope, on loan: 1 / (slope |a| + 1)^2."""
    return 1 / (slope * np.abs(a) + 1) ** 2


def softmax(logits):
    """Probabilities (B, K) of logits (B, K)."""
    z = np.exp(logits - logits.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def summed(x, dV):
    """The sum of x^T dV over steps and samples, (n, m), of x (T, B, n) and dV (T, B, m)."""
    return np.tensordot(x, dV, ((0, 1), (0, 1)))


# 1.1 · the course's own
# y_0 = 0, y_{t+1} = decay y_t + (1 - decay) x_t: a leaky memory
def trace(x, decay):
    """y[0] = 0, y[t+1] = decay y[t] + (1 - decay) x[t]; an array as long as x."""
    y = np.zeros(x.shape)
    for t in range(len(x) - 1):
        y[t + 1] = decay * y[t] + (1 - decay) * x[t]
    return y


# 1.3 · the course's own
# u_t = w p_t + b - rho r_t, s_t = [u_t >= threshold], r_{t+1} = gamma r_t + (1 - gamma) s_t
def fire(p, w, b, lif):
    """Membrane u and spikes s (0.0 or 1.0) of a neuron with trace p."""
    u, s, r = np.zeros(p.shape), np.zeros(p.shape), 0.0
    for t in range(len(p)):
        u[t] = w * p[t] + b - lif.rho * r
        s[t] = u[t] >= lif.threshold
        r = lif.gamma * r + (1 - lif.gamma) * s[t]
    return u, s


# 2.3 · the course's own
# d/da 1 / (slope |a| + 1)^2: the curvature of a spike, on loan
def sigma_second(a, slope):
    """The derivative of 1 / (slope |a| + 1)^2; 0 at a = 0."""
    return -2 * slope * np.sign(a) / (slope * np.abs(a) + 1) ** 3


# 2.4 · the course's own
# J(a) = step(a0) + sigma'(a0) (a - a0) + sigma''(a0) (a - a0)^2 / 2: the twin of a spike
def jet(a, a0, slope):
    """The parabola with the spike's value, slope and curvature at a0; a and a0 are arrays."""
    d, first, second = a - a0, sigma_prime(a0, slope), sigma_second(a0, slope)
    return step(a0) + first * d + 0.5 * second * d ** 2


# 3.1 · the course's own
# dI_t = dy_t + sigma'(a_t) (1 - gamma) dr_{t+1}, dr_t = gamma dr_{t+1} - rho dI_t
def membrane_backward(u, dy, lif):
    """dI (T,) from the membrane u of the forward pass and the adjoint dy from above."""
    dI, dr = np.zeros(u.shape), 0.0
    for t in reversed(range(len(u))):
        ds = (1 - lif.gamma) * dr
        du = dy[t] + sigma_prime(u[t] - lif.threshold, lif.slope) * ds
        dr = lif.gamma * dr - lif.rho * du
        dI[t] = du
    return dI


# 3.2 · the course's own
# dV_t = (1 - beta) dQ_{t+1}, dQ_t = beta dQ_{t+1} + (1 - alpha) dP_{t+1}, dP_t = dI_t + alpha dP_{t+1}
def filter_backward(dI, lif):
    """dV (T,) from dI (T,)."""
    dV, dP, dQ = np.zeros(dI.shape), 0.0, 0.0
    for t in reversed(range(len(dI))):
        dV[t] = (1 - lif.beta) * dQ
        dQ, dP = lif.beta * dQ + (1 - lif.alpha) * dP, dI[t] + lif.alpha * dP
    return dV


# 5.2 · the course's own
# dlogits = (softmax(logits) - [class = y]) / B: the cross-entropy's
def loss_backward(logits, y):
    """dlogits (B, ways) of the mean cross-entropy; y (B,) holds the true classes."""
    dlogits = softmax(logits)
    dlogits[np.arange(len(y)), y] -= 1
    return dlogits / len(y)


# 6.1 · the course's own
# theta_{n+1} = theta_n - step_size g(theta_n)
def descend(net, theta, x, y, step_size, steps):
    """(theta_N, losses (N,)) after N = `steps` steps of gradient descent; theta itself stays."""
    losses = np.zeros(steps)
    for n in range(steps):
        losses[n], gradient = net.loss_and_gradient(theta, x, y)
        theta = theta - step_size * gradient
    return theta, losses


# 7.1 · the course's own
# the lines of `fire`, dotted: s_dot = sigma'(a) u_dot
def membrane_tangent(u, I_dot, lif):
    """u_dot (T,) from the recorded membrane u and the motion I_dot of what comes in."""
    u_dot, r_dot = np.zeros(u.shape), 0.0
    for t in range(len(u)):
        u_dot[t] = I_dot[t] - lif.rho * r_dot
        s_dot = sigma_prime(u[t] - lif.threshold, lif.slope) * u_dot[t]
        r_dot = lif.gamma * r_dot + (1 - lif.gamma) * s_dot
    return u_dot


# 7.2 · the course's own
# the lines of `membrane_backward`, dotted: sigma'(a) dr moves in both factors
def membrane_backward_tangent(u, u_dot, dy, dy_dot, lif):
    """dI_dot (T,): how dI = membrane_backward(u, dy, lif) moves with u and dy."""
    dI_dot, dr, dr_dot = np.zeros(u.shape), 0.0, 0.0
    for t in reversed(range(len(u))):
        first = (1 - lif.gamma) * sigma_prime(u[t] - lif.threshold, lif.slope)
        second = (1 - lif.gamma) * sigma_second(u[t] - lif.threshold, lif.slope)
        dI = dy[t] + first * dr
        dI_dot[t] = dy_dot[t] + first * dr_dot + second * u_dot[t] * dr
        dr = lif.gamma * dr - lif.rho * dI
        dr_dot = lif.gamma * dr_dot - lif.rho * dI_dot[t]
    return dI_dot


# 7.3 · the course's own
# max |f(h) - f(0) - h f_dot|: slope 2, or the tangent is wrong
def taylor(f, f_dot, steps):
    """max |f(h) - f(0) - h f_dot| for each h of steps, an array; f(h) and f_dot are arrays."""
    start = f(0.0)
    return np.array([np.abs(f(h) - start - h * f_dot).max() for h in steps])


# 10.2 · the course's own
# lambda_N = gradient of the query's loss at theta_N, lambda_n = lambda_{n+1} - a H_n lambda_{n+1}: the meta-gradient
def back(net, thetas, task, a):
    """lambda_0, flat like theta: the query's gradient at thetas[-1], brought back to thetas[0]."""
    lam = net.loss_and_gradient(thetas[-1], task.x_query, task.y_query)[1]
    for theta in reversed(thetas[:-1]):
        lam = lam - a * net.hessian_vector_product(theta, task.x_support, task.y_support, lam)
    return lam
