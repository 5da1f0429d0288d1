"""NIR graphs: spike for spike with Norse and snnTorch, which read the same graphs; exact steps; recurrence, delays."""

import itertools

import numpy as np
import pytest
from brian2 import ms, second
from spiking.conditions import needs_compiler
from spiking.layered.programs import N_IN, NIR_NORSE, NIR_SNNTORCH, inputs, nir_graph, numbered, run_imported

from spikedtp import SpikedtpError
from spikedtp.spiking import from_nir, run_layers

nir = pytest.importorskip("nir")


def ours(graph, x, dt=1 * ms, device="runtime", **options):
    network = from_nir(graph, dt=dt, **options)
    names = [layer.name for layer in network.layers]
    return run_layers(network, x, record=names, device=device)


def check(graph, x, dt, load, device="runtime"):
    found = ours(graph, x, dt * second, device)
    expected = run_imported(load(graph), x)
    assert expected.sum() > 50 and set(np.unique(expected)) == {0, 1}
    assert int((expected != found.output).sum()) == 0


@pytest.mark.parametrize(("seed", "case"), [*numbered(NIR_NORSE, quick=(2, 8))])
def test_spikes_are_those_of_norse(seed, case):
    norse = pytest.importorskip("norse.torch")
    load = lambda graph: norse.from_nir(graph, dt=1e-3, ignore_warnings=True)  # noqa: E731
    check(nir_graph(case, seed, 1e-3), inputs(seed), 1e-3, load)


@pytest.mark.parametrize(("seed", "case"), [*numbered(NIR_SNNTORCH, quick=(4, 7))])
def test_spikes_are_those_of_snntorch(seed, case):
    load = pytest.importorskip("snntorch.import_nir").import_from_nir
    check(nir_graph(case, seed, 1e-4), inputs(seed), 1e-4, load)


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("case", ["mixed", "recurrent"])
def test_compiled_spikes_are_those_of_norse(case):
    norse = pytest.importorskip("norse.torch")
    load = lambda graph: norse.from_nir(graph, dt=1e-3, ignore_warnings=True)  # noqa: E731
    check(nir_graph(case, 50, 1e-3), inputs(1), 1e-3, load, "cpp_standalone")


def test_an_exported_network_of_snntorch_is_the_network():
    snntorch = pytest.importorskip("snntorch")
    torch = pytest.importorskip("torch")
    export = pytest.importorskip("snntorch.export_nir").export_to_nir
    torch.manual_seed(3)
    options = dict(init_hidden=True, reset_mechanism="zero", reset_delay=False)
    options["spike_grad"] = lambda over: (over > 0).to(over.dtype)
    modules = [
        torch.nn.Linear(N_IN, 6), snntorch.Leaky(beta=torch.full((6,), 0.8), threshold=torch.ones(6), **options),
        torch.nn.Linear(6, 4, bias=False),
        snntorch.Synaptic(alpha=torch.full((4,), 0.6), beta=torch.full((4,), 0.7), threshold=torch.ones(4), **options),
    ]  # fmt: skip
    network = torch.nn.Sequential(*modules)
    for module in modules[::2]:
        module.weight.data = module.weight.data.abs() * 2
    graph = export(network, torch.zeros(1, N_IN), ignore_dims=[0])
    network.double()
    x = inputs(4)
    with torch.no_grad():
        for module in modules[1::2]:
            module.reset_mem()
        spikes = torch.stack([network(torch.from_numpy(row.astype(float))) for row in x.swapaxes(0, 1)], 1).numpy()
    assert spikes.sum() > 50
    assert int((ours(graph, x, 0.1 * ms).output != spikes).sum()) == 0


def lif(n, tau=0.01, threshold=1.0, r=1.0, leak=0.0, reset=0.0):
    one = np.ones(n)
    return nir.LIF(tau=tau * one, r=r * one, v_leak=leak * one, v_threshold=threshold * one, v_reset=reset * one)


def graph_of(edges, **nodes):
    return nir.NIRGraph(nodes, edges, type_check=False)


def chain(*names):
    return list(itertools.pairwise(names))


def test_exact_steps_follow_the_solution_of_the_equations():
    """Halving dt changes nothing at common times where the input is constant; Euler's steps come nearer to it."""
    one, weight = np.ones(1), np.array([[1.0]])
    cell = nir.CubaLI(tau_syn=0.004 * one, tau_mem=0.01 * one, r=2 * one, v_leak=0.3 * one, w_in=1.5 * one)
    graph = nir.NIRGraph.from_list(nir.Linear(weight), nir.LI(tau=0.01 * one, r=2 * one, v_leak=0.3 * one))
    t = 0.001 * np.arange(1, 31)
    exact = 0.3 + 2 * (1 - np.exp(-t / 0.01))
    for steps in (1, 2, 5):
        v = ours(graph, np.ones((1, 30 * steps, 1)), 1 / steps * ms, method="exact").output[0, :, 0]
        np.testing.assert_allclose(v[steps - 1 :: steps], exact, rtol=1e-12)
    errors = []
    for steps in (1, 2, 4):
        v = ours(graph, np.ones((1, 30 * steps, 1)), 1 / steps * ms, method="euler").output[0, :, 0]
        errors.append(np.abs(v[steps - 1 :: steps] - exact).max())
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1) == errors[1] / errors[2]
    # two time constants: current and voltage of the analytic solution, to first order in dt
    v = ours(nir.NIRGraph.from_list(nir.Linear(weight), cell), np.ones((1, 3000, 1)), 0.01 * ms, method="exact")
    t = 1e-5 * np.arange(1, 3001)
    analytic = 0.3 + 3 * (1 - (10 * np.exp(-t / 0.01) - 4 * np.exp(-t / 0.004)) / 6)
    np.testing.assert_allclose(v.output[0, :, 0], analytic, atol=3e-3)
    assert analytic[-1] > 2.9


def test_subtraction_on_request():
    graph = nir.NIRGraph.from_list(nir.Linear(np.array([[0.7]])), nir.IF(r=np.ones(1), v_threshold=np.ones(1)))
    x = np.ones((1, 12, 1))
    assert ours(graph, x).output.sum() == 6  # .7, 1.4: every second step
    assert ours(graph, x, reset="subtract").output.sum() == 8  # .7 a step


def reference(x, weights, back, delays):
    """Two IF layers: forward weights, weights of the second onto the first, delays of the first one's spikes."""
    (w1, w2), steps = weights, x.shape[1]
    v1, v2 = np.zeros((len(x), len(w1))), np.zeros((len(x), len(w2)))
    s1, s2 = np.zeros((len(x), steps, len(w1))), np.zeros((len(x), steps, len(w2)))
    for k in range(steps):
        v1 += x[:, k] @ w1.T + (s2[:, k - 1] @ back.T if k else 0)
        s1[:, k] = v1 > 1
        v1[v1 > 1] = 0
        late = np.stack([s1[:, k - d, j] if k >= d else 0 * s1[:, 0, j] for j, d in enumerate(delays)], axis=1)
        v2 += late @ w2.T
        s2[:, k] = v2 > 1
        v2[v2 > 1] = 0
    return s1.astype(bool), s2.astype(bool)


@pytest.mark.parametrize(
    "device", ["runtime", pytest.param("cpp_standalone", marks=[needs_compiler, pytest.mark.slow])]
)
def test_delays_of_cells_and_a_circle_through_two_layers(device):
    rng = np.random.default_rng(2)
    w1, w2, back = rng.normal(0.3, 0.5, (5, N_IN)), rng.normal(0.5, 0.7, (4, 5)), rng.normal(-0.2, 0.5, (5, 4))
    delays = np.array([0, 3, 1, 3, 2])
    if_cells = lambda n: nir.IF(r=np.ones(n), v_threshold=np.ones(n), v_reset=np.zeros(n))  # noqa: E731
    graph = graph_of(
        [*chain("in", "w1", "a", "late", "w2", "b", "back", "a"), ("b", "out")],
        **{"in": nir.Input(np.array([N_IN])), "out": nir.Output(np.array([4])), "a": if_cells(5), "b": if_cells(4)},
        w1=nir.Linear(w1), w2=nir.Linear(w2), back=nir.Linear(back), late=nir.Delay(delays * 0.001),
    )  # fmt: skip
    x = inputs(6)
    found, expected = ours(graph, x, device=device), reference(x, (w1, w2), back, delays)
    assert all(raster.sum() > 50 for raster in expected)
    for raster, name in zip(expected, "ab", strict=True):
        assert int((raster != found.spikes[name]).sum()) == 0


def test_linear_nodes_in_a_row_branches_and_shapes():
    """Sums, products, scales and delays of linear nodes are one connection; images are flattened row by row."""
    rng = np.random.default_rng(4)
    wide, narrow, skip = rng.normal(0, 1, (7, 6)), rng.normal(0, 1, (3, 7)), rng.normal(0, 1, (3, 6))
    scale, bias = rng.random(7), rng.normal(0, 1, 3)
    graph = graph_of(
        [*chain("in", "flat", "wide", "scale", "narrow", "out"), *chain("flat", "late", "skip", "out")],
        **{"in": nir.Input(np.array([2, 3])), "out": nir.Output(np.array([3]))},
        flat=nir.Flatten(np.array([2, 3]), 0), wide=nir.Linear(wide), scale=nir.Scale(scale),
        narrow=nir.Affine(narrow, bias), late=nir.Delay(np.full(6, 0.002)), skip=nir.Linear(skip),
    )  # fmt: skip
    x = rng.random((2, 9, 6))  # graded
    found = ours(graph, x).output
    expected = x @ (narrow @ np.diag(scale) @ wide).T + bias
    expected[:, 2:] += x[:, :-2] @ skip.T
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_graphs_inside_graphs_are_the_same_network():
    rng = np.random.default_rng(5)
    w, rec = rng.normal(0.4, 1, (5, N_IN)), rng.normal(0, 0.8, (5, 5))
    ends = {"in": nir.Input(np.array([N_IN])), "out": nir.Output(np.array([5]))}
    flat = graph_of(
        [*chain("in", "w", "c", "out"), *chain("c", "r", "c")], w=nir.Linear(w), c=lif(5), r=nir.Linear(rec), **ends
    )
    inner = graph_of(
        [*chain("input", "lif", "output"), *chain("lif", "r", "lif")], lif=lif(5), r=nir.Linear(rec),
        input=nir.Input(np.array([5])), output=nir.Output(np.array([5])),
    )  # fmt: skip
    nested = graph_of(chain("in", "w", "cells", "out"), w=nir.Linear(w), cells=inner, **ends)
    x = inputs(7)
    one, other = ours(flat, 20 * x), ours(nested, 20 * x)
    assert one.output.sum() > 50 and np.array_equal(one.output, other.output)
    assert list(other.spikes) == ["cells.lif"]


def test_files(tmp_path):
    graph = nir_graph("mixed", 2, 1e-3)
    nir.write(tmp_path / "network.nir", graph)
    x = inputs(2)
    read = ours(tmp_path / "network.nir", x)
    assert read.output.sum() > 50 and np.array_equal(read.output, ours(graph, x).output)
    assert np.array_equal(ours(str(tmp_path / "network.nir"), x).output, read.output)
    good = (tmp_path / "network.nir").read_bytes()
    for name, content, words in (
        ("cut", good[: len(good) // 2], "cannot be read as a NIR graph: OSError"),
        ("text", b"not a network\n", "is not a NIR graph, but a text file"),
        ("noise", bytes(range(128, 256)), "is not a NIR graph, but of an unknown kind"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SpikedtpError, match=words):
            from_nir(tmp_path / name, dt=1 * ms)
    with pytest.raises(SpikedtpError, match="No such file"):
        from_nir(tmp_path / "none", dt=1 * ms)
    import h5py

    with h5py.File(tmp_path / "other", "w") as file:
        file["x"] = np.arange(3)
    with pytest.raises(SpikedtpError, match=r"is no NIR graph .*, or damaged: there is no 'node' in it"):
        from_nir(tmp_path / "other", dt=1 * ms)
    (tmp_path / "other").rename(tmp_path / "other.nwb")
    with pytest.raises(SpikedtpError, match=r"is not a NIR graph, but an NWB file: spikedtp\.events\.from_nwb takes"):
        from_nir(tmp_path / "other.nwb", dt=1 * ms)


ENDS = {"in": nir.Input(np.array([2])), "out": nir.Output(np.array([2]))}
W, W3 = nir.Linear(np.eye(2)), nir.Linear(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("edges", "nodes", "words"),
    [
        (chain("in", "c", "out"), dict(c=nir.Threshold(np.ones(2))), r"NIR node 'c' \(Threshold\) has no counterpart"),
        (chain("in", "c", "out"), dict(c=nir.SumPool2d(np.ones(2), np.ones(2), np.ones(2))), r"'c' \(SumPool2d\)"),
        ([*chain("in", "a", "b", "a"), ("b", "out")], dict(a=W, b=W), "circle without a cell.*: b -> a -> b"),
        ([*chain("in", "a", "out"), ("a", "d"), ("d", "a")], dict(a=W, d=nir.Delay(np.ones(2))), "circle without"),
        (chain("in", "c", "d", "out"), dict(c=lif(2)), "an edge of the NIR graph, 'c' to 'd', names no node: d"),
        ([*chain("in", "c", "out"), ("in", "c")], dict(c=lif(2)), "has the edge 'in' to 'c' twice"),
        (chain("in", "c", "out"), dict(c=lif(2), e=lif(2)), r"NIR node 'e' \(LIF\): nothing arrives there"),
        (chain("in", "c", "out"), dict(c=lif(3)), r"NIR node 'c' \(LIF\) has 3 cells, and 2 numbers arrive"),
        (chain("in", "w", "out"), dict(w=nir.Linear(np.ones((2, 5)))), r"weight must be \(n, 2\), since 2 numbers"),
        (chain("in", "c", "out"), dict(c=lif(2, tau=np.nan)), "tau of NIR node 'c' holds values that are not finite"),
        (chain("in", "c", "out"), dict(c=lif(2, tau=-1.0)), "NIR node 'c': time constants must be above 0"),
        (chain("in", "c", "out"), dict(c=lif(2, tau=0.0005)), "'c': a time constant of .* below the time step"),
        (
            chain("in", "l", "w", "c", "out"),
            dict(l=nir.LI(tau=np.ones(2), r=np.ones(2), v_leak=np.zeros(2)), w=W, c=lif(2)),
            r"layer 'c': 'l' \(StepLI\) never fires: it can be an output alone",
        ),
        (chain("in", "d", "out"), dict(d=nir.Delay(-np.ones(2))), "delays must be at least 0"),
        (
            chain("in", "w", "d", "out"), dict(w=nir.Affine(np.eye(2), np.ones(2)), d=nir.Delay(np.ones(2))),
            "delays a constant",
        ),
        ([("in", "c"), ("in", "out"), ("w3", "c")], dict(c=lif(2), w3=W3), "'w3'.*nothing arrives"),
        (
            [("in", "c"), ("c", "out"), *chain("in", "w3", "c")],
            dict(c=lif(2), w3=W3), "NIR node 'c': different numbers arrive: 2 from 'in', 3 from 'w3'",
        ),
        (chain("in", "c", "out"), dict(c=lif(2), more=nir.Output(np.array([2]))), "one Output node, got out, more"),
    ],
)  # fmt: skip
def test_graphs_that_cannot_be_run_are_refused_in_one_line(edges, nodes, words):
    with pytest.raises(SpikedtpError, match=words):
        from_nir(graph_of(edges, **ENDS, **nodes), dt=1 * ms)


def test_other_mistakes(monkeypatch):
    graph = graph_of(chain("in", "c", "out"), **ENDS, c=lif(2))
    for change, words in (
        (dict(dt=1), "from_nir.dt must be a quantity in s"),
        (dict(method="rk4"), "unknown method 'rk4'"),
        (dict(reset="soft"), "unknown reset of a NIR graph 'soft'"),
        (dict(graph=lif(2)), "from_nir needs a nir.NIRGraph or the path"),
        (dict(graph=None), "from_nir needs a nir.NIRGraph or the path"),
    ):
        with pytest.raises(SpikedtpError, match=words):
            from_nir(**({"graph": graph, "dt": 1 * ms} | change))
    assert (
        from_nir(graph_of(chain("in", "c", "out"), **ENDS, c=lif(2, tau=0.0005)), dt=1 * ms, method="exact").output.n
        == 2
    )
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    with pytest.raises(SpikedtpError, match=r"need the package nir: pip install 'spikedtp\[nir\]'"):
        from_nir("network.nir", dt=1 * ms)
