"""The least value that reaches a cosine, for random courses of the noise."""

import math

import numpy as np
import pytest

from spikedtp.planning.search import least_value


def course(rng):
    """A cosine that rises with the value, up to a limit: noise as a power of the value."""
    limit, scale, power = rng.uniform(0.9, 1), rng.uniform(0.01, 100), rng.uniform(0.3, 1)
    return lambda value: limit / math.sqrt(1 + (scale / value) ** (2 * power)), limit


@pytest.mark.parametrize("seed", range(40))
def test_the_least_value_in_few_tries(seed):
    rng, tries = np.random.default_rng(seed), []
    cosine, _ = course(rng)
    limits, start, wanted = (1e-3, 1e4), 10 ** rng.uniform(-2, 3), rng.uniform(0.3, 0.999)
    whole = seed % 2 == 1

    def at(value):
        tries.append(value)
        return cosine(value)

    def rounded(value):
        return float(math.ceil(value - 1e-9)) if whole else value

    found = least_value(at, wanted, start, limits, rounded)
    assert len(tries) <= 14
    if found.value is None:
        assert cosine(limits[1]) < wanted and found.cosine == cosine(limits[1])
        return
    assert found.cosine == cosine(found.value) >= wanted
    if found.value > rounded(limits[0]):  # a little less is too little
        less = found.value - 1 if whole else found.value
        assert cosine(min(less, found.value / 1.02) if not whole else less / 1.02) < wanted


def test_nothing_is_known_of_a_cosine_that_is_not_a_number():
    assert least_value(lambda _: math.nan, 0.5, 2, (1, 8), lambda value: value).value is None
