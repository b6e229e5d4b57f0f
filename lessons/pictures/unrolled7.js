const T = 5, I = [0.2, 0.6, 0.5, 0.9, 0.4], motion = [0.1, 0.3, 0.4, 0.3, 0.2];
rows(T, 62, 104, [["I", 196, t => ({value: I[t] - 0.4, line: `w p${SUB[t]} + b`, dot: motion[t], lineDot: `p${SUB[t]}`})], ["r", 96, {}, -44], ["u", 132], ["s", 58]]);
for (let t = 0; t < T; t++) {
  arrow(`I${t}`, `u${t}`, "", 1); arrow(`r${t}`, `u${t}`, "−ρ", -rho); spike(`u${t}`, `s${t}`);
  if (t + 1 < T) { arrow(`s${t}`, `r${t + 1}`, "(1 − γ)", 1 - gamma); arrow(`r${t}`, `r${t + 1}`, "γ", gamma); }
}
last("u", 4, 540, 80, "u₄ of the last step");
const graph = {size: [576, 226], ways: ["up", "dots", "blame"], title: "The membrane over five steps: a line, its dotted line and its blame have the same arrows", note: "The weight grows by 1, so each I moves by its p. Dots climb the arrows that blame descends."};
