kit(root, [["jump", "how far the learner jumps", 0.1, 1.9, 0.1, 1.5], ["steps", "lessons learned", 0, 8, 1, 2]], ({jump, steps}) => {
  // the valley is x^2 / 2; a learner that begins at x lands at left * x; both ways move the start down a slope
  const left = 1 - jump, after = x => (left * x) ** 2 / 2, way = slope => range(steps + 1, n => (1 - slope) ** n);
  const first = way(left), second = way(left * left), lost = Math.abs(first[steps]) > 2.4;
  const main = axes([60, 12, 560, 230], [-2.4, 2.4], [0, 2.2], "where the learner begins (the best place is 0)", "loss", "o");
  main.line(range(97, k => [-2.4 + k / 20, (-2.4 + k / 20) ** 2 / 2]), GREY, 'stroke-dasharray="4 3"').line(range(97, k => [-2.4 + k / 20, after(-2.4 + k / 20)]), BLACK);
  const walk = (xs, colour, name, size) => xs.forEach((x, n) => { if (n) main.line([[xs[n - 1], after(xs[n - 1])], [x, after(x)]], colour, `class="${name}"`); main.dot(x, after(x), colour, n === steps ? size + 2 : size, `class="${name}"`); });
  walk(first, RED, "first", 4); walk(second, BLUE, "second", 3);
  main.dot(left, left * left / 2, GREY, 4).arrow(1, 0.5, left, left * left / 2, GREY).key([["loss before the learner's step", GREY, "4 3"], ["loss after it", BLACK], ["start, moved by the first order", RED], ["start, moved by the second order", BLUE]]);
  const told = x => Math.abs(x) < 0.005 ? "0.00" : x.toFixed(2);
  return {svg: sheet(640, 285, "Two ways to move the start of a learner in a valley; one may run away", [main]), said: `The first order has moved the start from 1 to ${told(first[steps])}${lost ? ", out of the picture" : ""}, the second to ${told(second[steps])}. ${jump > 1 ? "The learner lands on the other side of the valley, where downhill points the other way: the first order runs away." : jump < 1 ? "The learner stays on its side of the valley: both ways lead down." : "The learner lands at the bottom at once, and there is nothing to improve."}`};
});
