"""The sound-localisation figures show what they are given."""

import numpy as np
from figures import localisation as figures


def labels(figure):
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


def test_conditions_have_readable_names():
    assert figures.shown_name("index 0.5") == "signs by index, 50%"
    assert figures.shown_name("random 0.2") == "signs at random, 20%"
    assert figures.shown_name("no Dale") == "no Dale"


def test_input_figure_shows_every_spike_in_its_ear():
    spikes = np.zeros((2, 10, 6), dtype=bool)
    spikes[0, 3, 1] = spikes[0, 4, 5] = spikes[0, 5, 4] = True
    figure = figures.input_figure(spikes, [-np.pi / 2, np.pi / 4])
    first, second = figure.axes[0].collections[:2]
    assert first.get_offsets().tolist() == [[3, 1]]
    assert second.get_offsets().tolist() == [[4, 5], [5, 4]]
    assert {"phase difference \N{MINUS SIGN}90°", "phase difference 45°"} <= labels(figure)


def test_confusion_is_a_share_of_each_true_class():
    confusion = np.diag([2.0, 4.0, 0.0])
    confusion[0, 1] = 2
    figure = figures.localisation_figure(
        {"no Dale": np.ones((1, 3))}, confusion, "index 0.5", [("no Dale", "intact", [60.0, 70.0])]
    )
    image = next(ax.images[0] for ax in figure.axes if ax.get_xlabel() == "true class")
    assert image.get_array()[:, 0].tolist() == [0.5, 0.5, 0]  # rows: predicted
    assert image.get_array()[:, 2].tolist() == [0, 0, 0]
    middle = figure.axes[1]
    assert 65 in [line.get_xdata().item() for line in middle.lines if np.size(line.get_xdata()) == 1]


def test_weights_figure_names_its_columns():
    w = [np.ones((4, 3)), np.ones((3, 2))]
    figure = figures.weights_figure({"no Dale": (w, w), "index 0.2": (w, w)})
    assert {"input weights\nbefore", "output weights\nafter", "±1", "input fibre", "hidden cell"} <= labels(figure)
    assert figure.axes[0].images[0].get_array().shape == (3, 4)


def test_curves_are_means_with_sd():
    figure = figures.cells_figure({"LIF": ([0.5, 1.0], [[40.0, 60.0], [70.0, 70.0]])}, [80.0, 82.0])
    (line,) = (line for line in figure.axes[0].lines if np.array_equal(line.get_ydata(), [50, 70]))
    assert line.get_xdata().tolist() == [0.5, 1]
    figure = figures.sweep_figure({"by index": ([0.2], [[40.0, 60.0]])}, [80.0])
    assert any(np.array_equal(line.get_ydata(), [50]) for line in figure.axes[0].lines)


def test_reward_is_averaged_in_windows():
    figure = figures.reward_figure({"learned": np.array([0, 1, 1, 1, 0])}, {"learned": [40.0, 44.0]}, 2)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [50, 100]
    assert any(np.allclose(line.get_ydata(), 42) for line in figure.axes[1].lines)
