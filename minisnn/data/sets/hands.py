"""Drawn hands: a schematic kinematic hand that shows the 24 static letters of American Sign
Language.

Each bone is a tapered capsule: spheres whose centre and radius change linearly from joint to joint.
With f the sum of a finger's flexions up to a bone, s the finger's spread, and x towards the thumb,
y along the fingers, z out of the palm:

    direction = (sin s cos f, cos s cos f, sin f)                   bones of a finger
    direction = (sin a cos e, cos a cos e, sin e)                   of the thumb: abduction a, opposition e
    joint[k + 1] = joint[k] + length[k] direction[k]                forward kinematics
    joints = Rx(pitch) Rz(roll) Ry(yaw) joints                      orientation of the whole hand

The picture is the orthographic view along z. Each pixel shows the nearest sphere, of normal n, in
the light l:

    grey = skin (ambient + (1 - ambient) max(0, n . l)) (rim + (1 - rim) n_z) (1 - occlusion)

The shapes follow the common charts of the manual alphabet; they are schematic, not measured, and
nobody should learn signing from them. They replace the hands that ASL-DVS recorded (Bi et al. 2019,
ICCV).
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from ..readers.asl import LETTERS

# Lengths in palms (wrist to the middle finger's knuckle): index, middle, ring, little finger.
_KNUCKLES = np.array(
    [[0.30, 0.97, 0], [0.09, 1.0, 0.02], [-0.12, 0.96, 0.01], [-0.31, 0.86, -0.01]]
)
_PHALANGES = np.array(
    [[0.46, 0.28, 0.22], [0.51, 0.32, 0.23], [0.47, 0.30, 0.23], [0.37, 0.22, 0.20]]
)
_GIRTH = np.array(
    [
        [0.126, 0.115, 0.104, 0.088],
        [0.13, 0.118, 0.106, 0.09],
        [0.124, 0.112, 0.102, 0.086],
        [0.11, 0.098, 0.088, 0.075],
    ]
)
_THUMB_ROOT = np.array([0.20, 0.17, 0.06])
_THUMB = np.array([0.44, 0.36, 0.30])
_THUMB_GIRTH = (0.19, 0.135, 0.12, 0.088)

# Flexions in degrees of the knuckle and the two joints beyond it.
_UP, _FIST, _OVER = (4, 5, 4), (84, 100, 55), (80, 55, 15)
# Abduction and opposition in degrees of the thumb's three bones.
_ACROSS, _PALM, _OUT = (
    ((42, 48), (-38, 48), (-72, 2)),
    ((45, 38), (-45, 26), (-68, -8)),
    ((62, 12), (72, 6), (78, 0)),
)
_BESIDE, _MEET = ((44, 32), (4, 26), (-2, 2)), ((34, 52), (-8, 50), (-20, 30))


class _Pose(NamedTuple):
    """Joint angles in degrees for one letter: fingers (4, 3), thumb (3, 2), spread (4,), turn =
    (yaw, pitch, roll), wrist."""

    fingers: tuple
    thumb: tuple
    spread: tuple = (3, 1, -1, -3)
    turn: tuple = (0, 0, 0)
    wrist: float = 0


_POSES = {
    "a": _Pose((_FIST,) * 4, _BESIDE),
    "b": _Pose((_UP,) * 4, _PALM),
    "c": _Pose(((38, 48, 32),) * 4, ((38, 58), (18, 66), (12, 62)), (2, 1, 0, -2), (66, 0, 0)),
    "d": _Pose((_UP, (58, 68, 42), (62, 72, 42), (66, 74, 42)), _MEET, turn=(40, 0, 0)),
    "e": _Pose(((28, 108, 58),) * 4, _PALM),
    "f": _Pose(((52, 66, 38), (12, 8, 5), _UP, _UP), _MEET, (2, 5, -6, -17), (45, 0, 0)),
    "g": _Pose(
        (_UP, _FIST, _FIST, _FIST), ((58, 15), (26, 8), (20, 4)), turn=(155, 0, -84), wrist=-35
    ),
    "h": _Pose((_UP, _UP, _FIST, _FIST), _ACROSS, turn=(155, 0, -84), wrist=-35),
    "i": _Pose((_FIST, _FIST, _FIST, _UP), _ACROSS, (3, 1, -1, -8)),
    "k": _Pose(
        (_UP, (46, 8, 5), _FIST, _FIST), ((28, 42), (-4, 36), (-8, 20)), (4, -4, -1, -3), (45, 0, 0)
    ),
    "l": _Pose((_UP, _FIST, _FIST, _FIST), _OUT),
    "m": _Pose((_OVER, _OVER, _OVER, _FIST), ((45, 36), (-48, 22), (-76, 6)), turn=(12, 22, 0)),
    "n": _Pose((_OVER, _OVER, _FIST, _FIST), ((40, 38), (-20, 34), (-40, 20)), turn=(-14, 16, 0)),
    "o": _Pose(((54, 58, 42),) * 4, ((34, 52), (-4, 50), (-10, 25)), (2, 1, 0, -2), (64, 0, 0)),
    "p": _Pose(
        (_UP, (62, 10, 5), _FIST, _FIST),
        ((34, 42), (-4, 40), (-10, 24)),
        (8, -8, -1, -3),
        (20, 50, 95),
        50,
    ),
    "q": _Pose(
        ((20, 8, 5), _FIST, _FIST, _FIST),
        ((58, 18), (28, 14), (18, 10)),
        turn=(150, 0, 172),
        wrist=60,
    ),
    "r": _Pose(((8, 6, 5), _UP, _FIST, _FIST), _ACROSS, (-13, 12, -1, -3), (22, 0, 0)),
    "s": _Pose((_FIST,) * 4, ((20, 45), (-28, 43), (-80, -5))),
    "t": _Pose(
        ((72, 88, 40), _FIST, _FIST, _FIST), ((20, 49), (-8, 45), (-6, 22)), turn=(16, 0, 0)
    ),
    "u": _Pose((_UP, _UP, _FIST, _FIST), _ACROSS, (1, 2, -1, -3)),
    "v": _Pose((_UP, _UP, _FIST, _FIST), _ACROSS, (15, -13, -1, -3)),
    "w": _Pose((_UP, _UP, _UP, _FIST), ((40, 44), (-36, 40), (-62, 0)), (17, 1, -15, -3)),
    "x": _Pose(((12, 88, 48), _FIST, _FIST, _FIST), _ACROSS, turn=(38, 0, 0)),
    "y": _Pose((_FIST, _FIST, _FIST, _UP), _OUT, (3, 1, -1, -24)),
}

# the forearm enters from below
_IN_TAKES = {"g": _POSES["g"]._replace(fingers=((58, 5, 4), _FIST, _FIST, _FIST), wrist=-85)}

# Standard deviations of the jitter: degrees, fractions of a length, fractions of the picture's
# height.
_JOINT_SD, _SPREAD_SD, _THUMB_SD = 7.0, 3.0, 6.0
_TURN_SD = (17.0, 10.0, 12.0)
_LENGTH_SD, _GIRTH_SD, _SCALE_SD, _SHIFT_SD = 0.06, 0.07, 0.10, 0.06
_PALM_PX = 0.40  # palm's length in heights of the picture
_AMBIENT, _RIM = 0.35, 0.35
# width of a sleeve's soft edge, in palms; width of creases, in heights of the picture
_SLEEVE_EDGE, _CREASE = (
    0.12,
    0.014,
)


class Look(NamedTuple):
    """Appearance of a hand in takes: the distance from the wrist, in palms, at which its forearm is
    half hidden in a sleeve as dark as the background; the standard deviation that creases give to
    the logarithm of the skin's grey; and factors on the hand's size and on its turning."""

    sleeve: float
    creases: float
    size: float = 1.0
    turns: float = 0.6


def draw_hand(
    letter: int,
    rng: np.random.Generator,
    size: tuple[int, int] = (120, 160),
    look: Look | None = None,
) -> np.ndarray:
    """Draw a hand that shows LETTERS[letter], light on a dark background: float32 (H, W) in [0, 1].

    letter: 0-23.  rng: draws joints, pose, proportions, skin, light and background.  size: rows and
    columns. look: a sleeve and creases; None: a bare forearm, smooth skin.
    """
    name = LETTERS[letter]
    pose, turns, size_of_hand = _POSES[name], 1.0, 1.0
    if look is not None:
        pose, turns, size_of_hand = _IN_TAKES.get(name, pose), look.turns, look.size
    starts, ends, from_radius, to_radius, flat = _capsules(pose, rng, turns)
    height, width = map(int, size)
    side = min(height, 0.75 * width)
    hand = np.concatenate([starts[1:], ends[1:]])  # all joints except the forearm's
    extent = float(np.ptp(hand[:, :2], axis=0).max())
    nearer = math.sqrt(1.9 / extent) * size_of_hand  # fists are
    scale = _PALM_PX * side * nearer * math.exp(_SCALE_SD * _normal(rng))
    middle = (hand.min(0) + hand.max(0)) / 2
    shift = np.array([_normal(rng), _normal(rng), 0])
    place = np.array([width / 2, height / 2, 0]) + side * _SHIFT_SD * shift
    flip = np.array([1.0, -1.0, 1.0])  # row numbers increase downwards
    starts, ends = ((joints - middle) * flip * scale + place for joints in (starts, ends))
    radii = from_radius * scale, to_radius * scale
    depth, normal, cover = _render(starts, ends, *radii, flat, height, width)

    light = np.array([0.55 * _normal(rng), -0.35 + 0.4 * _normal(rng), 1.0])
    light /= np.linalg.norm(light)
    lit = np.maximum(0, np.tensordot(light.astype(np.float32), normal, 1))
    skin = rng.uniform(0.65, 1.0)
    ground = rng.uniform(0.02, 0.14)
    reach = max(3, int(0.16 * scale) | 1)
    around = uniform_filter(depth, reach, mode="nearest")
    occlusion = np.clip((around - depth) / (0.5 * scale), 0, 0.6)
    rim = _RIM + (1 - _RIM) * normal[2]
    grey = skin * (_AMBIENT + (1 - _AMBIENT) * lit) * rim * (1 - occlusion)
    if look is not None:
        arm = (ends[0] - starts[0])[:2]
        arm /= np.linalg.norm(arm)
        along = (np.indices((height, width)).T @ arm[::-1]).T - starts[0, :2] @ arm
        cover = cover / (1 + np.exp(np.clip((along / scale - look.sleeve) / _SLEEVE_EDGE, -30, 30)))
        noise = gaussian_filter(rng.standard_normal((height, width)), _CREASE * side)
        grey = np.minimum(grey * np.exp(look.creases * noise / noise.std()), 1)
    picture = ground + cover * (np.maximum(grey, ground) - ground)
    padded = np.pad(picture, 1, mode="edge")  # binomial filter against jagged inner edges
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.clip((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4, 0, 1).astype(np.float32)


def hand_picture(
    letter: int, number: int, seed: int, size: tuple[int, int] = (120, 160)
) -> np.ndarray:
    """Draw picture `number` (from 0 on) for a letter in the series `seed`: uint8 (H, W)."""
    rng = np.random.default_rng((seed, letter, number))
    return np.rint(255 * draw_hand(letter, rng, size)).astype(np.uint8)


def _capsules(pose: _Pose, rng: np.random.Generator, turns: float) -> tuple[np.ndarray, ...]:
    """Return the ends (n, 3), radii (n,) and flatness (n,) of the bones, in palms; the forearm
    comes first."""
    degree = math.pi / 180
    common = _JOINT_SD * _normal(rng) * 0.7  # fingers move together and individually
    flex = (
        np.array(pose.fingers, float) + common + _JOINT_SD * _normal(rng, (4, 3)) * [0.8, 1.0, 0.6]
    )
    flex = np.maximum(np.cumsum(np.maximum(flex, -4.0), axis=1), -8.0) * degree
    spread = (np.array(pose.spread, float) + _SPREAD_SD * _normal(rng, 4))[:, None] * degree
    thumb = (
        np.array(pose.thumb, float) + _THUMB_SD * _normal(rng) + _THUMB_SD * _normal(rng, (3, 2))
    ) * degree
    lengths = _PHALANGES * np.exp(
        _LENGTH_SD * _normal(rng) + 0.5 * _LENGTH_SD * _normal(rng, (4, 1))
    )
    girth = math.exp(_GIRTH_SD * _normal(rng))
    thumb_lengths = _THUMB * math.exp(_LENGTH_SD * _normal(rng))
    palm = np.array([math.exp(_GIRTH_SD * _normal(rng)), 1.0, 1.0])

    knuckles = _KNUCKLES * palm
    bones = lengths[..., None] * _direction(spread, flex)
    joints = np.concatenate([np.zeros((4, 1, 3)), np.cumsum(bones, axis=1)], axis=1)
    fingers = knuckles[:, None] + joints
    bones = thumb_lengths[:, None] * _direction(*thumb.T)
    joints = np.concatenate([np.zeros((1, 3)), np.cumsum(bones, axis=0)])
    thumb_joints = _THUMB_ROOT * palm + joints

    wrist = (pose.wrist + 8.0 * turns * _normal(rng)) * degree
    roots = [[0.12, 0.12, 0], [0.04, 0.1, 0.01], [-0.05, 0.1, 0.01], [-0.12, 0.12, 0]] * palm
    elbow = np.array([[0.0, 0.08, 0], [3 * math.sin(wrist), 0.08 - 3 * math.cos(wrist), 0]])
    # skin next to the thumb
    web = thumb_joints[:1] + [[0.02, 0.05, 0]], knuckles[:1] * [1, 0.85, 1]
    starts = [elbow[:1], roots, web[0], fingers[:, :3].reshape(-1, 3), thumb_joints[:3]]
    ends = [elbow[1:], knuckles, web[1], fingers[:, 1:].reshape(-1, 3), thumb_joints[1:]]
    from_radius = girth * np.concatenate(
        [[0.25], [0.17] * 4, [0.14], _GIRTH[:, :3].ravel(), _THUMB_GIRTH[:3]]
    )
    to_radius = girth * np.concatenate(
        [[0.33], [0.14, 0.145, 0.14, 0.13], [0.12], _GIRTH[:, 1:].ravel(), _THUMB_GIRTH[1:]]
    )
    flat = np.concatenate([[0.8], [0.45] * 5, np.ones(12), [0.7, 1, 1]])

    yaw, pitch, roll = (np.array(pose.turn) + turns * np.array(_TURN_SD) * _normal(rng, 3)) * degree
    turn = _about(0, pitch) @ _about(2, roll) @ _about(1, yaw)
    placed = (np.concatenate(joints_of) @ turn.T for joints_of in (starts, ends))
    return *placed, from_radius, to_radius, flat


def _direction(sideways: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return a bone's direction, (…, 3), given its angles relative to the fingers' direction."""
    return np.stack([np.sin(sideways) * np.cos(up), np.cos(sideways) * np.cos(up), np.sin(up)], -1)


def _about(axis: int, angle: float) -> np.ndarray:
    """Return a right-handed rotation about an axis."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    out = np.eye(3)
    out[i, i] = out[j, j] = math.cos(angle)
    out[j, i] = math.sin(angle)
    out[i, j] = -math.sin(angle)
    return out


def _render(
    starts, ends, from_radius, to_radius, flat, height: int, width: int
) -> tuple[np.ndarray, ...]:
    """Return the depth (H, W), normals (3, H, W) and cover (H, W), in [0, 1], of the capsules
    nearest to the viewer; lengths are in pixels.

    At distance v from the projected axis, on an axis that rises by the angle phi, the visible
    sphere is at

        s = (u + sqrt(r^2 - v^2) sin phi) / cos phi,   clipped to the bone's length.
    """
    depth = np.full((height, width), -np.inf, np.float32)
    normal = np.zeros((3, height, width), np.float32)
    normal[2] = 1
    cover = np.zeros((height, width), np.float32)
    for a, b, ra, rb, smooth in zip(starts, ends, from_radius, to_radius, flat):
        reach = max(ra, rb) + 1
        low = np.floor(np.minimum(a, b)[:2] - reach).astype(int).clip(0, (width, height))
        high = np.ceil(np.maximum(a, b)[:2] + reach).astype(int).clip(0, (width, height)) + 1
        box = (slice(low[1], min(high[1], height)), slice(low[0], min(high[0], width)))
        if cover[box].size == 0:
            continue
        y = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None] + np.float32(0.5 - a[1])
        x = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None] + np.float32(0.5 - a[0])
        bone = b - a
        length = float(np.linalg.norm(bone))
        flat_length = float(math.hypot(bone[0], bone[1]))
        sine = float(bone[2]) / length
        cosine = max(flat_length / length, 1e-3)
        ux, uy = 1.0, 0.0
        if flat_length > 1e-9:
            ux, uy = float(bone[0]) / flat_length, float(bone[1]) / flat_length
        u = x * ux + y * uy
        v = y * ux - x * uy
        s = (u + np.sqrt(np.maximum(0, (0.5 * float(ra + rb)) ** 2 - v * v)) * sine) / cosine
        share = np.clip(s / length, 0, 1)
        radius = float(ra) + share * float(rb - ra)
        dx = x - share * float(bone[0])
        dy = y - share * float(bone[1])
        distance2 = dx * dx + dy * dy
        rise = np.sqrt(np.maximum(0, radius * radius - distance2))
        z = share * float(bone[2]) + float(a[2]) + rise
        np.maximum(cover[box], np.clip(radius - np.sqrt(distance2) + 0.5, 0, 1), out=cover[box])
        nearer = (distance2 < (radius + 0.5) ** 2) & (z > depth[box])
        np.copyto(depth[box], z, where=nearer)
        nx, ny = float(smooth) * dx / radius, float(smooth) * dy / radius
        nz = np.sqrt(np.maximum(0, 1 - nx * nx - ny * ny))
        for k, part in enumerate((nx, ny, nz)):
            np.copyto(normal[k][box], part, where=nearer)
    # behind the hand, not the elbow
    ground = min(starts[1:, 2].min(), ends[1:, 2].min()) - from_radius.max()
    return np.maximum(depth, np.float32(ground)), normal, cover


def _normal(rng: np.random.Generator, shape=None):
    """Draw normal values within two standard deviations, so that no joint breaks."""
    return np.clip(rng.standard_normal(shape), -2, 2)
