"""Derivations on paper: right lines pass however they are written, wrong ones are told by line,
with what is missing where that is certain."""

import pytest
from checks import lesson03, lesson07, lesson10, paper

CHIP = {
    "ds": "-w * dv",
    "dw": "dy + (1 - s) * dv + sigma_prime(w - threshold) * ds",
    "dv_old": "alpha * dw",
    "di": "(1 - alpha) * dw",
}
DOTS = {
    "u_dot": "I_dot - rho * r_dot",
    "s_dot": "sigma_prime(u - threshold) * u_dot",
    "r_next_dot": "gamma * r_dot + (1 - gamma) * s_dot",
}
BLAME = {
    "dI_dot": "dy_dot + (1 - gamma) * (sigma_prime(u - threshold) * dr_next_dot"
    " + sigma_second(u - threshold) * u_dot * dr_next)",
    "dr_dot": "gamma * dr_next_dot - rho * dI_dot",
}
TIED = {"lam": "lam_next - a * (H @ lam_next + c * lam_next)", "share": "a * c * lam_next"}
PAPERS = {
    "3.4": (lesson03.on_paper, CHIP),
    "7.1": (lesson07.dots_on_paper, DOTS),
    "7.2": (lesson07.blame_on_paper, BLAME),
    "10.3": (lesson10.on_paper, TIED),
}


def _lines(known: dict, **changed) -> str:
    return "\n".join(f"{name} = {text}" for name, text in (known | changed).items())


def _said(capsys, judge, typed: str) -> list[str]:
    judge(typed)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("number", PAPERS)
def test_right_lines_are_right_and_an_empty_paper_says_what_to_do(number, capsys):
    judge, known = PAPERS[number]
    said = _said(capsys, judge, _lines(known))
    assert said == [f"line {n}, {name}: right." for n, name in enumerate(known, 1)]
    assert _said(capsys, judge, "\n".join(f"{name} =" for name in known)) == [paper.EMPTY]
    first, *rest = known
    half = _said(capsys, judge, _lines(known, **dict.fromkeys(rest, "")))
    assert half[0] == f"line 1, {first}: right."
    assert half[1:] == [
        f"line {n}, {name}: nothing is written yet." for n, name in enumerate(rest, 2)
    ]


@pytest.mark.parametrize(
    "number, typed",
    [
        ("3.4", "ds = dv * (-w)\ndw = dy + dv - s * dv + ds * sigma_prime(w - threshold)\n"
         "dv_old = α * dw\ndi = dw - dv_old"),
        ("3.4", "dw = dy + (1 - s - w * sigma_prime(w - threshold, 4)) * dv  # the slope at once\n"
         "di = (1 - alpha) * dw\n\nds = -w * dv\ndv_old = dw * alpha"),
        ("7.1", "u_dot = -(rho * r_dot) + I_dot\ns_dot = u_dot / (4 * abs_ + 1) ** 2\n"),
        ("10.3", "lam = (1 - a * c) * lam_next - a * H.T @ lam_next\nshare = lam_next * a * c"),
    ],
)  # fmt: skip
def test_other_ways_to_write_it_are_right_too(number, typed, capsys):
    judge, known = PAPERS[number]
    if "abs_" in typed:
        typed = typed.replace("abs_", "sqrt((u - threshold) ** 2)")
        typed += f"r_next_dot = {known['r_next_dot']}"
    assert all(one.endswith(": right.") for one in _said(capsys, judge, typed))


@pytest.mark.parametrize(
    "number, name, wrong, message",
    [
        ("3.4", "ds", "w * dv", "through `v = w * (1 - s)` has the wrong sign"),
        ("3.4", "dw", "(1 - s) * dv + sigma_prime(w - threshold) * ds", "dy, which comes from outside, is missing"),
        ("3.4", "dw", "dy + (1 - s) * dv", "through `s = spike(w - threshold)` is missing"),
        ("3.4", "dw", "dy + sigma_prime(w - threshold) * ds", "through `v = w * (1 - s)` is missing"),
        ("3.4", "dw", "2 * dy + (1 - s) * dv + sigma_prime(w - threshold) * ds", "is counted twice"),
        ("3.4", "dw", "dy + (1 - s) * dv + sigma_prime(w) * ds", "by differences, at ds["),
        ("3.4", "di", "alpha * dw", "by differences, at alpha = 0.8, dw["),
        ("3.4", "dv_old", "alpha * dv", "`dv` in place of `dw`"),
        ("3.4", "dw", "dy + (1 - s) * dv + ds", "the factor sigma_prime(w - threshold) is missing"),
        ("7.1", "s_dot", "sigma_second(u - threshold) * u_dot", "`sigma_second` in place of `sigma_prime`"),
        ("7.1", "s_dot", "sigma_prime(u - threshold)", "in the motion of u the factor u_dot is missing"),
        ("7.1", "r_next_dot", "gamma * r_dot + s_dot", "in the motion of s the factor 1 - gamma is missing"),
        ("7.1", "u_dot", "I_dot", "the motion of r is missing"),
        ("7.1", "u_dot", "I_dot + rho * r_dot", "the motion of r has the wrong sign"),
        ("7.1", "r_next_dot", "gamma * r_dot + (1 - gamma) * s", "by differences"),
        ("7.2", "dI_dot", "dy_dot + (1 - gamma) * sigma_prime(u - threshold) * dr_next_dot", "the motion of u is missing"),
        ("7.2", "dr_dot", "-rho * dI_dot", "the motion of dr_next is missing"),
        ("10.3", "lam", "lam_next - a * H @ lam_next", "`- a * c * lam_next` added would make it right (lam["),
        ("10.3", "share", "c * lam_next", "the factor a is missing"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_the_others_stay_right(number, name, wrong, message, capsys):
    judge, known = PAPERS[number]
    said = _said(capsys, judge, _lines(known, **{name: wrong}))
    assert len(said) == len(known)
    for n, (one, line) in enumerate(zip(said, known), 1):
        assert one.startswith(f"line {n}, {line}: ") and one.endswith(".")
        assert (message in one) if line == name else one.endswith(": right."), one


@pytest.mark.parametrize(
    "typed, message",
    [
        ("ds = -w * dv_next", "line 1, ds: dv_next is no name here; there are alpha, di, dv, dv_old"),
        ("ds = -w *", "line 1: `-w *` is no term"),
        ("ds = (w", "is no term"),
        ("ds -w * dv", "line 1 is `ds -w * dv`; expected a name, an equals sign and a term"),
        ("dw = ds\nds = -w * dv", "line 1, dw: ds is used before its own line"),
        ("dq = w", "line 1, dq: is not asked for; wanted are ds, dw, dv_old, di"),
        ("ds = w @ dv", "line 1, ds: ds"),
        ("ds = w / 0", "ds[0] is"),
        ("ds = tan(w)", "tan is no name here; there are alpha"),
        ("ds = sqrt(w, w, w, w)", "`sqrt(w, w, w, w)` stopped with TypeError"),
        ("ds = 'w'", "stopped with ValueError"),
        ("ds = [w]", "expected names, numbers, brackets"),
        ("ds = w.__class__", "expected names, numbers, brackets"),
        ("ds = w\x00", "is no term"),
    ],
)  # fmt: skip
def test_what_is_no_derivation_gets_a_sentence(typed, message, capsys):
    said = _said(capsys, lesson03.on_paper, typed)
    assert any(message in one for one in said), said
    assert all(one.endswith(".") for one in said) and len(said) < 8
