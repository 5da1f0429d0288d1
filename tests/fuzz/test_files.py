"""Hostile files: checkpoints, IDX, arrays, what interrupted runs leave, manifests. Seeded, so the same every time."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
import shutil
import struct
import zipfile
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch
from brian2 import second
from hypothesis import given, settings
from hypothesis import strategies as st

from spikedtp import SpikedtpError, load_rate_network
from spikedtp.configuration import TrainConfiguration
from spikedtp.datasets import SCALES, load, read_idx
from spikedtp.events import read_spikes
from spikedtp.jobs.info import file_info
from spikedtp.jobs.train import run_training
from spikedtp.rate.checkpoints import read_weights
from spikedtp.records import read_arrays
from spikedtp.sweep.journal import Journal
from spikedtp.sweep.table import TABLE, sweep_table, write_parquet

seeds = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def damaged(data: bytes, seed: int) -> bytes:
    """Cut, flipped, doubled, overwritten with large numbers."""
    rng, raw = random.Random(seed), bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(raw) or 1)
        new = rng.choice((b"", b"\0", b"\xff" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff", rng.randbytes(4), bytes(raw[:20])))
        raw[at : at + rng.choice((0, len(new), 1, 8))] = new
    return bytes(raw[: rng.choice((len(raw), len(raw), rng.randrange(len(raw) + 1)))])


# --- spike trains ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trains():
    return np.random.default_rng(0).random((300, 4)) < 0.1


@given(seeds)
def test_tables_of_spikes(folder, trains, seed):
    steps, cells = trains.nonzero()
    rows = "".join(f"{t}.{cell},{cell}\n" for t, cell in zip(steps, cells, strict=True))
    reads_or_refuses(folder / "spikes.csv", damaged(f"time_ms,cell\n{rows}".encode(), seed))


@pytest.fixture(scope="module")
def nwb(folder, trains):
    pynwb = pytest.importorskip("pynwb")
    then = datetime(2020, 1, 1, tzinfo=UTC)
    file = pynwb.NWBFile(session_description="test", identifier="test", session_start_time=then)
    for cell in trains.T:
        file.add_unit(spike_times=np.flatnonzero(cell) * 1e-3)
    with pynwb.NWBHDF5IO(folder / "whole.nwb", "w") as io:
        io.write(file)
    return (folder / "whole.nwb").read_bytes()


@settings(max_examples=30)
@given(seeds)
def test_nwb_files(folder, nwb, seed):
    reads_or_refuses(folder / "spikes.nwb", damaged(nwb, seed))


def reads_or_refuses(path, data):
    path.write_bytes(data)
    try:
        assert read_spikes(path, stop=1000 * second).times.max(initial=0) <= 1000
    except SpikedtpError as error:
        assert str(path) in str(error) and len(str(error).splitlines()) == 1


# --- checkpoints -----------------------------------------------------------------------------------------------------


class Run:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return open, (str(self.canary), "w")


def long4(value: int) -> bytes:
    data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8b" + struct.pack("<I", len(data)) + data


def word(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


NAMES = ["torch._utils _rebuild_tensor_v2", "torch FloatStorage", "torch LongStorage", "collections OrderedDict",
         "EIANN._network Network", "torch.storage _load_from_bytes", "torch._utils _rebuild_parameter",
         "builtins open", "os system", "builtins getattr", "dill._dill _load_type", "builtins eval"]  # fmt: skip
OPCODES = [
    *(bytes([code]) for code in b"()]}N\x88\x89\x85\x86\x87tlda0e12u\x90\x91\x94RboQs\x81\x92\x8f"),
    *(f"c{name.replace(' ', chr(10))}\n".encode() for name in NAMES), word("storage"), word("0"), word("cpu"),
    word("_modules"), word("_parameters"), word("module_dict"), word("parameter_dict"), long4(4), long4(2**70),
    long4(1 << 40_000), long4(-(1 << 40_000)), b"K\x02", b"q\x00", b"h\x00", b"J\xff\xff\xff\x7f", b"I1\n",
    b"C\x04abcd",
    b"I" + b"9" * 5000 + b"\n", b"r\xff\xff\xff\xff", b"\x8e" + b"\xff" * 8, b"T\xff\xff\xff\x7f", b"\x82\x01", b"\x97",
]  # fmt: skip
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((" + word("storage") + b"ctorch\nFloatStorage\n" + word("0") + word("cpu")
    + b"%stQ%s(%st(%st\x89ccollections\nOrderedDict\n)RtR"
)  # fmt: skip
integers = st.sampled_from([0, 1, 2, 3, 4, -1, 10**9, 2**62, 2**70, 1 << 40_000, -(1 << 40_000)])


def zipped(pickled: bytes, data: bytes = bytes(16), kind: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr("a/data.pkl", pickled)
        archive.writestr("a/data/0", data)
    return buffer.getvalue()


@given(numel=integers, offset=integers, shape=st.lists(integers, max_size=9), stride=st.lists(integers, max_size=3))
def test_tensors_of_any_size(attempt, folder, numel, offset, shape, stride):
    tensor = TENSOR % (long4(numel), long4(offset), b"".join(map(long4, shape)), b"".join(map(long4, stride)))
    (folder / "x.pt").write_bytes(zipped(b"\x80\x02}" + word("module_dict.A_B.weight") + tensor + b"s."))
    attempt(lambda: read_weights(folder / "x.pt"))


@given(parts=st.lists(st.sampled_from(OPCODES), min_size=1, max_size=30), boxed=st.booleans())
def test_any_opcodes(attempt, folder, parts, boxed):
    canary = folder / "canary"
    data = b"\x80\x04" + b"".join(parts) + word(str(canary)) + b"\x85R."
    (folder / "x.pkl").write_bytes(zipped(data) if boxed else data)
    assert attempt(lambda: read_weights(folder / "x.pkl"))
    assert not canary.exists()


@pytest.fixture(scope="module")
def checkpoints(small_circuit):
    state = load_rate_network(small_circuit).state_dict()
    few = dict(list(state.items())[:2])
    new, old = io.BytesIO(), io.BytesIO()
    torch.save(few, new)
    torch.save(few, old, _use_new_zipfile_serialization=False)
    arrays, numbers = {key: value.numpy() for key, value in few.items()}, io.BytesIO()
    np.savez(numbers, **arrays)
    others = [numbers.getvalue(), pickle.dumps(arrays), safetensors.torch.save(few)]
    return state, [new.getvalue(), old.getvalue(), pickle.dumps({"a": 1}), *others]


@given(seed=seeds, which=st.integers(0, 5))
def test_a_damaged_checkpoint(attempt, folder, checkpoints, seed, which):
    (folder / "x.pt").write_bytes(damaged(checkpoints[1][which], seed))
    attempt(lambda: file_info(folder / "x.pt"))


def test_modules_that_hold_one_another_many_times(attempt, folder):
    """Eight levels of a hundred references to one module each: what a memo makes of a file of some kilobytes."""
    network = b"cEIANN._network\nNetwork\n)\x81"
    inner = network + b"}" + word("_parameters") + b"}sb"
    for _ in range(7):
        children = b"".join(word(f"m{n}") + b"h\x00s" for n in range(100))
        inner = inner + b"q\x000" + network + b"}" + word("_modules") + b"}" + children + b"sb"
    parts = word("module_dict") + b"h\x00s" + word("parameter_dict") + b"h\x00s"
    (folder / "x.pkl").write_bytes(
        b"\x80\x04" + inner + b"q\x000" + network + b"}" + word("_modules") + b"}" + parts + b"sb."
    )
    assert "modules" in attempt(lambda: read_weights(folder / "x.pkl"))


@given(data=st.data())
def test_a_value_in_a_state_dict(attempt, small_circuit, checkpoints, data):
    state = dict(checkpoints[0])
    key = data.draw(st.sampled_from([*state, "module_dict.X.weight", "", 1, None]))
    bad = [
        None, 1, "x", [[1]], np.ones(3), np.full((2, 2), "x"), torch.ones(2, 2), torch.tensor(1j), np.array(object()),
        b"",
        torch.zeros(1, requires_grad=True), torch.ones(3).to_sparse(), np.nan, torch.empty(0),
    ]  # fmt: skip
    shape = getattr(state.get(key), "shape", (2, 2))
    bad += [np.full(shape, value) for value in (np.nan, np.inf, 1e300, 10**400, -1, 1j, True, "1")]
    value = data.draw(st.sampled_from(range(len(bad) + 1)))
    if value == len(bad):
        state.pop(key, None)
    else:
        state[key] = bad[value]
    attempt(lambda: load_rate_network(small_circuit, state))


# --- IDX -------------------------------------------------------------------------------------------------------------


@given(seed=seeds, zip_it=st.booleans())
def test_a_damaged_idx_file(attempt, folder, seed, zip_it):
    rng = random.Random(seed)
    shape = [rng.choice((0, 1, 2, 3, 255, 2**16, 2**31, 2**32 - 1)) for _ in range(rng.choice((1, 3, 4)))]
    header = struct.pack(f">4B{len(shape)}I", 0, 0, rng.choice((8, 8, 8, 9, 13)), len(shape), *shape)
    data = header + bytes(rng.choice((0, 1, 4, 12, 100_000)))
    data = gzip.compress(data) if zip_it else data
    (folder / "idx").write_bytes(damaged(data, seed) if rng.random() < 0.5 else data)
    attempt(lambda: read_idx(folder / "idx", rng.choice((1, 3))))


def test_a_gzip_bomb(attempt, folder):
    """The header asks for little, the stream holds 64 MiB; then both are large."""
    for shape, wanted in (((3, 2, 2), "holds more"), ((2**30 + 1, 1, 1), "more than the 600 MiB")):
        with gzip.open(folder / "idx", "wb", compresslevel=1) as file:
            file.write(struct.pack(">4B3I", 0, 0, 8, 3, *shape))
            for _ in range(1 << 6):
                file.write(bytes(1 << 20))
        assert wanted in attempt(lambda: read_idx(folder / "idx", 3))


@given(seed=seeds)
def test_a_folder_of_images(attempt, folder, seed):
    rng, place = random.Random(seed), folder / "mnist"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for part in ("train", "t10k"):
        n, side, other = rng.choice((1, 2, 3)), rng.choice((1, 2)), rng.choice((1, 2))
        images = struct.pack(">4B3I", 0, 0, 8, 3, n, side, other) + rng.randbytes(n * side * other)
        n = rng.choice((n, n, 2))
        labels = struct.pack(">4BI", 0, 0, 8, 1, n) + bytes(rng.choices(range(rng.choice((10, 12))), k=n))
        for name, data in (("images-idx3", images), ("labels-idx1", labels)):
            kind = rng.random()
            if kind < 0.1:
                (place / f"{part}-{name}-ubyte").mkdir()
            elif kind < 0.9:
                (place / f"{part}-{name}-ubyte").write_bytes(data)
    attempt(lambda: load(f"mnist:{place}"))


# --- tables and archives as data sets ---------------------------------------------------------------------------------

CELLS = [
    "0", "1", "0.5", "2", "", " ", "nan", "inf", "-1", "x", '"', "1e400", "9" * 400, "true", "\0", "part", "label",
    "\ufeff",
]  # fmt: skip


@given(seed=seeds, scale=st.sampled_from(SCALES), on_off=st.booleans())
def test_any_table(attempt, folder, seed, scale, on_off):
    rng = random.Random(seed)
    width, separator = rng.randint(1, 4), rng.choice(",,,;\t")
    cells = CELLS[:4] if rng.random() < 0.7 else CELLS
    rows = [[rng.choice(cells) for _ in range(width if rng.random() < 0.97 else 3)] for _ in range(rng.randint(0, 9))]
    if rng.random() < 0.7:
        rows.insert(0, [rng.choice(["a", "b", "c", "label", "part", "", "y"]) for _ in range(width)])
    data = "\n".join(map(separator.join, rows)).encode()
    (folder / "x.csv").write_bytes(damaged(data, seed) if rng.random() < 0.3 else data)
    attempt(lambda: load(f"csv:{folder / 'x.csv'}", scale=scale, on_off=on_off))


@given(seed=seeds, scale=st.sampled_from(SCALES), on_off=st.booleans())
def test_any_archive_of_samples(attempt, folder, seed, scale, on_off):
    rng = random.Random(seed)
    arrays = {"x": np.eye(6, 3), "y": np.arange(6) % 2}
    if rng.random() < 0.5:
        arrays = {f"{part}_{name}": array for part in ("train", "test") for name, array in arrays.items()}
    odd = [*BAD, np.array([{}]), np.full(6, 2**40), np.full(6, 0.5), np.eye(6), np.full((6, 3), 2**62)]
    for _ in range(rng.randint(0, 2)):
        arrays[rng.choice([*arrays, "z", "x"])] = rng.choice(odd)
    np.savez(folder / "x.npz", **arrays)
    attempt(lambda: load(f"npz:{folder / 'x.npz'}", scale=scale, on_off=on_off))


# --- arrays ----------------------------------------------------------------------------------------------------------

STEPS = 6
GOOD = {"pre": np.eye(STEPS, 3), "post": np.eye(STEPS, 2), "w0": np.full((2, 3), 0.5), "modulator": np.ones(STEPS)}
BAD = [
    np.ones(()), np.ones(STEPS), np.ones((STEPS, 0)), np.ones((0, 3)), np.full((STEPS, 3), np.nan), np.ones((2,
    3)) * 1j,
    np.full((2, 3), "x"), np.full((2, 3), b"1"), np.zeros((2, 3), "M8[s]"), np.zeros((2, 3), [("a", "f8")]),
    np.full((STEPS, 3), 2), np.full((STEPS, 1, 3), 1), np.full((2, 3), 1e308), np.full((STEPS,), 1e308), np.arange(5),
    "text",
    np.full((STEPS, 2), True), np.ones((STEPS, 3), np.float16), np.full((2, 3), -np.inf), np.ones((1,) * 30),
]  # fmt: skip


@given(data=st.data(), form=st.sampled_from(["rate", "rate", "rate", "spiking"]))
def test_signals_of_any_shape(attempt, folder, data, form):
    rule, parameters = data.draw(
        st.sampled_from([("STDP", "w_max=1.0"), ("MSTDPET", "tau_e=9*ms"), ("BCM", ""), ("BTSP", "learning_rate=1")])
    )
    given_arrays = dict(GOOD)
    given_arrays[data.draw(st.sampled_from([*GOOD, "../x", "a\n"]))] = BAD[data.draw(st.integers(0, len(BAD) - 1))]
    np.savez(folder / "signals.npz", **given_arrays)
    words = ["replay", "--rule", rule, "--signals", str(folder / "signals.npz"), "--form", form, "--device", "runtime"]
    words += ["--set", parameters] if parameters else []
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    attempt.command([*words, "--out", str(out / "results")], untouched=out)


@given(seed=seeds, pack=st.booleans())
def test_damaged_signals(attempt, folder, seed, pack):
    buffer = io.BytesIO()
    (np.savez_compressed if pack else np.savez)(buffer, **GOOD)
    (folder / "signals.npz").write_bytes(damaged(buffer.getvalue(), seed))
    attempt(lambda: read_arrays(folder / "signals.npz", "signals"))


def npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


@pytest.mark.parametrize(
    "member",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }\n", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n", bytes(8)),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", pickle.dumps(Run("CANARY"))),
        npy("{'descr': '<f8', 'fortran_order': __import__('os').system('touch CANARY'), 'shape': (1,), }\n", bytes(8)),
        npy("{'descr': '<f8', 'shape': " + "(" * 5000),
        npy("{'descr': '<V9999999999', 'fortran_order': False, 'shape': (1,), }\n", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2**80, 0), }\n"),
        b"\x93NUMPY\x01\x00\xff\xff" + b" " * 65535,
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"(",
        pickle.dumps(Run("CANARY")),
        bytes(2**30),
    ],
    ids=range(11),
)
def test_arrays_that_are_not_what_they_say(attempt, folder, member, monkeypatch):
    monkeypatch.chdir(folder)
    with zipfile.ZipFile(folder / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pre.npy", member)
    assert attempt(lambda: read_arrays("x.npz", "signals x.npz"))
    assert not (folder / "CANARY").exists()


# --- what interrupted runs leave -------------------------------------------------------------------------------------


class Stopped(Exception):
    pass


def training(folder, **changes):
    """A run of no presentations more than what the leftover says is done."""
    settings = TrainConfiguration(circuit="digits_btsp", samples=2, probe_every=1, **changes)

    def progress(done, right):
        raise Stopped

    try:
        run_training(settings, folder / "out", progress)
    except Stopped:
        pass


@pytest.fixture(scope="module")
def unfinished(folder):
    training(folder)
    with np.load(folder / "out.unfinished.npz") as file:
        return (folder / "out.unfinished.npz").read_bytes(), dict(file)


@given(seed=seeds)
def test_a_damaged_leftover_of_training(attempt, folder, unfinished, seed):
    whole, arrays = unfinished
    rng = random.Random(seed)
    if rng.random() < 0.3:
        whole = damaged(whole, seed)
    else:
        name = rng.choice(list(arrays))
        changed = {**arrays, rng.choice((name, name, "rule_state/x/y", "rule_state/x")): rng.choice(BAD)}
        if rng.random() < 0.3:
            del changed[name]
        buffer = io.BytesIO()
        np.savez(buffer, **changed)
        whole = buffer.getvalue()
    (folder / "out.unfinished.npz").write_bytes(whole)
    attempt(lambda: training(folder), untouched=folder / "out")


plain = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, 1.5, 2**70, 10**400, "x", "done", float("nan")]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data(), seed=seeds)
def test_a_damaged_journal(attempt, folder, data, seed):
    good = {"key": "k", "settings": {"seed": 1}, "status": "done", "error": None, "results": {"r": 0.5}, "seconds": 1.0}
    job = {**good, data.draw(st.sampled_from([*good, "other"])): data.draw(plain)}
    text = json.dumps(data.draw(st.sampled_from([job, job, data.draw(plain)]))).encode()
    journal = Journal(folder / "sweep")
    with journal.opened():
        (journal.folder / "k.json").write_bytes(damaged(text, seed) if seed % 3 == 0 else text)
        attempt(lambda: sweep_table([*journal.read(["k"]).values(), good]))


@given(data=st.data(), seed=seeds)
def test_a_damaged_manifest(attempt, folder, data, seed):
    place = folder / "results"
    place.mkdir(exist_ok=True)
    good = {
        "outputs": {"summary.json": "0"}, "inputs": [{"path": "x", "sha256": "0"}], "packages": {"numpy": "1"},
        "git": {"revision": "0", "dirty": False},
    }  # fmt: skip
    key = data.draw(st.sampled_from(list(good)))
    bad = data.draw(
        plain | st.just({"../../etc/passwd": "0"}) | st.just({"a\0": 1}) | st.just([{"path": "a\0", "sha256": 1}])
    )
    text = json.dumps({**good, key: bad}).encode()
    (place / "manifest.json").write_bytes(damaged(text, seed) if seed % 3 == 0 else text)
    (place / "config.yaml").write_text("command: train\nsamples: 0\n")
    attempt.command(["repeat", str(place)])


@pytest.fixture(scope="module")
def results(folder):
    """A small results folder: the bytes of each file that `report` reads."""
    table = pa.table({"status": ["done", "failed"], "error": [None, "x"], "r": [0.5, float("nan")], "seed": [1, 2]})
    write_parquet(folder, table)
    return {
        "manifest.json": b'{"outputs": {"summary.json": "0"}, "seeds": {"seed": 1}, "command": ["a"], "inputs": [{}]}',
        "summary.json": b'{"n_jobs": 2, "H2E.rule.cosine.median": 0.5, "varied": ["seed"]}',
        "config.yaml": b"command: train\nsamples: 0\n",
        "lines.csv": b"sample,same,cosine\n0,x,0.5\n1,x,\n",
        TABLE: (folder / TABLE).read_bytes(),
        "sweep.svg": b"<svg></svg>",
    }


@given(data=st.data(), seed=seeds)
def test_a_damaged_results_folder(attempt, folder, results, data, seed):
    place = folder / "report"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, whole in results.items():
        (place / name).write_bytes(whole)
    name = data.draw(st.sampled_from(list(results)))
    if name.endswith("json") and seed % 3:
        key = data.draw(st.sampled_from(["outputs", "seeds", "command", "inputs", "configuration", "x", "a.b.median"]))
        new = json.dumps({**json.loads(results[name]), key: data.draw(plain)}).encode()
    else:
        new = damaged(results[name], seed)
    (place / name).write_bytes(new)
    attempt.command(["report", str(place)], untouched=place)
