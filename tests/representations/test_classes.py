"""Class averages, preferred classes and similarities by class: EIANN's values, and a count by hand."""

import numpy as np
import pytest

from spikedtp import SpikedtpError
from spikedtp.representations import class_averages, similarity, similarity_by_class, unit_labels


def test_eianns_values(golden):
    A, labels = golden["activity"], golden["labels"]
    np.testing.assert_allclose(class_averages(A, labels), golden["class_average_H1E"], rtol=1e-6, atol=1e-7)
    preferred = unit_labels(A, labels)
    assert (np.sort(preferred[preferred >= 0]) == golden["unit_labels_H1E"][:-2]).all()
    assert np.flatnonzero(preferred < 0).tolist() == [3, 11]
    assert (unit_labels(golden["output_activity"], labels) == golden["unit_labels_OutputE"]).all()
    for of, classes in (("pattern", labels), ("unit", preferred)):
        found = similarity_by_class(similarity(A, of=f"{of}s"), classes)
        for kind, by_class in (("within", found.within), ("between", found.between)):
            assert sorted(by_class) == [0, 1, 2, 3]
            for label, values in by_class.items():
                expected = np.sort(golden[f"{kind}_{of}_H1E_class{label}"])
                np.testing.assert_allclose(np.sort(values), expected, rtol=1e-6, atol=1e-7)
            mean = np.concatenate(list(by_class.values())).mean()
            assert mean == pytest.approx(float(golden[f"{kind}_{of}_H1E_mean"]), rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_every_pair_has_its_place(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    labels, S = rng.integers(-1, 4, n), np.arange(n * n).reshape(n, n)
    found = similarity_by_class(S, labels)
    for label in np.unique(labels[labels >= 0]):
        members, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        assert sorted(found.within[label]) == sorted(S[i, j] for i in members for j in members if j < i)
        assert sorted(found.between[label]) == sorted(S[i, j] for i in others for j in members)


def test_a_class_without_patterns_and_wrong_labels():
    assert np.isnan(class_averages([[1.0, 2.0]], [1])[0]).all()
    for labels, said in (([0], r"must be \(2,\)"), ([0, 0.5], "whole numbers"), ([0, -1], "at least 0")):
        with pytest.raises(SpikedtpError, match=said):
            class_averages(np.ones((2, 3)), labels)
    with pytest.raises(SpikedtpError, match=r"S must be \(n, n\)"):
        similarity_by_class(np.ones((2, 3)), [0, 1])
