kit(root, [["a", "inner step a", 0, 2, 0.05, 0.5], ["h", "curvature across h", 0.2, 4, 0.1, 2.5], ["x", "start, along", -2, 2, 0.1, -1.6], ["y", "start, across", -1.5, 1.5, 0.1, 1]], ({a, h, x, y}) => {
  const fx = 1 - a * 0.5, fy = 1 - a * h, ex = fx * x, ey = fy * y;  // L = (0.5 x^2 + h y^2) / 2, one step
  const first = [0.5 * ex, h * ey], maml = [fx * first[0], fy * first[1]], F = (u, v) => (0.5 * (fx * u) ** 2 + h * (fy * v) ** 2) / 2;
  const dot = first[0] * maml[0] + first[1] * maml[1], angle = Math.acos(Math.max(-1, Math.min(1, dot / (Math.hypot(...first) * Math.hypot(...maml) || 1)))) * 180 / Math.PI;
  const map = axes([60, 12, 560, 300], [-2.5, 2.5], [-2, 2], "first parameter (curvature 0.5)", "second parameter (curvature h)", "i");
  for (const level of [0.1, 0.4, 0.9, 1.6, 2.5, 3.6]) map.ellipse(0, 0, Math.sqrt(2 * level / 0.5), Math.sqrt(2 * level / h), GREY, 'stroke-opacity=".5"');
  map.arrow(x, y, ex, ey, GREY, 'class="inner"').arrow(x, y, x - first[0], y - first[1], RED, 'class="fomaml"').arrow(x, y, x - maml[0], y - maml[1], BLUE, 'class="maml"').dot(x, y, BLACK, 5).dot(ex, ey, GREY, 5).dot(0, 0, GREEN, 4).key([["the inner step, from the start", GREY], ["FOMAML's outer step", RED], ["MAML's outer step", BLUE]]);
  const now = F(x, y), one = F(x - first[0], y - first[1]), two = F(x - maml[0], y - maml[1]);
  return {svg: sheet(640, 355, "One inner step on a landscape, and where MAML and FOMAML push the start", [map]), said: `Loss after learning ${now.toFixed(3)}; after FOMAML's outer step ${one.toFixed(3)}, after MAML's ${two.toFixed(3)}. The angle between both is ${angle.toFixed(0)} degrees.`};
});
