"""What lesson 0 plays with: the page that learns what one draws, drawings before a simulated camera,
and two ways to break a network."""

import html

import numpy as np

import minisnn as ms
import style
from checks import mine
from minisnn import outputs, plots
from minisnn.data.sets.omniglot import alphabets, thickened
from minisnn.data.sets.pool import centred, summed
from minisnn.data.store.shipped import shipped
from minisnn.files import write_whole
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.command import SYMBOLS
from minisnn.hardware.page.make import page as page_of

NETWORK = "omniglot_background_maml.h5"
STEP_MS, STEPS = 50, 6  # of that network: ms of a step, and its steps
ROWS = 24  # neurons whose spikes are shown


def page(path: str = "teach.html") -> None:
    """Write the page beside `mysnn.py` and, where somebody runs the cell, show it below.

    Where a program runs it, the page's 600 kB stay out of the notebook. Raises ValueError if
    another file has this name.
    """
    place = mine.place().parent / path
    text = page_of(IntegerNet.of(ms.read(shipped(SYMBOLS))))
    outputs.check_files(place.parent, {path: text.encode()})
    write_whole(place, text.encode())
    print(
        f"{path} lies beside this notebook. If no page stands below, open that file in a browser."
    )
    if style._watched():
        from IPython.display import HTML, display

        allowed = "allow-scripts allow-downloads"
        frame = f'width="100%" height="820" title="Teach a spiking network" sandbox="{allowed}"'
        display(HTML(f'<div><iframe {frame} srcdoc="{html.escape(text)}"></iframe></div>'))


def drawings(seed: int = 0, ways: int = 5, people: int = 5) -> np.ndarray:
    """Return (ways, people, 28, 28): characters that the shipped networks have never met, each
    drawn by different people."""
    rng = np.random.default_rng(seed)
    all_of_them = np.concatenate(list(alphabets("test").values()))
    chosen = rng.choice(len(all_of_them), ways, replace=False)
    return np.array([all_of_them[one, rng.permutation(20)[:people]] for one in chosen])


def task(drawn: np.ndarray) -> ms.Task:
    """Return the first drawing of each character to learn from, the others to ask about, as the
    camera sees them: counts of events in steps of 50 ms, their mean in the middle."""
    ways, people = drawn.shape[:2]
    pictures = thickened(drawn.reshape(-1, 28, 28))
    seen = ms.EventCamera().record_counts(
        pictures, np.arange(len(pictures)), 0, duration_ms=STEP_MS * STEPS, scale=1
    )
    counts = summed(centred(seen), STEP_MS, 1)
    x = counts.reshape(ways, people, *counts.shape[1:])
    y = np.arange(ways)
    queries = x[:, 1:].reshape(-1, *counts.shape[1:])
    return ms.Task(x[:, 0], y, queries, np.repeat(y, people - 1))


def moved(x: np.ndarray, cells: int) -> np.ndarray:
    """Return counts (B, T, H, W, 2) with the picture so many cells further right; what leaves it is
    lost."""
    found = np.zeros_like(x)
    width = x.shape[3]
    found[:, :, :, cells:] = x[:, :, :, : width - cells]
    return found


def rounded(net, theta: np.ndarray, bits: int) -> np.ndarray:
    """Return parameters whose weights are whole numbers of so many bits times a power of two, layer
    by layer the power of least squared error."""
    found = theta.copy()
    low = -(2 ** (bits - 1))
    high = 2 ** (bits - 1) - 1
    for part in net.layout:
        if part.name.endswith("weight"):
            w = theta[part.slice]
            ways = [2.0**x * np.clip(np.round(w / 2.0**x), low, high) for x in range(-16, 4)]
            found[part.slice] = min(ways, key=lambda way: np.sum((w - way) ** 2))
    return found


def membranes(net, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the membranes (T, ways) of the last layer while one sample x (T, H, W, 2) goes by:
    what would be the logits if it ended there."""
    whole = net.like(window=len(x), backend="numpy")
    return whole.record(theta, x[None])[-1]["u"][0, :, 0, 0]


def watch(net, before: np.ndarray, after: np.ndarray, x: np.ndarray) -> None:
    """Show one sample x (T, H, W, 2) on its way: events of the camera's first movement, spikes of
    some neurons below the last layer, and the membranes of the classes, before and after the
    network has learned."""
    times = STEP_MS * np.arange(len(x))
    with style.picture("Events come in, spikes go up, membranes answer", 1, 4, 12, 2.4) as axes:
        axes[0].imshow(plots.event_picture(x[: 100 // STEP_MS].sum(0)))
        axes[0].set(title="what the camera reports", xticks=[], yticks=[])
        spikes = net.spikes(before, x[None])[0].reshape(len(x), -1).T
        shown = spikes[np.linspace(0, len(spikes) - 1, ROWS).astype(int)]
        shown = shown[np.lexsort(shown.T[::-1])]
        edges = STEP_MS * np.arange(len(x) + 1)
        axes[1].pcolormesh(edges, np.arange(ROWS + 1), shown, cmap="Greys", edgecolors="white")
        axes[1].set(title=f"spikes of {ROWS} neurons", xlabel="time (ms)", yticks=[])
        for one, theta, said in ((axes[2], before, "before"), (axes[3], after, "after")):
            u = membranes(net, theta, x)
            for k, colour in zip(range(u.shape[1]), plots.COLOURS.values()):
                last = one is axes[3]
                wide = 2 if last else 10 - 2 * k  # seen though they are equal
                one.plot(times, u[:, k], color=colour, linewidth=wide, label=str(k) * last)
            one.set(title=f"membranes, {said}", xlabel="time (ms)")
        axes[2].sharey(axes[3])
        axes[3].legend(fontsize=8, title="class", loc="center left", bbox_to_anchor=(1, 0.5))


def changes(net, before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Return by layer the mean size of what its weights were changed by."""
    return {
        part.name.split(".")[0]: float(np.abs(after - before)[part.slice].mean())
        for part in net.layout
        if part.name.endswith("weight")
    }
