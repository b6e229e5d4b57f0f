"""Beyond the paper: the curvature of the loss that the inner loop goes down, before and after
meta-training.

The Hessian of the support loss is never formed. From random starts, Lanczos iterations with its
Hessian-vector products give Ritz values and weights, and so the density of its eigenvalues
(stochastic Lanczos quadrature: Ghorbani, Krishnan & Xiao 2019, ICML).
"""

import numpy as np
from scipy.linalg import eigh_tridiagonal

from minisnn.experiments.findings import Findings
from minisnn.experiments.study import Settings, Study

TITLE = "Curvature of the inner loss, before and after meta-training"
ITERATIONS, STARTS, TASKS = 20, 1, 2


def lanczos(
    product, size: int, iterations: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Ritz values and their weights (they sum to 1) of a symmetric matrix given by `product`, from
    a random unit vector.

    H q_k = beta_{k-1} q_{k-1} + alpha_k q_k + beta_k q_{k+1},   orthogonalised against all that
    came before
    """
    iterations = min(iterations, size)
    q = rng.standard_normal(size)
    basis = [q / np.linalg.norm(q)]
    alpha = []
    beta = []
    for _ in range(iterations):
        w = np.asarray(product(basis[-1]), float)
        alpha.append(basis[-1] @ w)
        for _ in range(2):  # twice is enough (Parlett)
            for other in basis:
                w -= (other @ w) * other
        norm = np.linalg.norm(w)
        if norm < 1e-10 * max(map(abs, alpha)) or len(basis) == iterations:
            break
        beta.append(norm)
        basis.append(w / norm)
    values, vectors = eigh_tridiagonal(np.array(alpha), np.array(beta[: len(alpha) - 1]))
    return values, vectors[0] ** 2


def _one(
    tasks, settings: Settings, net, theta: np.ndarray, starts: int, iterations: int, index: int
) -> list:
    """Ritz values, their weights, and loss, norm of the gradient and curvature along it."""
    seed = settings.seed
    task = tasks.episode(seed, index // starts, net.ways, 1, 1)
    loss, g, _, hvp = net.gradients(theta, task.x_support, task.y_support)
    values, weights = lanczos(hvp, net.size, iterations, np.random.default_rng((seed, index)))
    along = float(g @ hvp(g) / max(g @ g, 1e-300))
    return [values.tolist(), weights.tolist(), [loss, float(np.linalg.norm(g)), along]]


def run(study: Study, found: Findings) -> None:
    rows = []
    spectra = {}
    s = study.settings
    for dataset, name, checkpoint in study.meta_trained(found):
        tasks = study.tasks(dataset)
        net = checkpoint.net.like(dtype="float64")
        x = tasks.episode(s.seed, 0, net.ways, 1, 1).x_support
        start = net.init(np.random.default_rng(s.seed), x, rate=0.15, readout="fit")
        for label, theta in (("before", start), ("after", checkpoint.theta.astype(np.float64))):
            items = study.items(
                f"{dataset}-curvature-{label}",
                dataset,
                _one,
                net,
                theta,
                STARTS,
                ITERATIONS,
                count=TASKS * STARTS,
            )
            spectra[name, label] = items
            top, bottom = (np.mean([pick(item[0]) for item in items]) for pick in (max, min))
            loss, norm, along = np.mean([item[2] for item in items], axis=0)
            sizes = (f"{loss:.3g}", f"{norm:.3g}", f"{top:.4g}", f"{bottom:.4g}", f"{along:.4g}")
            rows.append([name, label, *sizes])
    found.table(
        "curvature",
        "Hessian of the support loss at the start of the inner loop, means over tasks",
        "data | meta-training | loss | norm of the gradient | largest eigenvalue | smallest | "
        "curvature along the gradient",
        rows,
        f"{TASKS} test tasks; {ITERATIONS} Lanczos iterations with exact Hessian-vector products "
        "in float64. Before: "
        "data-dependent initialisation with a fitted readout.",
    )
    if spectra:
        found.summary = (
            "The surrogate Hessian is exact (finite differences of the jet twin prove it), so its "
            "spectrum is a "
            "measurement."
        )
