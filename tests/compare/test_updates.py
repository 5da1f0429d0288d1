"""The table of a comparison: its columns, given references, and as many samples on both sides."""

import numpy as np
import pytest
from compare.repeats_shown import N_REPEATS

from spikedtp import SpikedtpError
from spikedtp.circuit import CircuitBuilder
from spikedtp.compare import compare_updates, expected_update, similarity, summarise
from spikedtp.plasticity import DendriticState, HebbWeightNorm, ReceptiveFields
from spikedtp.rate import load_rate_network
from spikedtp.spiking import default_device, simulate


def test_table(response, network, images):
    rate = network.present(*images)
    table = compare_updates(rate, response)
    assert len(table) == 2 * N_REPEATS * (2 + 1)  # H2E_H1E has both references, H2E_H2DendI the rule's
    assert set(table.reference) == {"notebook", "rule"}
    row = table[(table.projection == "H2E_H1E") & (table.reference == "rule")].iloc[N_REPEATS + 3]
    assert (row["sample"], row["repeat"]) == (1, 3)
    direct = similarity(rate.updates("H2E_H1E", 1), response.weight_updates["H2E_H1E"][1, 3])
    assert row["cosine"] == pytest.approx(direct["cosine"])
    medians = summarise(table).set_index(["projection", "reference", "measure"])
    assert medians.loc[("H2E_H1E", "rule", "cosine"), "median"] == pytest.approx(
        table[(table.projection == "H2E_H1E") & (table.reference == "rule")].cosine.median()
    )


def test_references_may_be_given(response, network, images):
    given = network.weight_updates(*images, constrained=False)
    table = compare_updates(given, response)
    expected = compare_updates(network.present(*images), response)
    expected = expected[expected.reference == "rule"].reset_index(drop=True)
    np.testing.assert_allclose(table.cosine, expected.cosine, atol=1e-6)
    with pytest.raises(ValueError, match="needs a RateResponse or a dict of weight changes as reference, got NoneType"):
        compare_updates(None, response)
    with pytest.raises(ValueError, match="unknown projection in the rate weight changes 'H2E_H1E'"):
        compare_updates({}, response)
    with pytest.raises(ValueError, match=r"has shape \(2, 2\), the spiking one \(100, 100\)"):
        compare_updates({name: np.zeros((2, 2)) for name in given}, response)


def test_as_many_samples_on_both_sides(response, network, images):
    x, target = images
    for fewer in (network.present(x[0], target[0]), network.present(x[:1], target[:1])):
        with pytest.raises(SpikedtpError, match=rf"are of 1 sample\(s\), the spiking ones of {len(x)}"):
            compare_updates(fewer, response)
    with pytest.raises(SpikedtpError, match=r"are of 1 sample\(s\)"):
        compare_updates(network.weight_updates(x[:1], target[:1], constrained=False), response)


def test_references_have_two_names(response, network, images):
    rate = network.present(*images)
    usual = compare_updates(rate, response)
    named = compare_updates(rate, response, references=("figure3", "trained"))
    assert set(named["reference"]) == {"figure3", "trained"}
    earlier = named.assign(reference=named["reference"].map({"figure3": "notebook", "trained": "rule"}))
    assert earlier.equals(usual)
    alone = compare_updates(rate, response, references=["trained"])
    assert alone.drop(columns="reference").equals(
        usual[usual.reference == "rule"].drop(columns="reference").reset_index(drop=True)
    )


def test_backprop_is_a_reference(response, network, images):
    """For projections on which somas of the output depend; a dict of weight changes cannot hold it."""
    rate = network.present(*images)
    both = compare_updates(rate, response, references=("trained", "backprop"))
    found = both[both.reference == "backprop"]
    assert set(found.projection) == {"H2E_H1E"} and len(found) == len(images[0]) * N_REPEATS
    direct = similarity(rate.backprop_update("H2E_H1E", 1), response.weight_updates["H2E_H1E"][1, 3])
    row = found[(found["sample"] == 1) & (found["repeat"] == 3)].iloc[0]
    assert row["cosine"] == pytest.approx(direct["cosine"])
    trained = compare_updates(rate, response, references=["trained"])
    assert trained.equals(both[both.reference == "trained"].reset_index(drop=True))
    with pytest.raises(SpikedtpError, match="stand for the reference 'trained'"):
        compare_updates({"H2E_H1E": rate.updates("H2E_H1E")}, response, references=["backprop"])


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ((), "references must name each reference once, got none"),
        (("rule", "trained"), "references must name each reference once, got rule, trained"),
        ("gradient", "unknown reference 'gradient': known are backprop, figure3, notebook, rule, trained"),
    ],
)
def test_references_that_are_refused(response, network, images, references, message):
    with pytest.raises(SpikedtpError, match=message):
        compare_updates(network.present(*images), response, references=references)
    given = {name: response.weight_updates.of(name) for name in response.weight_updates}
    with pytest.raises(SpikedtpError, match="stand for the reference 'trained'"):
        compare_updates(given, response, references=["figure3"])


def test_only_synapses_that_exist_count(images):
    """Measures, ceilings and expectations of a sparse projection are those of its synapses alone."""
    net = CircuitBuilder("sparse", tau=3, forward_steps=15)
    net.input(64)
    net.layer("H1", 30, rule=DendriticState(0.1, one_pass=True), constraint=ReceptiveFields(4))
    net.layer("Output", 10, rule=HebbWeightNorm(0.1, 1), probability=0.3)
    net.feedback("H1", init=3.0)
    network = load_rate_network(net.build(), seed=3)
    rate = network.present(*images)
    for population, name in (("H1E", "H1E_InputE"), ("OutputE", "OutputE_H1E")):
        exists = network.masks[name]
        spiking = simulate(network, *images, population=population, n_repeats=40, record=(), device=default_device())
        table = compare_updates(rate, spiking, references="rule")
        assert set(table["n_synapses"]) == {exists.sum()} and 0 < exists.sum() < exists.size
        for sample in range(2):
            ours, theirs = spiking.weight_updates.of(name, sample, 0), rate.updates(name, sample)
            noiseless = expected_update(spiking, name, sample)
            for change in (ours, theirs, noiseless):
                assert change[exists].any() and not change[~exists].any()
            row = table[(table["sample"] == sample) & (table["repeat"] == 0)].iloc[0]
            assert row["pearson_r"] == pytest.approx(np.corrcoef(theirs[exists], ours[exists])[0, 1], rel=1e-4)
            # the ceiling that is predicted for these synapses is the one that repeats have
            measured = [similarity(noiseless, spiking.weight_updates.of(name, sample, k))["cosine"] for k in range(40)]
            error = 1.3 * np.std(measured, ddof=1) / np.sqrt(40)
            assert abs(np.median(measured) - row["noise_ceiling"]) < 4 * error + 0.03 * (1 - np.median(measured))
            assert row["noiseless_cosine"] > 0.9
