"""Outputs that answer a prediction are folded, and a guess is answered."""

import make
from checks import foreseen


def test_what_answers_a_prediction_is_folded_up_to_the_next_heading():
    cells = [
        make.Cell("code", "print(0)"),
        make.Cell("text", "**Predict.** How many?"),
        make.Cell("code", "guess = None\nforeseen(guess, 2)"),
        make.Cell("code", "print(1)"),
        make.Cell("exercise", "def f():\n    raise NotImplementedError", "1.1"),
        make.Cell("text", "## Another question"),
        make.Cell("code", "print(2)"),
    ]
    made = [cell.metadata.get("jupyter", {}) for cell in make.notebook(cells).cells]
    hidden = {"outputs_hidden": True}
    assert made == [{}, {}, hidden, hidden, {}, {}, {}]
    for source in make.sources():
        cells = make.parse(source)
        assert len(make.answering(cells)) >= sum("foreseen(guess" in c.text for c in cells) > 0


def test_no_answer_without_a_guess(capsys):
    foreseen(None, 3.14159)
    said = capsys.readouterr().out
    assert said.startswith("Your guess first") and "3.14" not in said
