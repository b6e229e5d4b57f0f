const T = 5, x = [1, 0, 1, 1, 0], w = 5, v = 4;
rows(T, 50, 106, [["x", 456, t => ({value: x[t], line: "the events"})], ["V¹", 404], ["P¹", 348], ["u¹", 296, {rest: "+ b", add: -0.4}], ["s¹", 240], ["V²", 188], ["P²", 132], ["u²", 80, {rest: "+ b", add: -0.2}], ["s²", 26]]);
for (let t = 0; t < T; t++) {
  arrow(`x${t}`, `V¹${t}`, "W¹", w, {dot: () => 1, symbolDot: () => `W${DOT}¹`}); arrow(`P¹${t}`, `u¹${t}`, "", 1); spike(`u¹${t}`, `s¹${t}`);
  arrow(`s¹${t}`, `V²${t}`, "W²", v, {dot: () => -1, symbolDot: () => `W${DOT}²`}); arrow(`P²${t}`, `u²${t}`, "", 1); spike(`u²${t}`, `s²${t}`);
}
trace("V¹", "P¹", T); reset("s¹", "u¹", T); trace("V²", "P²", T); reset("s²", "u²", T);
last("u²", 4, 538, 80, "the logit u²₄");
const graph = {size: [570, 482], ways: ["up", "dots", "blame", "moves"], title: "Your network over five steps, walked up and down, and with a dot under every line", note: "L is one logit. Both weights move, W¹ by 1, W² by −1. h₂, h₃ … are the answers of the two traces after 2, 3 … steps."};
