kit(root, [["size", "update (units of the weight)", -1.5, 1.5, 0.02, 0.14], ["steps", "updates", 5, 120, 1, 60], ["seed", "noise, seed", 1, 20, 1, 1], ["word", "bits of the word", 2, 8, 1, 5]], ({size, steps, seed, word}) => {
  const draw = random(seed), top = 2 ** (word - 1) - 1, clip = v => Math.min(Math.max(v, -top - 1), top), K = 256, G = Math.round(size * K);
  const ways = {nearest: () => K / 2, floor: () => 0, stochastic: () => Math.floor(draw() * K)}, colours = {nearest: BLUE, floor: GREEN, stochastic: RED}, paths = {}, lost = {};
  for (const [name, noise] of Object.entries(ways)) {
    let w = 0; paths[name] = [[0, 0]]; lost[name] = 0;
    for (let t = 1; t <= steps; t++) { const d = Math.floor((G + noise()) / K); lost[name] += d === 0; w = clip(w + d); paths[name].push([t, w]); }
  }
  const ends = Object.values(paths).map(p => p[steps][1]).concat(clip(G / K * steps)), low = Math.min(0, ...ends) - 1.5, high = Math.max(0, ...ends) + 1.5;
  const main = axes([60, 12, 560, 230], [0, steps], [low, high], "updates", "weight (units)", "r");
  main.line([[0, 0], [steps, G / K * steps]], GREY, 'stroke-dasharray="4 3"');
  for (const name of Object.keys(ways)) main.line(paths[name].flatMap(([t, w], k) => k ? [[t, paths[name][k - 1][1]], [t, w]] : [[t, w]]), colours[name], `class="${name}"` + (name === "floor" ? ' stroke-dasharray="6 6"' : ""));
  main.key([["real number", GREY, "4 3"], ...Object.keys(ways).map(name => [name, colours[name], name === "floor" ? "6 6" : ""])]);
  return {svg: sheet(640, 285, "One weight in whole numbers, under many small updates", [main]), said: `A real number would be at ${(G / K * steps).toFixed(1)}; rounded to nearest ${paths.nearest[steps][1]}, floor ${paths.floor[steps][1]}, stochastic ${paths.stochastic[steps][1]}. Of ${steps} updates nearest lost ${lost.nearest}, stochastic ${lost.stochastic}.`};
});
