"""A seed for every presentation, independent of how many there are."""

import numpy as np

from spikedtp.parameters import check_whole

__all__ = ["check_presentations", "presentation_seeds"]


def check_presentations(n_repeats: int, seed: int, first_sample: int = 0) -> tuple[int, int, int]:
    """Check the whole numbers that count presentations, and raise a one-line error for anything else."""
    return (
        check_whole("n_repeats", n_repeats, least=1),
        check_whole("seed", seed),
        check_whole("first_sample", first_sample),
    )


def presentation_seeds(seed: int, n_samples: int, n_repeats: int, first_sample: int = 0) -> np.ndarray:
    """One 32-bit seed for each (sample, repeat), in that order. It does not depend on how many there are."""
    n_repeats, seed, first_sample = check_presentations(n_repeats, seed, first_sample)
    return np.array(
        [
            np.random.SeedSequence([seed, sample, repeat]).generate_state(1)[0]
            for sample in range(first_sample, first_sample + n_samples)
            for repeat in range(n_repeats)
        ],
        dtype=np.int64,
    )
