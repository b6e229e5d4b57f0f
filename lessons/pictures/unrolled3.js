const T = 4, V = [7, 0, 5, 0];
rows(T, 62, 116, [["V", 390, t => ({value: V[t], line: `w x${SUB[t]}`})], ["Q", 326], ["P", 262], ["I", 198, {rest: "+ b", add: -0.6}], ["r", 96, {}, -46], ["u", 134], ["s", 58]]);
for (let t = 0; t < T; t++) {
  arrow(`P${t}`, `I${t}`, "", 1); arrow(`I${t}`, `u${t}`, "", 1); arrow(`r${t}`, `u${t}`, "−ρ", -rho); spike(`u${t}`, `s${t}`);
  if (t + 1 < T) { arrow(`V${t}`, `Q${t + 1}`, "(1 − β)", 1 - beta); arrow(`Q${t}`, `Q${t + 1}`, "β", beta); arrow(`Q${t}`, `P${t + 1}`, "(1 − α)", 1 - alpha);
    arrow(`P${t}`, `P${t + 1}`, "α", alpha); arrow(`s${t}`, `r${t + 1}`, "(1 − γ)", 1 - gamma); arrow(`r${t}`, `r${t + 1}`, "γ", gamma); }
}
last("u", 3, 462, 80, "u₃ of the last step");
const graph = {size: [500, 420], ways: ["up", "blame"], title: "One neuron over four steps: its lines as arrows, walked up, and down again", note: "Four steps of one neuron; L is its membrane at the last one."};
