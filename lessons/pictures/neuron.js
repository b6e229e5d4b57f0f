kit(root, [["rate", "input rate", 0, 0.4, 0.02, 0.12], ["w", "weight w", -10, 40, 1, 14], ["b", "bias b", -3, 1, 0.1, -1], ["rho", "reset ρ", 0, 4, 0.1, 1], ["alpha", "α of the membrane", 0.5, 0.98, 0.01, 0.95]], ({rate, w, b, rho, alpha}) => {
  const draw = random(3), T = 150, beta = 0.9, gamma = 0.65, x = range(T, () => draw() < rate ? 1 : 0);
  let p = 0, q = 0, r = 0;
  const P = [], U = [], out = [];
  x.forEach((one, t) => {
    const u = w * p + b - rho * r, s = u >= 0 ? 1 : 0;
    P.push([t, p]); U.push([t, u]); if (s) out.push(t);
    p = alpha * p + (1 - alpha) * q; q = beta * q + (1 - beta) * one; r = gamma * r + (1 - gamma) * s;
  });
  const most = Math.max(0.1, ...P.map(([, v]) => v)), all = U.map(([, v]) => v), edge = 0.08 * (Math.max(0, ...all) - Math.min(0, ...all)) + 0.02;
  const top = axes([60, 10, 560, 40], [0, T], [0, 1], "", "in", "n"), middle = axes([60, 80, 560, 80], [0, T], [0, 1.05 * most], "", "trace p", "n"), low = axes([60, 190, 560, 150], [0, T], [Math.min(0, ...all) - edge, Math.max(0, ...all) + edge], "time (ms)", "membrane u", "n");
  x.forEach((one, t) => one && top.stroke(t, 0.1, 0.9, BLACK));
  middle.line(P, BLUE, 'class="p"');
  low.level(0, GREY).line(U, BLACK, 'class="u"');
  out.forEach(t => low.dot(t, U[t][1], RED));
  return {svg: sheet(640, 375, "One neuron under a stream of spikes", [top, middle, low]), said: `${x.filter(Boolean).length} spikes in, ${out.length} out${out.length ? `, the first at ${out[0]} ms` : ": it is silent"}.`};
});
