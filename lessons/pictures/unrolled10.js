const N = 3, a = 0.4, c = 0.5;
for (let n = 0; n <= N; n++) node("θ", n, 40 + 140 * n, 130, {adjoint: `λ${SUB[n]}`, ...(n ? {} : {value: 1.6, line: "the start", dot: 1})});
for (let n = 0; n < N; n++) node("g", n, 110 + 140 * n, 30, {value: () => at[`θ${n}`].up + at[`θ${n}`].up ** 3, line: `∇L(θ${SUB[n]}) of the support`});
for (let n = 0; n < N; n++) {
  const H = () => 1 + 3 * at[`θ${n}`].up ** 2;
  arrow(`θ${n}`, `θ${n + 1}`, "", 1); arrow(`θ${n}`, `g${n}`, `H${SUB[n]}`, H, {cut: 1}); arrow(`g${n}`, `θ${n + 1}`, "−a", -a, {cut: 1});
}
node("L", "", 530, 30, {value: () => (at.θ3.up - c) ** 2 / 2, line: "L<sub>q</sub>(θ₃) of the query", adjoint: "dL", seed: 1}); arrow("θ3", "L", "∇L<sub>q</sub>", () => at.θ3.up - c);
const graph = {size: [570, 160], ways: ["up", "blame", "first"], words: {up: "The learner's steps", blame: "MAML's blame"}, title: "Three steps of learning as arrows: MAML's blame walks all of them, FOMAML's the straight ones alone", note: "One parameter; the support's loss is θ²/2 + θ⁴/4, a = 0.4. A product H λ stands on each bent way."};
