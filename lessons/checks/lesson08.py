"""Lesson 8: curvature without a Hessian."""

import numpy as np
from scipy.sparse.linalg import LinearOperator as LinearOperator, eigsh as eigsh


from . import answer, check, close, prepare, same, tested, wrong

prepare(__name__)


@check("8.3", "No matrix was ever seen.")
def strongest(function):
    """Exercise 8.3: eigenvalues of largest magnitude."""
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]
    spectra = (
        ((-5.0, 3.0, 2.0), (3.0, -5.0, 2.0, -1.5, 1.0, 0.5, 0.2, 0.1, 0.0, -0.1, -0.3, -0.6)),
        ((-5.0, 4.5, -4.0), (4.5, -5.0, 1.0, -4.0, 3.0, -0.5, 0.2, 0.1, 0.0, -0.1, -0.3, 0.6)),
    )
    for expected, spectrum in spectra:
        H = (Q * spectrum) @ Q.T
        values, vectors = answer("8.3", function, H.__matmul__, 12, 3, returns=2)
        if (text := _picked(values, spectrum)) and not close(values, expected, 1e-7):
            raise wrong("8.3", text)
        same("8.3", "values", values, expected, 1e-7)
        if vectors.shape != (12, 3):
            text = "one column for each value is asked for, a shape of (12, 3); the vectors' is "
            raise wrong("8.3", f"{text}{vectors.shape}")
        if not close(H @ vectors, vectors * values, 1e-6):
            text = "column k of the vectors does not belong to value k: bring the columns into the"
            raise wrong("8.3", f"{text} same order")
        if not close(vectors.T @ vectors, np.eye(3), 1e-6):
            lengths = ", ".join(f"{length:.3g}" for length in np.linalg.norm(vectors, axis=0))
            text = "the vectors are directions, of length 1, each at a right angle to the others"
            raise wrong("8.3", f"{text}; yours have the lengths {lengths}")


def _picked(values, spectrum) -> str:
    """What was done to get three of the eigenvalues."""
    rising = np.sort(spectrum)
    strong = rising[np.argsort(-np.abs(rising))]
    ways = (
        (rising[-3:], 'ridges are left out: which="LA" goes by the signed value, "LM" by the size'),
        (rising[:3], 'valleys are left out: which="SA" goes by the signed value, "LM" by the size'),
        (strong[-3:], 'these are the flattest directions, which="SM"; the strongest are "LM"'),
        (np.abs(strong[:3]), "the sign tells a ridge from a valley: keep it"),
        (strong[:3], "the strongest first: order them by falling absolute value"),
        (rising[[0, -2, -1]], 'which="BE" takes half of them from either end; the strongest, "LM", '
         "may all be at one end"),
    )  # fmt: skip
    fits = (text for way, text in ways if close(np.sort(values, None), np.sort(way), 1e-6))
    return next(fits, "")


product_tested = tested.judge("8.2t")
