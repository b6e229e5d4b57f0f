"""Second-order meta-learning of a spiking network in one file, with every pass written by hand.

`python -m minisnn.micro` meta-trains on 500 tasks in a minute: the accuracy after one step rises
from 0.77 (first 100) to 0.89 (last 100). Then a complex step, Im f(u + ih) / h = f'(u), checks a
Hessian-vector product. The model is Stewart & Neftci's (2022, Eq. 4, 5) with max pooling. theta is
a list of (weight, bias): conv layers, if any, weight (k, k, C_in, C_out) with odd k, each followed
by 2 x 2 pooling; then dense layers, weight (features, units). The last is the readout, (features,
ways). x (B, T, H, W, C) are event counts, y (B,) labels. Inside, time comes first.

`dX` is the adjoint of X, the derivative of the loss with respect to X; `X_dot` and `dX_dot` are the
derivatives of X and dX along a direction in theta. `tangent` differentiates `forward` line by line,
and `backward_tangent` differentiates `backward`. A layer's tape holds what later passes need.
"""

import argparse

import numpy as np

ALPHA, BETA, GAMMA = 0.95, 0.9, 0.65  # decay per step of the traces p and q and of the reset r
RHO = 1.0  # strength of the reset
KAPPA = 10.0  # sharpness of the slope
GAIN = 10.0  # input spikes per event


# ---- the spike is a step function; its derivatives are those of sigma(u) = u / (1 + kappa |u|)
def spike(u):  # 1 if u >= 0, else 0
    return (u.real >= 0) + slope(u) * (u - u.real)  # the last term is 0 for real u


def slope(u):  # sigma'(u) = 1 / (kappa |u| + 1)^2; |u| = sign(u) u also works for complex u
    return (KAPPA * np.sign(u.real) * u + 1) ** -2


def curvature(u):  # sigma''(u) = -2 kappa sign(u) / (kappa |u| + 1)^3
    return -2 * KAPPA * np.sign(u.real) * (KAPPA * np.sign(u.real) * u + 1) ** -3


# ---- linear maps and their adjoints, used for values and for derivatives
def traces(x):  # two filters, each one step late: x_t reaches q_{t+1} and p_{t+2}
    p = np.zeros_like(x)
    q = np.zeros_like(x[0])
    for t in range(len(x) - 1):
        p[t + 1] = ALPHA * p[t] + (1 - ALPHA) * q
        q = BETA * q + (1 - BETA) * x[t]
    return p


def traces_adjoint(dp):  # dx: the same filters, run backwards in time
    return traces(dp[::-1])[::-1]


def inputs(weight, p):  # the inputs of each neuron: (T, B, features); conv: (T, B, H, W, k k C)
    if weight.ndim == 2:
        return p.reshape(*p.shape[:2], -1)
    k = len(weight)
    padded = np.pad(p, [(0, 0), (0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (2, 3))
    return np.moveaxis(windows, 4, 6).reshape(*p.shape[:4], -1)  # C after k, k


def weigh(weight, p):  # I = W p
    return inputs(weight, p) @ weight.reshape(-1, weight.shape[-1])


def weigh_adjoint(weight, p, dI):
    """dp = W^T dI (conv: W rotated by 180 degrees, channels swapped); dW = inputs(p)^T dI."""
    rotated = weight.T if weight.ndim == 2 else weight[::-1, ::-1].swapaxes(2, 3)
    dweight = inputs(weight, p).reshape(-1, weight[..., 0].size).T @ dI.reshape(-1, dI.shape[-1])
    return weigh(rotated, dI).reshape(p.shape), dweight.reshape(weight.shape)


def corners(u):  # four views of u, one per site of the 2 x 2 windows; dense: [u]
    if u.ndim == 3:
        return [u]
    H, W = u.shape[2] // 2 * 2, u.shape[3] // 2 * 2
    return [u[:, :, i:H:2, j:W:2] for i, j in np.ndindex(2, 2)]


def pool_adjoint(dv, winner, shape):  # du: dv at the largest corner, 0 at the others
    du = np.zeros(shape, dv.dtype)
    for n, corner in enumerate(corners(du)):  # views: this writes into du
        corner[...] = dv * (winner == n)
    return du


# ---- a layer: membranes u, after pooling v; below is the v of the layer underneath, x its spikes
def forward(weight, bias, below, x):
    """I = W p + b   u_t = I_t - rho r_t   r_{t+1} = gamma r_t + (1 - gamma) spike(u_t)"""
    p = traces(x)
    u = weigh(weight, p) + bias
    r = np.zeros_like(u[0])
    for t in range(len(u)):
        u[t] -= RHO * r
        r = GAMMA * r + (1 - GAMMA) * spike(u[t])
    winner = np.argmax(np.real(corners(u)), 0)  # first of equals; not differentiated
    v = np.choose(winner, corners(u))
    return {"below": below, "p": p, "u": u, "winner": winner, "v": v}


def backward(weight, tape, dv):
    """du_t = unpooled dv_t + (1 - gamma) slope(u_t) dr_{t+1}   dr_t = gamma dr_{t+1} - rho du_t"""
    u = tape["u"]
    du = pool_adjoint(dv, tape["winner"], u.shape)
    dr = np.zeros((len(u) + 1, *u[0].shape), du.dtype)
    for t in reversed(range(len(u))):
        du[t] += (1 - GAMMA) * slope(u[t]) * dr[t + 1]
        dr[t] = GAMMA * dr[t + 1] - RHO * du[t]
    dp, dweight = weigh_adjoint(weight, tape["p"], du)
    tape.update(du=du, dr=dr, dx=traces_adjoint(dp))
    dbelow = slope(tape["below"]) * tape["dx"]
    return dbelow, (dweight, du.reshape(-1, u.shape[-1]).sum(0))


def tangent(weight, weight_dot, bias_dot, tape, below_dot):
    """I_dot = W_dot p + W p_dot + b_dot; then as u and r, with slope(u) u_dot for spike(u)"""
    p_dot = traces(slope(tape["below"]) * below_dot)
    u_dot = weigh(weight_dot, tape["p"]) + weigh(weight, p_dot) + bias_dot
    r_dot = np.zeros_like(u_dot[0])
    for t in range(len(u_dot)):
        u_dot[t] -= RHO * r_dot
        r_dot = GAMMA * r_dot + (1 - GAMMA) * slope(tape["u"][t]) * u_dot[t]
    tape.update(below_dot=below_dot, p_dot=p_dot, u_dot=u_dot)
    return np.choose(tape["winner"], corners(u_dot))


def backward_tangent(weight, weight_dot, tape, dv_dot):
    """du_dot_t = unpooled dv_dot_t + (1-gamma) (slope dr_dot_{t+1} + curvature u_dot_t dr_{t+1})"""
    u, below = tape["u"], tape["below"]
    du_dot = pool_adjoint(dv_dot, tape["winner"], u.shape)
    dr_dot = np.zeros_like(u[0])
    for t in reversed(range(len(u))):
        slope_dot = curvature(u[t]) * tape["u_dot"][t]
        du_dot[t] += (1 - GAMMA) * (slope(u[t]) * dr_dot + slope_dot * tape["dr"][t + 1])
        dr_dot = GAMMA * dr_dot - RHO * du_dot[t]
    W_du_dot, p_du_dot = weigh_adjoint(weight, tape["p"], du_dot)  # two terms each: here of du_dot,
    W_dot_du, p_dot_du = weigh_adjoint(weight_dot, tape["p_dot"], tape["du"])  # here of du
    dx_dot = traces_adjoint(W_du_dot + W_dot_du)
    dbelow_dot = slope(below) * dx_dot + curvature(below) * tape["below_dot"] * tape["dx"]
    return dbelow_dot, (p_du_dot + p_dot_du, du_dot.reshape(-1, u.shape[-1]).sum(0))


# ---- the network: spikes enter the next layer; the logits are the readout's last membranes
def run(theta, x):  # (logits (B, ways), the tape of each layer)
    tapes = []
    v = x = GAIN * x.swapaxes(0, 1)  # layer 1 has no membranes below: its below_dot is 0
    for weight, bias in theta:
        tapes.append(forward(weight, bias, v, x))
        v = tapes[-1]["v"]
        x = spike(v)
    return v[-1], tapes


def backpropagate(theta, x, y):  # (cross-entropy, gradient, class probabilities, tapes)
    logits, tapes = run(theta, x)
    z = logits - logits.real.max(1, keepdims=True)
    log_probability = z - np.log(np.exp(z).sum(1, keepdims=True))
    probability = np.exp(log_probability)
    one_hot = np.eye(z.shape[1])[y]
    dv = np.zeros_like(tapes[-1]["v"])
    dv[-1] = (probability - one_hot) / len(y)
    grads = []
    for (weight, _), tape in zip(theta[::-1], tapes[::-1]):
        dv, grad = backward(weight, tape, dv)
        grads.insert(0, grad)
    return -(log_probability * one_hot).sum(1).mean(), grads, probability, tapes


def gradient(theta, x, y):  # (loss, its gradient, shaped like theta)
    return backpropagate(theta, x, y)[:2]


def hvp(theta, x, y, direction):
    """Hessian times direction: the derivative of `gradient` along it (Pearlmutter 1994)."""
    _, _, probability, tapes = backpropagate(theta, x, y)
    v_dot = np.zeros_like(tapes[0]["below"])  # the events do not depend on theta
    for (weight, _), (weight_dot, bias_dot), tape in zip(theta, direction, tapes):
        v_dot = tangent(weight, weight_dot, bias_dot, tape, v_dot)
    centred = v_dot[-1] - (probability * v_dot[-1]).sum(1, keepdims=True)
    dv_dot = np.zeros_like(v_dot)
    dv_dot[-1] = probability * centred / len(y)
    products = []
    for (weight, _), (weight_dot, _), tape in zip(theta[::-1], direction[::-1], tapes[::-1]):
        dv_dot, product = backward_tangent(weight, weight_dot, tape, dv_dot)
        products.insert(0, product)
    return products


# ---- MAML (Finn et al. 2017)
def add_scaled(theta, a, direction):  # theta + a direction
    return [(W + a * W_dot, b + a * b_dot) for (W, b), (W_dot, b_dot) in zip(theta, direction)]


def meta_gradient(theta, support, query, step_size, steps, order=2):
    """Loss of query (x, y) after `steps` steps on the support (x, y), and its gradient.

    theta_{n+1} = theta_n - step_size g_n   lambda_n = lambda_{n+1} - step_size H_n lambda_{n+1}
    from the query's gradient lambda_N at theta_N. order=1 (FOMAML) leaves the Hessians H_n out.
    """
    path = [theta]
    for _ in range(steps):
        path.append(add_scaled(path[-1], -step_size, gradient(path[-1], *support)[1]))
    loss, adjoint = gradient(path[-1], *query)
    for theta_n in reversed(path[:-1]) if order == 2 else []:
        adjoint = add_scaled(adjoint, -step_size, hvp(theta_n, *support, adjoint))
    return loss, adjoint


# ---- example: a class is a moving dot's start and velocity, with noise; three are learned
def draw_task(rng, ways=3, queries=5, side=8, T=16):  # (support, query), queries of each class
    start, velocity = rng.uniform(-1, 1, (2, ways, 1, 2))
    y = np.tile(np.arange(ways), 1 + queries)
    at = side * start[y] + 0.6 * velocity[y] * np.arange(T)[:, None]  # (B, T, 2)
    x = (rng.random((len(y), T, side, side, 2)) < 0.01) * 1.0
    x[np.arange(len(y))[:, None], np.arange(T), *np.moveaxis(at.astype(int) % side, 2, 0)] = 1
    return (x[:ways], y[:ways]), (x[ways:], y[ways:])


def main():
    parser = argparse.ArgumentParser(description="Meta-train a small network, check its H v.")
    parser.add_argument("--updates", type=int, default=500, help="number of tasks (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="for weights and tasks (default: 0)")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    theta = [(rng.normal(0, 0.3, (3, 3, 2, 6)), np.zeros(6)), (np.zeros((96, 3)), np.zeros(3))]
    history = []
    for n in range(1, max(options.updates, 1) + 1):
        support, (x, y) = draw_task(rng)
        loss, adjoint = meta_gradient(theta, support, (x, y), step_size=20, steps=1)
        logits, _ = run(add_scaled(theta, -20, gradient(theta, *support)[1]), x)
        history.append((loss, np.mean(logits.argmax(1) == y)))
        theta = add_scaled(theta, -0.1, adjoint)
        if n % 100 == 0:
            print(n, "tasks: mean loss, accuracy after a step", np.mean(history[-100:], 0).round(3))
    along_i = gradient(add_scaled(theta, 1e-100j, theta), x, y)[1]  # Im f(u + i h) / h = f'(u)
    for a, a_i in zip(sum(hvp(theta, x, y, theta), ()), sum(along_i, ())):
        print("H theta", abs(a).max(), "off a complex step by", abs(a - a_i.imag * 1e100).max())


if __name__ == "__main__":
    main()
