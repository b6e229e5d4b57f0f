kit(root, [["kappa", "slope κ", 1, 30, 1, 10], ["a0", "recorded at a₀", -0.5, 0.5, 0.01, -0.12]], ({kappa, a0}) => {
  const f = a => (a >= 0 ? 1 : 0), g = a => 1 / (kappa * Math.abs(a) + 1) ** 2, c = a => -2 * kappa * Math.sign(a) / (kappa * Math.abs(a) + 1) ** 3, at = range(401, k => -0.5 + k / 400);
  const jet = a => f(a0) + g(a0) * (a - a0) + c(a0) * (a - a0) ** 2 / 2;
  const [at1, at2, at3, high] = narrow ? [[60, 12, 280, 170], [60, 232, 280, 80], [60, 342, 280, 80], 460] : [[60, 12, 240, 190], [375, 12, 240, 80], [375, 122, 240, 80], 240];
  const value = axes(at1, [-0.5, 0.5], [-0.5, 1.5], "above threshold, a", "value", "s"), slope = axes(at2, [-0.5, 0.5], [0, 1.05], "", "slope σ′", "s"), bend = axes(at3, [-0.5, 0.5], [-2.2 * kappa, 2.2 * kappa], "above threshold, a", "curvature σ″", "s");
  value.line(at.map(a => [a, f(a)]), BLACK).line(at.map(a => [a, jet(a)]), RED, 'class="jet"').line(at.map(a => [a, a / (1 + kappa * Math.abs(a))]), GREY, 'stroke-dasharray="4 3"').dot(a0, f(a0), RED).key([["the spike", BLACK], ["its twin, recorded at a₀", RED], ["σ, whose slope is lent", GREY, "4 3"]]);
  slope.line(at.map(a => [a, g(a)]), BLUE, 'class="slope"').dot(a0, g(a0), RED);
  bend.line(at.map(a => [a, c(a)]), GREEN).dot(a0, c(a0), RED);
  return {svg: sheet(640, high, "The spike, its slope and its curvature on loan, and the parabola that has all three", [value, slope, bend]), said: `At a₀ = ${a0}: value ${f(a0)}, slope ${g(a0).toFixed(3)}, curvature ${c(a0).toFixed(2)}.`};
});
