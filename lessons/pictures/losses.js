kit(root, [["t0", "recorded at t", -1, 1, 0.02, -0.4], ["kappa", "slope κ", 1, 30, 1, 6], ["n", "neurons", 4, 200, 4, 40]], ({t0, kappa, n}) => {
  const draw = random(11), cells = range(200, () => [2 * draw() - 1, 0.4 + draw(), draw() < 0.85 ? 1 : -1]).slice(0, n);  // where each fires, how fast it moves, how it counts
  const step = a => (a >= 0 ? 1 : 0), g = a => 1 / (kappa * Math.abs(a) + 1) ** 2, c = a => -2 * kappa * Math.sign(a) / (kappa * Math.abs(a) + 1) ** 3;
  const loss = spike => t => (cells.reduce((sum, [at, speed, v]) => sum + v * spike(speed * (t - at), speed * (t0 - at)), 0) / n - 0.55) ** 2;
  const hard = loss(a => step(a)), jet = loss((a, b) => step(b) + g(b) * (a - b) + c(b) * (a - b) ** 2 / 2), h = 1e-4, slope = (jet(t0 + h) - jet(t0 - h)) / (2 * h), at = range(801, k => -1 + k / 400);
  const main = axes([60, 12, 560, 220], [-1, 1], [0, 0.45], "t, along a direction of the weights", "loss", "l");
  main.line(at.map(t => [t, hard(t)]), BLACK, 'class="true"').line(at.map(t => [t, jet(t)]), RED, 'class="jet"').line([[t0 - 0.5, hard(t0) - 0.5 * slope], [t0 + 0.5, hard(t0) + 0.5 * slope]], BLUE, 'class="tangent" stroke-dasharray="5 3"').dot(t0, hard(t0), RED).key([["true loss, hard spikes", BLACK], ["jet twin, recorded at the dot", RED], ["the surrogate gradient", BLUE, "5 3"]]);
  const trend = (hard(Math.min(1, t0 + 0.25)) - hard(Math.max(-1, t0 - 0.25))) / (Math.min(1, t0 + 0.25) - Math.max(-1, t0 - 0.25));
  return {svg: sheet(640, 275, "The loss along a direction: true, jet twin, and the slope on loan", [main]), said: `Slope on loan ${slope.toFixed(3)}; trend of the true loss around the dot ${trend.toFixed(3)}: ${slope * trend > 0 ? "the same way" : "the other way"}.`};
});
