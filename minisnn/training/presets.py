"""Named settings of `minisnn train`."""

from .settings import TrainingConfig

PRESETS = {
    # Stewart & Neftci 2022: Table 1 and the constants of the authors' public code (200 tasks an epoch, 100 epochs): the
    # defaults. Table 1 says padding 0, but its sizes need "same" padding; its third output 8 x 8 x 128 is 8 x 4 x 128.
    "paper": TrainingConfig(),
    # What a newcomer waits for: Table 1 at half its width. The readout starts from zero and every array learns its own
    # step size; these two are what makes meta-training take off at once.
    "quick": TrainingConfig(
        channels=(16, 32, 64),
        queries=5,
        step_size=5.0,
        learn_step_size="array",
        updates=1500,
        clip=5.0,
        init_rate=0.15,
        init_readout="zero",
        evaluate_every=250,
        evaluate_episodes=20,
    ),
}
DEFAULT = "quick"


def preset(name: str) -> TrainingConfig:
    """The settings of a name in PRESETS."""
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {name!r}")
    return PRESETS[name]
