const T = 7, x = [1, 1, 1, 0, 1, 0, 0];
rows(T, 34, 74, [["x", 356, t => ({value: x[t], line: "the events"})], ["u¹", 290, {rest: "+ b", add: -0.3}], ["s¹", 232], ["u²", 166, {rest: "+ b", add: -0.1}], ["s²", 108], ["u³", 42]]);
trace("x", "u¹", T, "W¹", 3); trace("s¹", "u²", T, "W²", 2.5); trace("s²", "u³", T, "W³", 2);
for (let t = 0; t < T; t++) { spike(`u¹${t}`, `s¹${t}`); spike(`u²${t}`, `s²${t}`); }
last("u³", 6, 536, 42, "the logit u³₆");
const graph = {size: [570, 384], ways: ["up", "blame"], title: "Three blocks over seven steps: spikes climb two steps later at each synapse, blame descends two steps earlier", note: "One neuron of each block, and L is its logit; u is the largest membrane of its four. h₂, h₃ … are the answers of the two traces after 2, 3 … steps; resets are left out."};
