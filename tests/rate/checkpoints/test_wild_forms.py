"""Checkpoints as people have them, in random wrappings: the exact weights, or one line, and nothing runs."""

from __future__ import annotations

import io
import os
import pickle
import warnings

import numpy as np
import pytest
import torch
from rate.watched_reads import nothing_runs, read_quietly
from rate.wild import DTYPES, FLAT, NO_NUMPY, PREFIXES, STATE, TREES, WRAPPERS, Net, Wrapped, as_numpy, torch_bytes

from spikedtp.circuit import read_circuit
from spikedtp.errors import SpikedtpError
from spikedtp.rate import load_rate_network

pytestmark = pytest.mark.usefixtures("watched")
CIRCUIT = read_circuit("digits_dtp")


def mostly_slow(quick, slow):
    """Parameters of which `make test` takes the first ones alone."""
    return [*quick, *(pytest.param(value, marks=pytest.mark.slow) for value in slow)]


def loaded_exactly(weights, expected) -> None:
    """What the network has is what was saved, number for number."""
    with nothing_runs():
        network = load_rate_network(CIRCUIT, weights)
    found = network.state_dict()
    assert list(found) == list(expected)
    for key, value in expected.items():
        assert torch.equal(found[key], value.float()), key


def drawn(seed: int) -> tuple[str, dict, object, torch.dtype]:
    """A format, a state as it is saved, what wraps it, and the type of its numbers."""
    rng = np.random.default_rng(seed)
    form = str(rng.choice([*TREES, *FLAT, "in memory", "arrays in memory"]))
    numpys = "arrays" in form or "npz" in form
    dtypes = [dtype for dtype in DTYPES if not (numpys and dtype in NO_NUMPY)]
    dtype = dtypes[rng.integers(len(dtypes))]
    prefix = PREFIXES[rng.integers(len(PREFIXES))]
    saved = {f"{prefix}{key}": value.to(dtype) for key, value in STATE.items()}
    if rng.random() < 0.1:
        saved |= {"n_averaged": torch.tensor(5)} if prefix else {}
    names = ["bare"] if form in FLAT else rng.choice(list(WRAPPERS), size=rng.integers(1, 3))
    wrapped: object = saved
    for name in names:
        if name == "a list" and form.endswith("memory"):
            continue  # a mapping is what is loaded from memory
        wrapped = WRAPPERS[str(name)](wrapped) if wrapped is saved or name in ONLY_OUTER else wrapped
    return form, saved, wrapped, dtype


#: Wrappers that do not look into what they hold.
ONLY_OUTER = ("state_dict", "net", "nested", "one under two names")


@pytest.mark.parametrize("seed", mostly_slow(range(16), range(16, 200)))
def test_random_wrappings(seed, tmp_path):
    form, _, wrapped, dtype = drawn(seed)
    if form.endswith("memory"):
        weights = as_numpy(wrapped) if form.startswith("arrays") else wrapped
    else:
        weights = tmp_path / f"x.{('pt', 'bin', 'ckpt', 'npz')[seed % 4]}"  # content decides, not the name
        weights.write_bytes({**TREES, **FLAT}[form](wrapped))
    loaded_exactly(weights, {key: value.to(dtype) for key, value in STATE.items()})


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("form", mostly_slow(["torch"], [form for form in TREES if form != "torch"]))
def test_every_wrapper(wrapper, form, tmp_path):
    path = tmp_path / "x.pt"
    path.write_bytes(TREES[form](WRAPPERS[wrapper]({f"module.{key}": value for key, value in STATE.items()})))
    loaded_exactly(path, STATE)


# --- whole modules ---------------------------------------------------------------------------------------------------


def script(net) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(net, torch.ones(1, 64)), buffer)
    return buffer.getvalue()


MODULES = {
    "a network": Net,
    "in a module": lambda: Wrapped(Net()),
    "DataParallel": lambda: torch.nn.DataParallel(Net()),
    "in DataParallel": lambda: Wrapped(torch.nn.DataParallel(Net())),
    "compiled": lambda: torch.compile(Net()),
    "a part compiled": lambda: part_compiled(Net()),
    "averaged": lambda: torch.optim.swa_utils.AveragedModel(Net()),
    "compiled in DataParallel": lambda: torch.nn.DataParallel(torch.compile(Net())),
}


PLAIN = [name for name in MODULES if "compiled" not in name]  # the compiler takes seconds to import


def part_compiled(net):
    net.module_dict["H2E_H1E"] = torch.compile(net.module_dict["H2E_H1E"])
    return net


@pytest.mark.parametrize("name", mostly_slow(PLAIN, [name for name in MODULES if name not in PLAIN]))
def test_state_dicts_of_real_wrappers(name, tmp_path):
    state = MODULES[name]().state_dict()
    torch.save({"model": state}, tmp_path / "x.pt")
    loaded_exactly(tmp_path / "x.pt", STATE)
    loaded_exactly(state, STATE)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", PLAIN)
def test_pickled_modules(name, old, tmp_path):
    module = MODULES[name]()
    path = tmp_path / "x.pth"
    optimizer = torch.optim.SGD(module.parameters())
    for content in (module, {"epoch": 3, "ema": None, "model": module, "optimizer": optimizer}):
        path.write_bytes(torch_bytes(content, _use_new_zipfile_serialization=not old))
        loaded_exactly(path, STATE)


def test_torchscript(tmp_path):
    for net in (Net(), torch.nn.Sequential(Net())):
        (tmp_path / "x.pt").write_bytes(script(net))
        loaded_exactly(tmp_path / "x.pt", STATE)
    (tmp_path / "x.pt").write_bytes(script(Wrapped(Net())))  # whether `scratch` is a weight nobody can tell
    assert "holds scratch beside the network" in read_quietly(tmp_path / "x.pt")


# --- what is refused -------------------------------------------------------------------------------------------------

OTHER = {key: value * 0.5 for key, value in STATE.items()}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": STATE, "ema": OTHER}, ("2 networks, 'model', 'ema'", "torch.load(FILE)['ema']")),
        (
            {"a": {"state_dict": STATE}, "b": {"state_dict": OTHER}},
            ("'a/state_dict', 'b/state_dict'", "torch.load(FILE)['b']['state_dict']"),
        ),
        (
            {f"{who}.{key}": value for who in ("student", "teacher") for key, value in STATE.items()},
            ("'student.', 'teacher.'", "k.startswith('teacher.')"),
        ),
        ({"net.criterion": torch.ones(3), **{f"net.{k}": v for k, v in STATE.items()}}, ("unexpected criterion",)),
        (
            {"criterion.weight": torch.ones(10), **{f"net.{k}": v for k, v in STATE.items()}},
            ("holds criterion.weight beside the network, whose keys begin with net.",),
        ),
        ({**STATE, "epoch": 3}, ("epoch",)),
        ({"module.module_dict.H2E_H1E.weight": torch.ones(2), **OTHER}, ("networks",)),
        ({"module_dict._orig_mod.H2E_H1E.weight": torch.ones(2), **OTHER}, ("twice",)),
        ({"optimizer": {"state": {}, "param_groups": []}}, ("the state of an optimizer and no weights",)),
        ([STATE, OTHER], ("'[0]', '[1]'", "torch.load(FILE)[1]")),
        ({"a": {"w": torch.ones(2)}, "b": {"w": torch.ones(2)}}, ("2 networks, 'a', 'b'",)),
    ],
    ids=range(11),
)
def test_what_only_the_user_can_tell(content, words, tmp_path):
    """In a file and in memory alike."""
    torch.save(content, tmp_path / "x.pt")
    for weights in (tmp_path / "x.pt", content) if isinstance(content, dict) else (tmp_path / "x.pt",):
        with pytest.raises(SpikedtpError) as error:
            load_rate_network(CIRCUIT, weights)
        assert all(word in str(error.value) for word in words), str(error.value)


def test_an_optimizer_alone_is_no_network(tmp_path):
    parameters = [torch.nn.Parameter(value.clone()) for value in STATE.values()]
    optimizer = torch.optim.SGD(parameters, momentum=0.9)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "x.pt")
    assert "the state of an optimizer and no weights" in read_quietly(tmp_path / "x.pt")


# --- hostile ones ----------------------------------------------------------------------------------------------------


class Touch:
    """Runs a command when it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def poisoned(value, rng, touch):
    """`value` with `touch` somewhere in it, at any depth."""
    if isinstance(value, dict):
        inner = [key for key, each in value.items() if isinstance(each, dict | list) and each]
        if inner and rng.random() < 0.6:
            key = inner[rng.integers(len(inner))]
            return {**value, key: poisoned(value[key], rng, touch)}
        where = rng.integers(len(value) + 1)
        items = list(value.items())
        return dict([*items[:where], ("extra", touch), *items[where:]])
    return [*value, touch]


@pytest.mark.parametrize("seed", mostly_slow(range(12), range(12, 100)))
def test_nothing_runs_in_any_wrapper(seed, tmp_path):
    rng, canary = np.random.default_rng(seed), tmp_path / "canary"
    form = str(rng.choice(list(TREES)))
    content = WRAPPERS[str(rng.choice(list(WRAPPERS)))](STATE)
    bad = poisoned(content, rng, Touch(canary))
    if seed % 5 == 0:
        module = Wrapped(Net())
        (module, module.net, module.net.module_dict)[seed % 3].extra = Touch(canary)
        form, bad = "torch", {**(content if isinstance(content, dict) else {}), "model": module}
    path = tmp_path / "x.pt"
    path.write_bytes(TREES[form](bad))
    assert "tries to run code" in read_quietly(path) and not canary.exists()


def test_the_poison_works(tmp_path):
    """Unpickled by others it would have run."""
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(poisoned({"model": {"a": 1}}, np.random.default_rng(0), Touch(canary))))
    assert canary.exists()


def test_objects_in_an_npz_are_not_unpickled(tmp_path):
    canary = tmp_path / "canary"
    np.savez(tmp_path / "x.npz", w=np.array([Touch(canary)]))
    assert "Python objects" in read_quietly(tmp_path / "x.npz") and not canary.exists()
