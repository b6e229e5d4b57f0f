"""A picture of ink as the strokes that a hand would make: thinned (Zhang & Suen 1984), then walked
along."""

import numpy as np


def thinned(ink: np.ndarray) -> np.ndarray:
    """The skeleton, one pixel wide, of a boolean picture (H, W)."""
    ink = np.pad(ink, 1)
    while True:
        before = ink.copy()
        for turn in (0, 1):
            # the eight neighbours, from above clockwise
            n = np.stack([np.roll(ink, (-y, -x), (0, 1)) for y, x in AROUND])
            number, rises = n.sum(0), (~n & np.roll(n, -1, 0)).sum(0)
            up, right, down, left = n[0], n[2], n[4], n[6]
            free = ~(right & down & (up | left)) if turn == 0 else ~(up & left & (right | down))
            ink = ink & ~((number >= 2) & (number <= 6) & (rises == 1) & free)
        if (ink == before).all():
            return ink[1:-1, 1:-1]


AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def strokes_of(picture: np.ndarray) -> list[list[tuple[float, float]]]:
    """Strokes of points (x, y), shares of the square, along the skeleton of a picture (H, W): from
    ends, straight on first."""
    left = {(int(y), int(x)) for y, x in np.argwhere(thinned(picture > 127))}
    near = lambda p: [q for dy, dx in AROUND if (q := (p[0] + dy, p[1] + dx)) in left]
    found = []
    while left:
        place = min(sorted(left), key=lambda p: len(near(p)))
        line, step = [place], (0, 0)
        left.discard(place)
        while ways := near(place):
            new = max(ways, key=lambda q: (q[0] - place[0]) * step[0] + (q[1] - place[1]) * step[1])
            step, place = (new[0] - place[0], new[1] - place[1]), new
            line.append(place)
            left.discard(place)
        found.append(
            [((x + 0.5) / picture.shape[1], (y + 0.5) / picture.shape[0]) for y, x in line]
        )
    return found
