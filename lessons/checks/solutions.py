"""The course's own solutions and cases, made by make.py from the lessons' sources."""

SOLUTIONS = {
    "0.1": r'''def learn(start, step_size, gradient):
    """The weights after the one step."""
    learned = start - step_size * gradient
    return learned
''',
    "1.1": r'''def trace(x, decay):
    """y[0] = 0, y[t+1] = decay y[t] + (1 - decay) x[t]; an array as long as x."""
    y = np.zeros(x.shape)
    for t in range(len(x) - 1):
        y[t + 1] = decay * y[t] + (1 - decay) * x[t]
    return y
''',
    "1.2": r'''def response(t, alpha, beta):
    """p_t at t >= 1 (number or array) after one spike at step 0; alpha and beta differ."""
    n = np.asarray(t) - 1
    return (1 - alpha) * (1 - beta) * (alpha ** n - beta ** n) / (alpha - beta)
''',
    "1.3": r'''def fire(p, w, b, lif):
    """Membrane u and spikes s (0.0 or 1.0) of a neuron with trace p."""
    u, s, r = np.zeros(p.shape), np.zeros(p.shape), 0.0
    for t in range(len(p)):
        u[t] = w * p[t] + b - lif.rho * r
        s[t] = u[t] >= lif.threshold
        r = lif.gamma * r + (1 - lif.gamma) * s[t]
    return u, s
''',
    "1.4": r'''def by_decay(x, decay):
    """The derivative of y_t by the decay for all t, as long as x."""
    y, dy = trace(x, decay), np.zeros(x.shape)
    for t in range(len(x) - 1):
        dy[t + 1] = y[t] + decay * dy[t] - x[t]
    return dy
''',
    "2.1": r'''def sigma(a, slope):
    """The function with sigma(0) = 0 whose derivative is 1 / (slope |a| + 1)^2."""
    return a / (1 + slope * np.abs(a))
''',
    "2.2": r'''def gradient(w, b, p, y, lif):
    """(dL/dw, dL/db) of L = (s - y)^2 / 2 with the surrogate slope; p and y are numbers."""
    a = w * p + b - lif.threshold
    s = float(a >= 0)
    du = (s - y) * sigma_prime(a, lif.slope)
    return du * p, du
''',
    "2.3": r'''def sigma_second(a, slope):
    """The derivative of 1 / (slope |a| + 1)^2; 0 at a = 0."""
    return -2 * slope * np.sign(a) / (slope * np.abs(a) + 1) ** 3
''',
    "2.4": r'''def jet(a, a0, slope):
    """The parabola with the spike's value, slope and curvature at a0; a and a0 are arrays."""
    d, first, second = a - a0, sigma_prime(a0, slope), sigma_second(a0, slope)
    return step(a0) + first * d + 0.5 * second * d ** 2
''',
    "3.1": r'''def membrane_backward(u, dy, lif):
    """dI (T,) from the membrane u of the forward pass and the adjoint dy from above."""
    dI, dr = np.zeros(u.shape), 0.0
    for t in reversed(range(len(u))):
        ds = (1 - lif.gamma) * dr
        du = dy[t] + sigma_prime(u[t] - lif.threshold, lif.slope) * ds
        dr = lif.gamma * dr - lif.rho * du
        dI[t] = du
    return dI
''',
    "3.2": r'''def filter_backward(dI, lif):
    """dV (T,) from dI (T,)."""
    dV, dP, dQ = np.zeros(dI.shape), 0.0, 0.0
    for t in reversed(range(len(dI))):
        dV[t] = (1 - lif.beta) * dQ
        dQ, dP = lif.beta * dQ + (1 - lif.alpha) * dP, dI[t] + lif.alpha * dP
    return dV
''',
    "3.2t": r'''def test(f, forward, V):
    """Say no where f(dI) is not the adjoint of forward(V); arrays shaped like the example V."""
    dI = np.random.default_rng(0).standard_normal(V.shape)
    assert np.isclose((f(dI) * V).sum(), (dI * forward(V)).sum(), 1e-4)
''',
    "3.3": r'''def neuron_backward(x, u, dy, lif):
    """(dw, db) from the input spikes x, the membrane u and the adjoint dy from above, all (T,)."""
    dI = membrane_backward(u, dy, lif)
    dV = filter_backward(dI, lif)
    return x @ dV, dI.sum()
''',
    "3.1t": r'''def test(f, twin, I):
    """Say no where f(twin(I), dy) is not the adjoint of the twin at I."""
    dy, d = np.random.default_rng(0).standard_normal((2, *I.shape))
    difference = twin(I + 1e-5 * d) - twin(I - 1e-5 * d)
    assert np.isclose((f(twin(I), dy) * d).sum(), (dy * difference).sum() / 2e-5, 1e-4)
''',
    "3.4": r'''def chip_backward(w, dy, lif):
    """di (T,) from the recorded w (T,) and the adjoint dy of w from above."""
    di, dv = np.zeros(w.shape), 0.0
    for t in reversed(range(len(w))):
        a = w[t] - lif.threshold
        dw = dy[t] + (1 - step(a) - w[t] * sigma_prime(a, lif.slope)) * dv
        di[t], dv = (1 - lif.alpha) * dw, lif.alpha * dw
    return di
''',
    "4.1": r'''def by_strides(x, w):
    """The same as by_loops: x (H, W, C), w (k, k, C, O) -> (H, W, O)."""
    (H, W, _), k = x.shape, len(w)
    m = k // 2
    padded = np.pad(x, [(m, m), (m, m), (0, 0)])
    return sum(padded[i:i + H, j:j + W] @ w[i, j] for i in range(k) for j in range(k))
''',
    "4.2": r'''def by_events(x, w):
    """The same again, one spike after the other."""
    (H, W, _), (k, _, _, O) = x.shape, w.shape
    m, V = k // 2, np.zeros((H, W, O))
    for y, z, c in np.argwhere(x):
        for i, j in np.ndindex(k, k):
            h, v = y - i + m, z - j + m
            if 0 <= h < H and 0 <= v < W:
                V[h, v] += x[y, z, c] * w[i, j, c]
    return V
''',
    "4.3": r'''def reach(y, H, k):
    """(first, last + 1) of the places i with 0 <= y - i + m < H, as for range(); m = k // 2."""
    m = k // 2
    return max(0, y + m + 1 - H), min(k, y + m + 1)
''',
    "4.4": r'''def input_blame(w, dV):
    """dx (H, W, C) from the kernel w (k, k, C, O) and the adjoint dV (H, W, O)."""
    return by_strides(dV, w[::-1, ::-1].transpose(0, 1, 3, 2))
''',
    "5.1": r'''def pool_backward(u, dv):
    """du (H, W) from the membranes u (H, W) and the adjoint dv (H / 2, W / 2) after pooling."""
    du = np.zeros(u.shape)
    for h, v in np.ndindex(dv.shape):
        i, j = divmod(u[2 * h:2 * h + 2, 2 * v:2 * v + 2].argmax(), 2)
        du[2 * h + i, 2 * v + j] = dv[h, v]
    return du
''',
    "5.1t": r'''def test(f, pool, u):
    """Say no where f(u, dv) is not the adjoint of pool at u."""
    d, dv = map(np.random.default_rng(0).standard_normal, (u.shape, pool(u).shape))
    difference = pool(u + 1e-6 * d) - pool(u - 1e-6 * d)
    assert np.isclose((f(u, dv) * d).sum(), (dv * difference).sum() / 2e-6, 1e-4)
''',
    "5.2": r'''def loss_backward(logits, y):
    """dlogits (B, ways) of the mean cross-entropy; y (B,) holds the true classes."""
    dlogits = softmax(logits)
    dlogits[np.arange(len(y)), y] -= 1
    return dlogits / len(y)
''',
    "5.3": r'''def backward(net, theta, tapes, dlogits):
    """The gradient, flat like theta: down the list."""
    gradient, dx = np.zeros(net.size), np.zeros(tapes[-1].u.shape)
    dx[-1, :, 0, 0] = dlogits
    parts = list(zip(net.blocks, net.weights(theta), net.weights(gradient), tapes))
    for b, w, (dweight, dbias, *_), tape in reversed(parts):
        dx = dx.reshape(*dx.shape[:2], *b.output_shape)          # a picture again
        dx, found = b.backward(w, tape, dx)
        dweight[...], dbias[...] = found["weight"], found["bias"]
    return gradient
''',
    "5.4": r'''def soft_pool_backward(u, dv):
    """du (H, W) from u (H, W) and dv (H / 2, W / 2), pooled by the logarithm above."""
    du = np.zeros(u.shape)
    for h, v in np.ndindex(dv.shape):
        four = u[2 * h:2 * h + 2, 2 * v:2 * v + 2]
        four = four - four.max()                                 # exp(710) would be infinite
        du[2 * h:2 * h + 2, 2 * v:2 * v + 2] = dv[h, v] * np.exp(four) / np.exp(four).sum()
    return du
''',
    "5.5": r'''def readout_backward(dlogits, u, readout, lif):
    """du (n, B, ways) from dlogits (B, ways) and the membranes u (n, B, ways); "mean" or "count"."""
    du = np.repeat(dlogits[None] / len(u), len(u), 0)
    if readout == "count":
        du = du * sigma_prime(u - lif.threshold, lif.slope)
    return du
''',
    "6.1": r'''def descend(net, theta, x, y, step_size, steps):
    """(theta_N, losses (N,)) after N = `steps` steps of gradient descent; leaves theta as it is."""
    losses = np.zeros(steps)
    for n in range(steps):
        losses[n], gradient = net.loss_and_gradient(theta, x, y)
        theta = theta - step_size * gradient
    return theta, losses
''',
    "6.2": r'''def along(net, theta, d, ts, x, y):
    """(true, twin): the losses at theta + t d for each t of ts, two arrays."""
    record = net.record(theta, x)
    true = [net.loss(theta + t * d, x, y) for t in ts]
    twin = [net.loss(theta + t * d, x, y, spike="jet", record=record) for t in ts]
    return np.array(true), np.array(twin)
''',
    "6.3": r'''def flipped(net, theta, moved, x, name):
    """Share of the entries of block `name`'s spikes, 0 to 1, that differ at `moved`."""
    return (net.spikes(theta, x, name) != net.spikes(moved, x, name)).mean()
''',
    "6.4": r'''def slope_of_step(net, theta, x, y, step_size):
    """d/d step_size of L(theta - step_size g(theta)), with the surrogate slope."""
    g = net.loss_and_gradient(theta, x, y)[1]
    there = net.loss_and_gradient(theta - step_size * g, x, y)[1]
    return -(there @ g)
''',
    "7.1": r'''def membrane_tangent(u, I_dot, lif):
    """u_dot (T,) from the recorded membrane u and the motion I_dot of what comes in."""
    u_dot, r_dot = np.zeros(u.shape), 0.0
    for t in range(len(u)):
        u_dot[t] = I_dot[t] - lif.rho * r_dot
        s_dot = sigma_prime(u[t] - lif.threshold, lif.slope) * u_dot[t]
        r_dot = lif.gamma * r_dot + (1 - lif.gamma) * s_dot
    return u_dot
''',
    "7.2": r'''def membrane_backward_tangent(u, u_dot, dy, dy_dot, lif):
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
''',
    "7.3": r'''def taylor(f, f_dot, steps):
    """max |f(h) - f(0) - h f_dot| for each h of steps, an array; f(h) and f_dot are arrays."""
    start = f(0.0)
    return np.array([np.abs(f(h) - start - h * f_dot).max() for h in steps])
''',
    "7.2t": r'''def test(f, backward, u):
    """Say no where f(u, u_dot, dy, dy_dot) is not how backward(u, dy) moves."""
    u_dot, dy, dy_dot = np.random.default_rng(0).standard_normal((3, *u.shape))
    up, down = (backward(u + h * u_dot, dy + h * dy_dot) for h in (1e-6, -1e-6))
    assert np.allclose(f(u, u_dot, dy, dy_dot), (up - down) / 2e-6, 1e-4, 1e-4)
''',
    "7.4": r'''def decay_tangent(u, s, lif):
    """u_dot (T,) when gamma moves by 1 and I does not move; u and s (T,) as recorded."""
    u_dot, r, r_dot = np.zeros(u.shape), 0.0, 0.0
    for t in range(len(u)):
        u_dot[t] = -lif.rho * r_dot
        s_dot = sigma_prime(u[t] - lif.threshold, lif.slope) * u_dot[t]
        r_dot = r - s[t] + lif.gamma * r_dot + (1 - lif.gamma) * s_dot
        r = lif.gamma * r + (1 - lif.gamma) * s[t]
    return u_dot
''',
    "8.1": r'''def differences(net, theta, x, y, v, h):
    """(g(theta + h v) - g(theta - h v)) / 2h with the gradients g of the twin recorded at theta."""
    record = net.record(theta, x)
    up, down = (net.loss_and_gradient(theta + s * v, x, y, spike="jet", record=record)[1]
                for s in (h, -h))
    return (up - down) / (2 * h)
''',
    "8.2": r'''def asymmetry(product, v, w):
    """|<w, H v> - <v, H w>| / (|w| |H v|); product(v) is H v."""
    hv, hw = product(v), product(w)
    return abs(w @ hv - v @ hw) / (np.linalg.norm(w) * np.linalg.norm(hv))
''',
    "8.2t": r'''def test(product, gradient, theta):
    """Say no where product(v) is not how gradient moves from theta along v."""
    v = np.random.default_rng(0).standard_normal(theta.shape)
    up, down = gradient(theta + 1e-5 * v), gradient(theta - 1e-5 * v)
    assert np.allclose(product(v), (up - down) / 2e-5, 1e-4, 1e-6)
''',
    "8.3": r'''def strongest(product, size, count):
    """(values (count,), vectors (size, count)): eigenvalues of largest |value|, strongest first."""
    operator = LinearOperator((size, size), matvec=product, dtype=float)
    values, vectors = eigsh(operator, k=count, which="LM", v0=np.ones(size))
    order = np.argsort(-np.abs(values))
    return values[order], vectors[:, order]
''',
    "8.4": r'''def spike_hessian(p, a, y, slope):
    """The matrix (D, D) of second derivatives of (s - y)^2 / 2 by w; p (D,), a number a."""
    s, first, second = step(a), sigma_prime(a, slope), sigma_second(a, slope)
    return (first ** 2 + (s - y) * second) * np.outer(p, p)
''',
    "9.1": r'''def pixel(light, C, blind):
    """Events (T,), 1 ON, -1 OFF, 0 none, of a pixel that sees the log-intensity light (T,)."""
    s, reference, sees = np.zeros(len(light)), light[0], 0
    for t in range(len(light)):
        if t == sees:
            reference = light[t]
        if t >= sees and abs(light[t] - reference) >= C:
            s[t] = np.sign(light[t] - reference)
            sees = t + blind
    return s
''',
    "9.2": r'''def decode(raw):
    """(x, y, t, p), arrays of whole numbers, one entry an event, from the bytes of a file."""
    x, y, b2, b3, b4 = raw.reshape(-1, 5).T.astype(int)
    event = y != 240
    t = 65536 * (b2 % 128) + 256 * b3 + b4 + 8192 * np.cumsum(~event)
    return x[event], y[event], t[event], b2[event] // 128
''',
    "9.3": r'''def count(x, y, t, p):
    """Counts (100, 16, 16, 2), [step, row, column, polarity]; t in us, step 0 begins at t[0]."""
    counts = np.zeros((100, 16, 16, 2))
    step = (t - t[0]) // 1000
    inside = (step < 100) & (x < 32) & (y < 32)
    np.add.at(counts, tuple(n[inside] for n in (step, y // 2, x // 2, p)), 1)
    return counts
''',
    "9.4": r'''def deal(rng, n, shots, queries):
    """(support (shots,), query (queries,)): numbers from 0 .. n - 1, all different, at random."""
    order = rng.permutation(n)
    return order[:shots], order[shots:shots + queries]
''',
    "10.1": r'''def slopes(start, c, h, a, N):
    """(dF / d theta_0, the slope of L at theta_N): what MAML and FOMAML follow from `start`."""
    factor = (1 - a * h) ** N
    first = h * factor * (start - c)
    return factor * first, first
''',
    "10.2": r'''def back(net, thetas, task, a):
    """lambda_0, flat like theta: the query's gradient at thetas[-1], brought back to thetas[0]."""
    lam = net.loss_and_gradient(thetas[-1], task.x_query, task.y_query)[1]
    for theta in reversed(thetas[:-1]):
        lam = lam - a * net.hessian_vector_product(theta, task.x_support, task.y_support, lam)
    return lam
''',
    "10.2t": r'''def test(f, path, loss, theta):
    """Say no where f(path(theta)) is not the gradient of the loss after learning, by theta."""
    d = np.random.default_rng(0).standard_normal(theta.shape)
    up, down = (loss(path(theta + h * d)[-1]) for h in (1e-5, -1e-5))
    assert np.isclose(f(path(theta)) @ d, (up - down) / 2e-5, 1e-4)
''',
    "10.3": r'''def back_tied(net, thetas, task, a, c):
    """dF / dtheta_0, where every step was pulled back to thetas[0] with strength c."""
    lam, direct = net.loss_and_gradient(thetas[-1], task.x_query, task.y_query)[1], 0.0
    for theta in reversed(thetas[:-1]):
        hv = net.hessian_vector_product(theta, task.x_support, task.y_support, lam)
        direct = direct + a * c * lam
        lam = lam - a * (hv + c * lam)
    return lam + direct
''',
    "11.1": r'''def meta_train(net, theta, tasks, a, order):
    """(theta_0 after an outer step for each of the tasks, their losses F as an array)."""
    adam, losses = ms.Adam(net.size), []
    for task in tasks:
        loss, gradient = ms.meta_gradient(net, theta, task, a, order=order)
        theta = adam.step(theta, ms.meta.optim.clip(gradient, 5)[0], 0.02)
        losses.append(loss)
    return theta, np.array(losses)
''',
    "11.2": r'''def adam(theta, g, notes, n, rate):
    """(theta, notes) after step n = 1, 2, ... along the gradient g; notes are (m, v)."""
    m, v = notes
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g ** 2
    size = np.sqrt(v / (1 - 0.999 ** n)) + 1e-8
    return theta - rate * m / (1 - 0.9 ** n) / size, (m, v)
''',
    "12.1": r'''def errors(net, theta, task, a, N):
    """Array (N + 1,): the query error, 0 to 1, after 0 .. N steps on the support."""
    found = np.zeros(N + 1)
    for n in range(N + 1):
        found[n] = np.mean(net(theta, task.x_query).argmax(1) != task.y_query)
        if n < N:
            theta = ms.adapt(net, theta, task.x_support, task.y_support, a, steps=1)
    return found
''',
    "12.2": r'''def unfrozen(net, frozen):
    """m, flat like theta: 0 for all weights and biases of the layers in frozen, 1 elsewhere."""
    m = np.ones(net.size, net.dtype)
    for part in net.layout:
        if part.name.split(".")[0] in frozen:
            m[part.slice] = 0
    return m
''',
    "12.3": r'''def gate(net, update, f):
    """m, flat like update = a g: 1 where |update| exceeds the threshold of its layer, else 0."""
    m = np.zeros(net.size, net.dtype)
    for weight, bias in zip(net.layout[::2], net.layout[1::2]):
        layer = slice(weight.slice.start, bias.slice.stop)
        size = np.abs(update[layer])
        m[layer] = size > f * (size.max() - size.min())
    return m
''',
    "13.1": r'''def decay_backward(x, above, decay):
    """ddecay, a number, from the input x (T,) of a trace and what comes from above (T,)."""
    y, ddecay, dy = trace(x, decay), 0.0, 0.0
    for t in reversed(range(len(x) - 1)):
        dy = above[t + 1] + decay * dy
        ddecay += dy * (y[t] - x[t])
    return ddecay
''',
    "13.2": r'''def recurrent_backward(u, above, V, lif):
    """(dV, dD) from the membranes u (T, K), what comes from above (T, K), and V (K, K)."""
    dV, dD, dP, dQ = np.zeros(V.shape), np.zeros(u.shape), 0.0, 0.0
    for t in reversed(range(len(u))):
        a = u[t] - lif.threshold
        dD[t] = (1 - lif.beta) * dQ
        dV += np.outer(step(a), dD[t])
        du = above[t] + sigma_prime(a, lif.slope) * (V @ dD[t])
        dQ, dP = lif.beta * dQ + (1 - lif.alpha) * dP, du + lif.alpha * dP
    return dV, dD
''',
    "13.3": r'''def leaky_backward(x, u, above, V, decay, lif):
    """(dV, ddecay) from x, u and what comes from above, all (T, K), and V (K, K)."""
    s = step(u - lif.threshold)
    dV, ddecay, dc, du = np.zeros(V.shape), 0.0, np.zeros(len(V)), np.zeros(len(V))
    for t in reversed(range(len(u))):
        ds = V @ dc
        du = above[t] + decay * du + sigma_prime(u[t] - lif.threshold, lif.slope) * ds
        dc = (1 - decay) * du
        before, heard = (u[t - 1], s[t - 1]) if t else (np.zeros(len(V)), np.zeros(len(V)))
        dV += np.outer(heard, dc)
        ddecay += du @ (before - x[t] - heard @ V)
    return dV, ddecay
''',
    "14.1": r'''def shift(x, k, mode, noise=0):
    """x / 2^k for k >= 1, rounded by mode: "floor", "zero", "nearest" or "stochastic"."""
    c = {"floor": 0, "zero": (1 << k) - 1 if x < 0 else 0, "nearest": 1 << (k - 1),
         "stochastic": noise}
    return (x + c[mode]) >> k
''',
    "14.2": r'''def trace(V, a, F, mode="floor"):
    """[Y_0, ..., Y_{T-1}] in units of 2^-F, of integers V (T,) and the factor a / 4096."""
    Y = [0]
    for v in V[:-1]:
        Y.append(shift(a * Y[-1] + (4096 - a) * (v << F), 12, mode))
    return Y
''',
    "14.3": r'''def fraction_bits(tolerance, error, factors):
    """The least F; tolerance in units of V, error is epsilon, factors are those of 4096."""
    units, F = sum(error / (1 - a / 4096) for a in factors), 0
    while units / 2 ** F > tolerance:
        F += 1
    return F
''',
    "14.4": r'''def widest(W, most):
    """(low, high, bits) of the sums over i of W[i, k] p[i], where 0 <= p[i] <= most."""
    low = most * int(np.minimum(W, 0).sum(0).min())
    high = most * int(np.maximum(W, 0).sum(0).max())
    return low, high, max((-low - 1).bit_length() if low else 0, high.bit_length()) + 1
''',
    "14.5": r'''def exponent(w, bits):
    """The exponent x of the least squared error for weights w in signed words of `bits` bits."""
    top, errors = 2 ** (bits - 1) - 1, {}
    for x in range(4, -21, -1):
        k = np.clip(np.floor(w / 2.0 ** x + 0.5), -top - 1, top)
        errors[x] = ((w - 2.0 ** x * k) ** 2).sum()
    return min(errors, key=errors.get)
''',
    "15.1": r'''def error(u, label):
    """e (K,) in units of 1/128, -128 to 127, of membranes u (K,) in units of 1/1024; integers."""
    place = (u.max() - u) >> 6
    z = np.where(place < 256, EXPONENTIAL[np.minimum(place, 255)], 0)
    e = (256 * z + z.sum()) // (2 * z.sum())
    e[label] -= 128
    return np.minimum(e, 127)
''',
    "15.2": r'''def update(W, G, k, least, noise, high):
    """The integers W after one step; W, G (and noise, which may be one number) are arrays."""
    D = np.where(np.abs(G) > least, (G + noise) >> k, 0)
    return np.clip(W - D, -high - 1, high)
''',
    "15.2t": r'''def test(f, k):
    """Say no where f(W, G, noise) is no update with the shift k; gate and word are not known."""
    G, noise = np.meshgrid(np.arange(-999, 1000), np.arange(2 ** k))
    total, gated = -f(0 * G, G, noise).sum(0), np.abs(G[0]) < 100
    assert ((total == G[0]) | gated & (total == 0)).all() and (total == -total[::-1]).all()
    low, high = f(np.array([-10 ** 6, 10 ** 6]), np.zeros(2, int), 0)
    assert low == -high - 1
''',
    "15.3": r'''def tally(before, after, G, least):
    """(written, gated, lost): three counts that add up to the number of synapses."""
    written, gated = before != after, np.abs(G) <= least
    return written.sum(), gated.sum(), (~written & ~gated).sum()
''',
    "16.1": r'''def interval(m, n):
    """(low, high): a 95 % confidence interval of an accuracy, where m of n were right."""
    q = (m + 2) / (n + 4)
    half = 1.96 * np.sqrt(q * (1 - q) / (n + 4))
    return max(0.0, q - half), min(1.0, q + half)
''',
    "16.2": r'''def paired(a, b):
    """(low, high) of the mean of a - b, the shares (N,) of two learners in the same tasks."""
    d = np.asarray(a) - b
    half = student.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean() - half, d.mean() + half
''',
    "16.3": r'''def nearest(x_support, y_support, x_query):
    """Classes (Q,) of the queries (Q, T, H, W, 2): that of the nearest support sample."""
    a, b = (x.astype(float).sum(1).reshape(len(x), -1) for x in (x_query, x_support))
    return y_support[((a[:, None] - b) ** 2).sum(2).argmin(1)]
''',
    "16.4": r'''def centred(x, y, side):
    """(x, y): columns and rows of events, all moved by the same whole numbers of pixels."""
    return tuple(n + int(np.floor(side / 2 - n.mean())) for n in (x, y))
''',
    "16.5": r'''def means_readout(p, y, ways):
    """(W (D, ways), b (ways,)) from the support's traces p (n, D) and their classes y (n,)."""
    c = np.array([p[y == k].mean(0) for k in range(ways)])
    return 2 * c.T, -(c ** 2).sum(1)
''',
    "16.5t": r'''def test(f):
    """Say no where a readout f(p, y, ways) does not answer as the nearest class mean does."""
    rng, y = np.random.default_rng(0), np.array([2, 0, 0, 1, 2, 0, 0])
    p, q = rng.standard_normal((7, 3)), 3 * rng.standard_normal((500, 3))
    (W, b), c = f(p, y, 3), np.array([p[y == k].mean(0) for k in range(3)])
    assert ((q @ W + b).argmax(1) == ((q[:, None] - c) ** 2).sum(2).argmin(1)).all()
''',
    "17.1": r'''def forward(layers, x, lif):
    """(logits (B, K), tapes): layers [(W, b), ...], spikes x (T, B, n); a tape is (x, u)."""
    tapes = []
    for W, b in layers:
        u, s = fire(trace(trace(x @ W, lif.beta), lif.alpha), 1.0, b, lif)
        tapes.append((x, u))
        x = s
    return u[-1], tapes
''',
    "17.2": r'''def backward(layers, tapes, dlogits, lif):
    """[(dW, db), ...], a pair for each layer, in the layers' order."""
    dy, found = np.zeros(tapes[-1][1].shape), []
    dy[-1] = dlogits
    for n in reversed(range(len(layers))):
        (W, _), (x, u) = layers[n], tapes[n]
        dI = membrane_backward(u, dy, lif)
        dV = filter_backward(dI, lif)
        found.insert(0, (summed(x, dV), dI.sum((0, 1))))
        if n:
            dy = dV @ W.T * sigma_prime(tapes[n - 1][1] - lif.threshold, lif.slope)
    return found
''',
    "17.3": r'''def backward_tangent(layers, dots, tapes, moves, dlogits, dlogits_dot, lif):
    """[(dW_dot, db_dot), ...]: how what `backward` returns moves."""
    dy, dy_dot, found = *np.zeros((2, *tapes[-1][1].shape)), []
    dy[-1], dy_dot[-1] = dlogits, dlogits_dot
    for n in reversed(range(len(layers))):
        (x, u), (x_dot, u_dot), W, W_dot = tapes[n], moves[n], layers[n][0], dots[n][0]
        dI_dot = membrane_backward_tangent(u, u_dot, dy, dy_dot, lif)
        dV, dV_dot = (filter_backward(d, lif) for d in (membrane_backward(u, dy, lif), dI_dot))
        found.insert(0, (summed(x_dot, dV) + summed(x, dV_dot), dI_dot.sum((0, 1))))
        if n:
            dx, dx_dot, a = dV @ W.T, dV_dot @ W.T + dV @ W_dot.T, tapes[n - 1][1] - lif.threshold
            first, second = sigma_prime(a, lif.slope), sigma_second(a, lif.slope) * moves[n - 1][1]
            dy, dy_dot = dx * first, dx_dot * first + dx * second
    return found
''',
    "17.4": r'''def tired_backward(u, dy, lif, zeta, eta):
    """dI (T, ...) of the neuron with two resets, from its membrane u and the adjoint dy."""
    dI, dr, dz = np.zeros(u.shape), 0.0, 0.0
    for t in reversed(range(len(u))):
        ds = (1 - lif.gamma) * dr + (1 - zeta) * dz
        dI[t] = dy[t] + sigma_prime(u[t] - lif.threshold, lif.slope) * ds
        dr = lif.gamma * dr - lif.rho * dI[t]
        dz = zeta * dz - eta * dI[t]
    return dI
''',
    "17.4t": r'''def bug(u, dy, lif, zeta, eta):
    """tired_backward, but for a mistake of yours that no test finds."""
    dI = tired_backward(u, dy, lif, zeta, eta)
    dI[:-100] = dy[:-100]                                        # blame of the last 100 steps only
    return dI
''',
}

CASES = {
    "0.1": r"""@table("0.1", "learned", "Everything that the network learns, it learns by this line.")
def learn():
    for seed in range(2):
        start, step_size, gradient = np.random.default_rng(seed).uniform(0.5, 2, (3, 4))
        yield start, step_size, gradient * (1, -1, 1, -1)
""",
    "1.1": r"""@table(
    "1.1",
    "y",
    "A spike that is n steps older counts decay**n times as much.",
    wide=([np.arange(9.0) % 2], (0.8,), True),
)
def trace():
    for seed, decay in ((0, 0.9), (1, 0.3)):
        yield np.random.default_rng(seed).integers(0, 2, 12).astype(float), decay
    yield np.array([1, 0, 2, 0, 1, 1]), 0.8  # counted in whole numbers
""",
    "1.2": r"""@table("1.2", "p", "The effect of a spike rises, then falls.")
def response():
    for alpha, beta in ((0.95, 0.9), (0.4, 0.8)):
        yield np.arange(1, 30), alpha, beta
""",
    "1.3": r"""@table(
    "1.3",
    "u s",
    "A neuron that has fired is pulled down, and recovers.",
    wide=([np.abs(np.sin(np.arange(20.0)))], (3.0, -0.5, ms.LIF()), True),
)
def fire():
    p = np.abs(np.random.default_rng(0).standard_normal(40)).cumsum() / 40
    yield p, 3.0, -0.5, ms.LIF()
    yield p, 2.0, 0.1, ms.LIF(gamma=0.8, rho=1.7, threshold=0.4)
    yield np.zeros(1), 1.0, 0.0, ms.LIF()  # at the threshold itself
""",
    "1.4": r"""@table("1.4", "dy", "You have differentiated a program: each line, in order.", tolerance=1e-7)
def by_decay():
    for seed, decay in ((0, 0.9), (1, 0.4)):
        yield np.random.default_rng(seed).integers(0, 2, 14).astype(float), decay
""",
    "2.1": r"""@table("2.1", "sigma", "A soft step, of height 2 / slope, with slope 1 at the threshold.")
def sigma():
    for slope in (10.0, 3.0):
        yield np.array([0.0, -2.0, -0.4, -0.07, 0.03, 0.2, 1.5]), slope
""",
    "2.2": r"""@table(
    "2.2",
    "dL/dw dL/db",
    "Where the spike is what it should be, nothing is left to learn: the gradient is 0.",
)
def gradient():
    for threshold, y in ((0.0, 1.0), (0.3, 0.0), (0.5, 1.0)):
        at_threshold = (2.0, threshold - 1.0, 0.5)
        for w, b, p in ((1.3, -0.4, 0.7), (0.5, -0.6, 0.2), (2.0, 0.1, 0.6), at_threshold):
            yield w, b, p, y, ms.LIF(threshold=threshold, slope=4.0)
""",
    "2.3": r"""@table("2.3", "sigma_second", "At the threshold it jumps by 4 slope, from +2 slope to -2 slope.")
def sigma_second():
    for slope in (10.0, 3.0):
        yield np.array([0.0, -2.0, -0.4, -0.07, 0.03, 0.2, 1.5]), slope
""",
    "2.4": r"""@table("2.4", "jet", "Smooth, and at a0 it has the spike's value, slope and curvature.")
def jet():
    rng = np.random.default_rng(0)
    a0 = np.append(rng.uniform(0.05, 0.5, 8) * rng.choice([-1, 1], 8), 0.0)
    yield a0 + rng.uniform(-0.1, 0.1, 9), a0, 10.0
""",
    "4.4": r"""@table("4.4", "dx", "The way back is a convolution too, with the kernel turned over.")
def input_blame():
    for seed, shape, k, O in ((3, (5, 6, 2), 3, 4), (4, (6, 5, 3), 5, 2)):
        rng = np.random.default_rng(seed)
        yield rng.standard_normal((k, k, shape[2], O)), rng.standard_normal((*shape[:2], O))
""",
    "5.1": r"""@table("5.1", "du", "A switch, set in the forward pass.")
def pool_backward():
    rng = np.random.default_rng(0)
    ties = rng.integers(0, 2, (6, 4)).astype(float)
    for u in (rng.standard_normal((4, 6)), ties):
        yield u, rng.standard_normal((u.shape[0] // 2, u.shape[1] // 2))
""",
    "5.2": r"""@table(
    "5.2",
    "dlogits",
    "Each sample pulls its true class up and the others down, and the pulls add up to 0.",
)
def loss_backward():
    logits, y = np.random.default_rng(1).standard_normal((4, 3)), np.array([2, 0, 1, 1])
    yield logits, y
    yield 1000 * logits, y
""",
    "5.4": r"""@table("5.4", "du", "A switch that is never quite thrown.", tolerance=1e-6)
def soft_pool_backward():
    rng = np.random.default_rng(6)
    for shape in ((4, 6), (2, 8)):
        yield rng.standard_normal(shape), rng.standard_normal((shape[0] // 2, shape[1] // 2))
    large = np.array([[800.0, 1.0, -900.0, -901.0], [798.0, 0.0, -903.0, -900.0]])
    yield large, np.ones((1, 2))
""",
    "5.5": r"""@table("5.5", "du", "The blame for a mean is shared among its steps.")
def readout_backward():
    rng = np.random.default_rng(7)
    for n, lif in ((5, ms.LIF()), (8, ms.LIF(threshold=0.3, slope=4.0))):
        for readout in ("mean", "count"):
            yield rng.standard_normal((4, 3)), rng.standard_normal((n, 4, 3)), readout, lif
""",
    "7.3": r"""@table("7.3", "remainders", "A slope of 2, or the tangent is wrong.")
def taylor():
    steps = np.array([0.5, 0.1, 0.02])
    curves = lambda h: np.array([np.exp(h), np.cos(1 + h), 2.0 - 3 * h**2])
    for f_dot in (np.array([1.0, -np.sin(1.0), 0.0]), np.array([1.0, 0.3, -0.2])):
        yield curves, f_dot, steps
    surface = np.arange(6.0).reshape(2, 3)
    yield lambda h: np.sin(surface + h), np.cos(surface), steps
""",
    "7.4": r"""@table("7.4", "u_dot", "Constants can move as well, so they can be learned.", tolerance=1e-6)
def decay_tangent():
    other = ms.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0)
    for seed, lif in enumerate((ms.LIF(), other)):
        I = np.random.default_rng(seed).standard_normal(30) * 0.4
        u, r = np.zeros(len(I)), 0.0
        for t in range(len(I)):
            u[t] = I[t] - lif.rho * r
            r = lif.gamma * r + (1 - lif.gamma) * (u[t] >= lif.threshold)
        yield u, (u - lif.threshold >= 0) * 1.0, lif
""",
    "8.1": r"""@table("8.1", "Hv", "As exact as a difference can be.")
def differences():
    net = ms.SpikingNet(4, (), 2, hidden=(3,), window=12, dtype=np.float64, backend="numpy")
    rng = np.random.default_rng(0)
    x, y = (rng.random((4, 12, 4)) < 0.3) * 1.0, np.array([0, 1, 0, 1])
    theta = net.init(rng, x=x)
    yield net, theta, x, y, rng.standard_normal(net.size) / np.sqrt(net.size), 0.05
""",
    "8.2": r"""@table("8.2", "asymmetry", "Zero to rounding, for every v and w, or something is wrong.")
def asymmetry():
    rng = np.random.default_rng(0)
    A, (v, w) = rng.standard_normal((6, 6)), rng.standard_normal((2, 6))
    yield A.__matmul__, v, w
    yield A.__matmul__, w, v
    yield (A + A.T).__matmul__, v, w
""",
    "8.4": r"""@table(
    "8.4",
    "H",
    "The matrix has rank one: a spike bends the loss along p, and along no other direction.",
    tolerance=1e-5,
)
def spike_hessian():
    rng = np.random.default_rng(5)
    for a, y, slope in ((0.12, 0.0, 4.0), (-0.2, 1.0, 10.0), (0.3, 1.0, 3.0), (-0.07, 0.0, 6.0)):
        yield rng.random(3), a, y, slope
""",
    "9.1": r"""@table("9.1", "s", "It says nothing until something changes.")
def pixel():
    for seed, C, blind in ((0, 0.5, 3), (1, 0.75, 1), (2, 1.0, 6), (3, 0.02, 2)):
        yield 12 + np.random.default_rng(seed).integers(-2, 3, 60).cumsum() * 0.25, C, blind
""",
    "9.2": r"""@table("9.2", "x y t p", "A format is understood when its traps are.")
def decode():
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        (x, y), p = rng.integers(0, 34, (2, 30)), rng.integers(0, 2, 30)
        t = np.sort(rng.integers(100_000, 400_000, 30)) - 8192 * np.repeat([0, 1, 3], 10)
        rows = np.stack([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255], 1)
        yield (np.insert(rows, (10, 20, 20), (0, 240, 0, 0, 0), 0).astype(np.uint8).ravel(),)
""",
    "9.3": r"""@table("9.3", "counts", "This is what the first synapse of a network gets.")
def count():
    rng = np.random.default_rng(0)
    for size in (400, 6000):
        x, y = rng.integers(0, 34, (2, size))
        p, t = rng.integers(0, 2, size), np.sort(rng.integers(7_300, 150_000, size))
        x = np.where(rng.random(size) < 0.5, x // 8, x)
        y = np.where(rng.random(size) < 0.5, y // 8, y)
        x[0], t[0] = 33, t[0] - 2500  # the first event is outside
        yield x, y, t, p
""",
    "10.1": r"""@table(
    "10.1",
    "MAML FOMAML",
    "They differ by the factor (1 - a h) ** N, and a factor can be negative.",
)
def slopes():
    yield 1.5, 0.5, 2.0, 0.3, 1
    yield -1.0, 0.5, 0.6, 0.5, 3
    yield 2.0, -1.0, 3.0, 0.5, 3
""",
    "13.1": r"""@table(
    "13.1",
    "ddecay",
    "1.4's tangent, times what comes from above and summed, is the same number.",
)
def decay_backward():
    for seed, decay in enumerate((0.9, 0.6, 0.3)):
        rng = np.random.default_rng(seed)
        yield (rng.random(25) < 0.4) * rng.uniform(0.5, 2, 25), rng.standard_normal(25), decay
""",
    "14.1": r"""@table("14.1", "result", "One shift, one addition: all four fit any chip.", whole=True)
def shift():
    for mode in ("floor", "zero", "nearest", "stochastic"):
        for k in (3, 5):
            for x in range(-20, 21):
                yield x, k, mode, (3 * x + 40) % 2**k
        for x in (2**60 + 127, 2**60 - 1, 1 - 2**60, -(2**60) - 127):  # 53 bits are a float's
            yield x, 7, mode, 1
""",
    "14.2": r"""@table("14.2", "Y", "Lesson 1's line, and nothing but whole numbers.", whole=True)
def trace():
    for seed, case in enumerate(((3686, 5, "floor"), (3891, 3, "nearest"), (3000, 4, "zero"))):
        yield np.random.default_rng(seed).integers(-40, 41, 50).tolist(), *case
""",
    "14.3": r"""@table("14.3", "F", "Each bit halves the error.", whole=True)
def fraction_bits():
    yield 0.5, 0.5, (3686,)
    yield 0.1, 1, (3891, 3686)
    yield 0.03, 0.5, (3891, 3686, 2662)
    yield 4, 1, (2048, 2048)
    yield 0.25, 1, (4064, 1024, 512)
    yield 1000, 1, (3891, 3686)
""",
    "14.4": r"""@table("14.4", "low high bits", "No input, however wicked, can make this word overflow.")
def widest():
    yield np.random.default_rng(0).integers(-128, 128, (40, 5)), 4096
    yield np.array([[1], [1]]), 64
    yield np.array([[-2], [-2]]), 64
    yield np.array([[3], [4]]), 7
    yield np.array([[-2], [3]]), 7
    yield np.array([[-1], [0]]), 1
""",
    "14.5": r"""@table("14.5", "x", "A few large weights are worth clipping.")
def exponent():
    rng = np.random.default_rng(3)
    heavy = np.concatenate([rng.standard_normal(400) * 0.05, [1.9, -2.2]])
    yield np.random.default_rng(4).random(30), 3  # one more integer at the top would matter here
    yield rng.standard_normal(500), 4
    yield heavy, 4
    yield heavy, 3
    yield rng.standard_normal((40, 5)) * 0.01, 2
    yield heavy, 8
    # so large, and so small, that the ends of the range count
    yield rng.standard_normal(50) * 30, 2
    yield rng.standard_normal(50) * 2e-5, 3
    yield rng.standard_normal(50) * 1e-6, 3
    yield np.array([0.5, 1.0, -1.5]), 8  # any smaller exponent has no error either
""",
    "15.1": r"""@table(
    "15.1",
    "e",
    "A softmax without a float: a table, a sum, and a division a class.",
    whole=True,
)
def error():
    rng = np.random.default_rng(0)
    for n in range(20):
        yield rng.integers(-3000, 3000, 5), n % 5
    for label in (2, 0):
        yield np.array([32767, -32768, 0]), label
    yield np.array([-10368, -5568, 0, -640, -2688]), 0  # a share in the middle of two units
""",
    "15.2": r"""@table("15.2", "W", "One comparison, one addition, one shift, and a clip.", whole=True)
def update():
    rng = np.random.default_rng(1)
    for k, least, high, size in ((6, 40, 127, 300), (9, 0, 7, 2000), (4, 15, 1, 60)):
        W, G = rng.integers(-high - 1, high + 1, (20, 3)), rng.integers(-size, size + 1, (20, 3))
        G.flat[:4] = least, -least, least + 1, -least - 1
        yield W, G, k, least, rng.integers(0, 2**k, (20, 3)), high
""",
    "15.3": r"""@table("15.3", "written gated lost", "Three counts that add up to all synapses.")
def tally():
    rng, least = np.random.default_rng(2), 30
    before, G = rng.integers(-3, 4, (9, 4)), rng.integers(-90, 91, (9, 4))
    G[0] = 30, -30, 31, -31
    moves = (np.abs(G) > least) & (rng.random(G.shape) < 0.6)
    after = before + np.where(moves, -np.sign(G) * rng.integers(1, 4, G.shape), 0)
    yield before, after, G, least
""",
    "16.1": r"""@table("16.1", "low high", "All right of 90 is not 100 %, and the interval says so.")
def interval():
    yield from ((90, 90), (60, 90), (3, 20), (0, 15))
""",
    "16.2": r"""@table("16.2", "low high", "What both share cancels in each task.")
def paired():
    rng = np.random.default_rng(7)
    for N in (6, 15):
        hard = rng.random(N)
        yield hard + 0.05 * rng.random(N), hard + 0.05 * rng.random(N) - 0.02
""",
    "16.3": r"""@table("16.3", "classes", "Whoever learns must beat this.")
def nearest():
    rng = np.random.default_rng(8)
    x, y = rng.integers(0, 4, (12, 20, 3, 4, 2)).astype(np.uint8), np.array([2, 0, 1, 2, 0, 1])
    s = x[:6] * np.arange(1, 7, dtype=np.uint8)[:, None, None, None, None]
    yield s, y, np.concatenate([x[6:] * np.uint8(3), s[::-1][:, rng.permutation(20)]])
    rates = rng.random((6, 1, 3, 4, 2))  # single events: only their number tells the samples apart
    few, other = ((rng.random((6, 60, 3, 4, 2)) < rates).astype(np.uint8) for _ in range(2))
    yield few, y, other
    # samples that differ in one axis only: mirrored along it
    one = rng.integers(0, 4, (20, 3, 4, 2)).astype(np.uint8)
    s = np.array([one, one[:, ::-1], one[:, :, ::-1], one[..., ::-1]])
    yield s, np.arange(4), s[:, rng.permutation(20)]
    # a difference of 4 in one place is farther than one of 1 in each of five, though less in all
    far, near, none = np.zeros((3, 1, 20, 3, 4, 2), np.uint8)
    far[0, :4, 0, 0, 0] = 1
    near[0, 5, 0, :, 0] = near[0, 6, 1, 0, 0] = 1
    yield np.concatenate([far, near]), np.array([4, 2]), none
""",
    "16.4": r"""@table("16.4", "x y", "Where the camera stood matters no more.")
def centred():
    rng = np.random.default_rng(5)  # no mean is half a pixel off: either side were right
    for side in (16, 34, 7):
        x = np.minimum(rng.geometric(4 / side, 41) - 1, side - 1)  # most of them at one side
        yield x, side - 1 - np.minimum(rng.geometric(3 / side, 41) - 1, side - 1), side
""",
}
