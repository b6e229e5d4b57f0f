/* What goes on inside the network, as numbers for pictures; no page is needed here. */

/* A layer's (rows, columns, channels) as a square of tiles, a channel each, one pixel apart: {size, at}; at(i) of a pixel is the place
   in the layer, or -1 between the tiles. */
export function mosaic([rows, columns, channels]) {
  const across = Math.ceil(Math.sqrt(channels)), width = across * (columns + 1) - 1, height = Math.ceil(channels / across) * (rows + 1) - 1;
  const at = (i) => {
    const x = i % width, y = Math.floor(i / width), channel = Math.floor(y / (rows + 1)) * across + Math.floor(x / (columns + 1));
    const row = y % (rows + 1), column = x % (columns + 1);
    return row === rows || column === columns || channel >= channels ? -1 : (row * columns + column) * channels + channel;
  };
  return { width, height, at };
}

/* What speaks for the class of column a rather than b, of every place of the last layer: p are traces in 4096ths.
   By class means (256ths), what b's squared distance has more, in 65536ths: (p - b)^2 - (p - a)^2, summed over the channels.
   By weights, how much more they let through: p (a - b). */
export function evidence(p, a, b, byMeans, channels) {
  const found = new Float64Array(p.length / channels);
  p.forEach((x, i) => { found[Math.floor(i / channels)] += byMeans ? (x / 16 - b[i]) ** 2 - (x / 16 - a[i]) ** 2 : x * (a[i] - b[i]); });
  return found;
}

/* Spikes of every neuron in steps from `from` to `to`, both with them. */
export function fired(steps, from, to) {
  const sum = new Float64Array(steps[0]?.length ?? 0);
  for (let t = Math.max(0, from); t <= Math.min(to, steps.length - 1); t++) for (let i = 0; i < sum.length; i++) sum[i] += steps[t][i];
  return sum;
}
