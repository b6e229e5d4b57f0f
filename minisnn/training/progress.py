"""Reports of a training run: at its start, during training, and at its end."""

import math
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from .. import terminal
from ..core.network import Network
from ..meta.rules import RULES
from .evaluation import ALIGNED
from .folder import RunFolder
from .settings import TrainingConfig, in_words

_MEANS = dict(
    frames="pixel baseline",
    random="random network",
    pretrained="a shipped classifier, fully trained",
    own="this network",
)
RULE_NAMES = {
    **{rule: f"nearest mean: {of}" for rule, of in _MEANS.items()},
    **{
        rule: f"{name}'s step, not trained for it"
        for rule, name in (("maml", "MAML"), ("proto-maml", "Proto-MAML"))
    },
    "nearest": "nearest mean",
    "online": "online, one sample after the other",
}
REGRESSION = dict(
    mean="mean of the support",
    inputs="ridge on the inputs",
    random="ridge on a random network",
    own="ridge on this network",
    towards="ridge towards its readout",
)
FEW = 5  # least training classes; what is learned from fewer hardly transfers


def bar(config: TrainingConfig, done: int, progress: bool) -> Any:
    """Return a progress bar of updates. In a terminal `show` sets its text; otherwise it writes
    twenty lines."""
    form = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
    how = dict(initial=done, bar_format=form, leave=True)
    return terminal.bar(None, config.updates, "training", progress, False, **how)


def show(
    shown: Any, config: TrainingConfig, rows: Sequence[Mapping[str, float]], progress: bool
) -> None:
    """Report averages over the last updates of the same rule, together a hundred tasks."""
    done = len(rows)
    total = config.updates
    span = max(1, 100 // config.tasks)
    last = rows[max(alike_since(config, done), done - span) :]
    measure = "error" if "error_after" in rows[-1] else "accuracy"
    form = ".3g" if measure == "error" else ".0%"
    names = ("loss", f"{measure}_before", f"{measure}_after")
    # rows of a resumed run lack values that were NaN
    loss, before, after = (fmean(row.get(name, math.nan) for row in last) for name in names)
    adapted = "" if math.isnan(before) else f"{before:{form}} → "  # unknown for some rules
    text = f"loss {loss:.2f}, {measure} {adapted}{after:{form}}"
    shown.set_postfix_str(text, refresh=False)
    shown.update()
    if progress and shown.disable and done % max(1, total // 20) == 0:
        say(f"update {done} of {total}: {text}; {rows[-1]['seconds']:.0f} s")


def alike_since(config: TrainingConfig, done: int) -> int:
    """Return the first update whose losses are comparable with the last one's: 0, or the end of
    updates by class means."""
    return config.prototype_updates if done > config.prototype_updates else 0


def size_of(config: TrainingConfig, real: bool) -> str:
    """Return the size of a run's tasks, of labels or of real targets."""
    if real:
        return f"{config.shots}-sample {config.ways}-output"
    return f"{config.ways}-way {config.shots}-shot"


def learned_by(config: TrainingConfig) -> str:
    """Describe the rule by which a run learned."""
    if config.rule == "maml" and not config.inner_steps:
        return "trained on all tasks as one"
    return f"{RULES[config.rule].words(config.order)}, meta-trained"


def opening(
    config: TrainingConfig,
    net: Network,
    folder: RunFolder,
    measure: str = "accuracy",
    classes: Sequence[str] | None = None,
) -> str:
    """Describe a run before it starts or resumes. classes: the training classes, if known."""
    kind = {"snn": "spiking", "cnn": "convolutional"}[config.model]
    rule = RULES[config.rule]
    tasks = f"{size_of(config, measure == 'error')} tasks"
    tasks = f"{net.ways} classes" if rule.whole_set else tasks
    lines = [f"{tasks} of {folder.origin.words()}; a {kind} network of {net.size:,} parameters"]
    if net.own:
        lines.append(f"with {net.own}, on backend {net.backend}")
    lines.append(f"run folder {folder.path}; Ctrl-C saves")
    if not (rule.whole_set or rule.any_ways or rule.class_means):
        lines[-1] += f"; {measure} is shown before → after adaptation"
    if classes is not None and len(classes) <= FEW and not rule.whole_set:
        lines.append(
            f"there are only {len(classes)} classes to learn from: meta-training may end worse than "
            "a random network (from four classes: 38.6 %, nearest class means of a random network: "
            "48.9 %)"
        )
    return "\n".join(lines)


def say(text: str) -> None:
    """Print a line to stderr immediately."""
    print(text, file=sys.stderr, flush=True)


def deviations(result: Mapping[str, Any]) -> str:
    """Describe how a result deviates from what the network was trained for; "" if it does not."""

    def words(value: Any) -> str:
        return in_words(tuple(value) if isinstance(value, list) else value)

    parts = [
        f"{name.replace('_', ' ')} {words(result[name])}, not {words(own)}"
        for name, own in result.get("trained_for", {}).items()
    ]
    return f"unlike in training: {', '.join(parts)}" if parts else ""


def sentence(result: dict) -> str:
    """Describe the result of `evaluate` in a line."""
    split = result.get("split", "test")
    met = result.get("met")
    other = deviations(result)
    # otherwise it answers by class means, or without learning
    adapts = result.get("inner_steps") != 0
    episodes = f"episode{'s' * (result['episodes'] != 1)}"
    if "error_after" in result:
        before = f" ({result['error_before']:.4g} before adaptation)" * adapts
        margin = "" if result["ci95"] is None else f" ± {result['ci95']:.2g}"
        error = f"{split} error {result['error_after']:.4g}{margin}, mean squared"
        if result.get("r2") is not None:
            error += f", R² {result['r2']:.3f}"
        more = f" ({other})" if other else ""
        return f"{error}, on {result['episodes']} {episodes}{before}{more}"
    right = f"{100 * result['accuracy_after']:.1f}"
    kind = "" if met or split == "train" else "unseen "
    kind += "validation " if split == "val" else ""
    if RULES.get(result.get("rule", ""), RULES["maml"]).whole_set:
        which = "recordings that it learned from" if split == "train" else f"{kind}recordings"
        more = f" ({other})" if other else ""
        return f"accuracy {right} % among {result['ways']} classes on {which}{more}"
    interval = result["interval"]
    notes = [f"{100 * result['accuracy_before']:.1f} % before adaptation"] * adapts
    notes += [f"± for {interval['population']}"] if interval else []
    notes += filter(None, [ALIGNED[result["align"]], met, other])
    tasks = f"{kind}{result['ways']}-way {result['shots']}-shot {episodes}"
    accuracy = f"{split} accuracy {right}{plus_minus(interval)} %"
    return f"{accuracy} on {result['episodes']} {tasks} ({'; '.join(notes)})"


def table(result: dict, learned: str | None = None, inner: Any = None) -> list[str]:
    """Format the rules of `evaluate`, a line each: accuracy with the quoted interval, and the
    paired difference to the first in points; then the intervals' population. For regression, the
    error and R², and a line that names rules that are better than the network.

    learned   how the network was trained, in words
    inner     its inner loop, whose readings and looks are named
    """
    if not result.get("rules"):
        return []
    real = "error_after" in result
    often = [(getattr(inner, name, 1), name) for name in ("readings", "looks")]
    many = [f"{number} {name}" for number, name in often if number > 1]
    once = [f"one {name.removesuffix('s')}" for number, name in often if number > 1]
    if (axes := getattr(inner, "axes", None)) is not None:
        many.append(f"{axes.shape[1]} axes")
        once.append("all features")
    first = ", ".join([learned or "this network, after adaptation", *many])
    names = RULE_NAMES | {"own": ", ".join([RULE_NAMES["own"], *once])}
    names = REGRESSION if real else names
    rows = {first: dict(result, mean=result["error_after" if real else "accuracy_after"])}
    rows |= {names.get(name, name): row for name, row in result["rules"].items()}
    title = "on the same episodes" + ", in %" * (not real)
    cells = [(title, *(("error", "R²") if real else ("mean", "95 %")), "first minus it")]
    cells += [(name, *(_errors(row) if real else _shares(row))) for name, row in rows.items()]
    wide = max(36, *map(len, rows))
    lines = [f"{name:<{wide}}{a:>8}{b:>10}{less:>20}".rstrip() for name, a, b, less in cells]
    if real:
        lines.append("error: mean squared, without the loss's half; ± over episodes, paired")
    elif result["interval"]:
        lines.append(f"± is the 95 % interval for {result['interval']['population']}")
    return lines + _better(rows, hasattr(inner, "penalty")) * real


def _shares(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Format a rule's accuracy, its interval, and the first row's accuracy minus its own."""
    apart, *_ = row.get("less", [0.0])
    less = f"{100 * apart:+.1f}{plus_minus(row['less_interval'])}" if "less" in row else ""
    return f"{100 * row['mean']:.1f}", plus_minus(row["interval"]), less


def _errors(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Format a rule's error, its R², and the first row's error minus its own."""
    apart, half, *_ = row.get("less", [0.0, None])
    margin = "" if half is None else f" ± {half:.2g}"
    less = f"{apart:+.3g}{margin}" if "less" in row else ""
    return f"{row['mean']:.4g}", "" if row.get("r2") is None else f"{row['r2']:.3f}", less


def _better(rows: Mapping[str, Any], ridge: bool) -> list[str]:
    """Name the rules of regression that are better than the network's own. ridge: whether its own
    is ridge regression."""
    learned = {REGRESSION["own"], REGRESSION["towards"]}
    apart = {name: row["less"] for name, row in rows.items() if "less" in row}
    better = [name for name, less in apart.items() if less[1] is not None and less[0] > less[1]]
    better = [name for name in better if not (ridge and name == REGRESSION["own"])]
    why = "this does not show that it learned to learn"
    if learned.issuperset(better):
        why = "the features are good, but there are better uses of them than these steps"
    return [f"worse than {', '.join(better)}: {why}"] if better else []


def plus_minus(interval: Mapping[str, Any] | None) -> str:
    """Format half an interval in points, at least 0.1, since 0.0 would claim certainty; "" for
    None."""
    return "" if interval is None else f" ± {max(100 * interval['half'], 0.1):.1f}"
