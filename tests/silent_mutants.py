"""Faults that would give a wrong number without a word, put in one at a time: does the quick differential test notice?

    python tests/silent_mutants.py            # a line for each fault; status 1 if one survives
    python tests/silent_mutants.py replay     # those whose name holds a word

Each fault lives in a throw-away copy of the package, and the tests named beside it meet it there. `tests/mutants.py`
makes faults at random; these are the ones that users have met: biases dropped, signs and clips lost, refractoriness
ignored, in every builder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
OPEN = "tests/differential/test_rate_and_spikes.py::test_open_loop"
CLOSED = "tests/differential/test_rate_and_spikes.py::test_closed_loop"
DENSE = "tests/spiking/synapses/test_against_stock.py"
CELLS = "tests/spiking/test_cells.py"
SPIKING = "spikedtp/spiking"

#: name -> (file, text, what stands there instead, tests)
FAULTS = {
    "open loop: biases dropped": (
        f"{SPIKING}/open_loop/present.py",
        "arriving = bias * float(unit_rate * dt) if bias.any() else None",
        "arriving = None",
        OPEN,
    ),
    "open loop: off cells of the wrong sign": (
        f"{SPIKING}/open_loop/plan.py",
        "np.hstack([self.weight, -self.weight])",
        "np.hstack([self.weight, self.weight])",
        OPEN,
    ),
    "open loop: traces of off cells of the wrong sign": (
        f"{SPIKING}/open_loop/plan.py",
        "values[..., :n] - values[..., n:]",
        "values[..., :n] + values[..., n:]",
        OPEN,
    ),
    "open loop: activities cut at 0": (
        f"{SPIKING}/open_loop/present.py",
        "if not source.on_off and activity.min() < 0:",
        "if False:",
        "tests/spiking/open_loop/test_present.py::test_negative_activities_are_refused",
    ),
    "open loop: clip at 0 of the soma removed": (
        f"{SPIKING}/open_loop/signal_reader.py",
        "lowest = -np.inf if self.signed else 0",
        "lowest = -np.inf",
        "tests/spiking/open_loop/test_signal_reader.py",
    ),
    "open loop: gate of the plateau ignored": (
        f"{SPIKING}/open_loop/signal_reader.py",
        "self.plateau.write(state, settled, out, is_output=is_output)",
        "out[...] = state",
        OPEN,
    ),
    "closed loop: biases dropped": (
        f"{SPIKING}/closed_loop/build.py",
        "np.asarray(parts.given.biases[p.name], dtype=np.float64)",
        "0 * np.asarray(parts.given.biases[p.name], dtype=np.float64)",
        CLOSED,
    ),
    "closed loop: biases do not learn": (
        f"{SPIKING}/closed_loop/bias_learning.py",
        "code = rule.spiking_form()",
        "code = 'bias += 0'",
        "tests/spiking/closed_loop/test_bias_learning.py",
    ),
    "closed loop: off cells of inputs are not counted": (
        f"{SPIKING}/closed_loop/build.py",
        'f"(count_{phase} - {function}(i))"',
        'f"count_{phase}"',
        "tests/spiking/closed_loop/test_spiking_network.py",
    ),
    "closed loop: clip at 0 of the soma removed": (
        f"{SPIKING}/closed_loop/build.py",
        "post_settled = clip(soma_sum/{steps['settled']}, 0, inf)",
        "post_settled = soma_sum/{steps['settled']}",
        CLOSED,
    ),
    "closed loop: a rule along R sees the nudge": (
        "spikedtp/circuit/nudge.py",
        'projection.direction != "R" or nudge_kind(circuit) != "one-pass"',
        "True",
        CLOSED,
    ),
    "closed loop: a sign lost on the way": (
        f"{SPIKING}/synapses/dense.py",
        "np.asarray(weights).T",
        "np.abs(np.asarray(weights)).T",
        CLOSED,
    ),
    "closed loop: gate of the plateau ignored": (
        f"{SPIKING}/closed_loop/build.py",
        'gate = plateau.gate_code("soma_sum")',
        'gate = "1"',
        "tests/spiking/open_loop/test_present.py::test_plateau_options_in_rate_and_in_both_loops",
    ),
    "closed loop: dendrites are not clipped": (
        "spikedtp/plasticity/plateau.py",
        "return f\"clip({state}, {lowest or f'-{cls.limit:g}'}, {cls.limit:g})\"",
        "return state",
        CLOSED,
    ),
    "dense synapses: refractoriness ignored": (
        f"{SPIKING}/parts/templates/numpy/dense_propagate.py_",
        "{% if variables[target].conditional_write %}",
        "{% if false %}",
        DENSE,
    ),
    "dense synapses: a sign lost on the way": (
        f"{SPIKING}/synapses/dense.py",
        "np.asarray(weights).T",
        "np.abs(np.asarray(weights)).T",
        DENSE,
    ),
    "feed-forward: a sign lost on the way": (
        f"{SPIKING}/feedforward/build.py",
        "np.ascontiguousarray(weights.T, dtype=float).ravel()",
        "np.abs(np.ascontiguousarray(weights.T, dtype=float)).ravel()",
        "tests/spiking/feedforward/test_run.py",
    ),
    "replay: a sign lost on the way": (
        f"{SPIKING}/rule_replay/given_signals.py",
        "np.broadcast_to(w0, wanted).copy()",
        "np.abs(np.broadcast_to(w0, wanted))",
        "tests/spiking/rule_replay/test_replay.py",
    ),
    "rate network: biases dropped": (
        "spikedtp/rate/phases.py",
        "bias = self.store.layer_bias[layer]",
        "bias = 0 * self.store.layer_bias[layer]",
        "tests/rate",
    ),
    "cells: refractoriness ignored": (
        "spikedtp/neurons/group.py",
        "refractory=declaration.refractory or False",
        "refractory=False",
        CELLS,
    ),
}


def main() -> int:
    survivors, unknown = [], []
    with tempfile.TemporaryDirectory(prefix="silent-mutants-") as folder:
        copy = Path(folder) / "copy"
        left = shutil.ignore_patterns(".git", ".venv*", "results", "__pycache__", ".*_cache")
        shutil.copytree(CHECKOUT, copy, ignore=left)
        environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "CXX": "none"}
        chosen = {name: fault for name, fault in FAULTS.items() if all(word in name for word in sys.argv[1:])}
        for name, (file, text, other, tests) in chosen.items():
            path = copy / file
            sound = path.read_text()
            if sound.count(text) < 1:
                unknown.append(name)
                print(f"NOT FOUND {name}: {text!r} is not in {file}", flush=True)
                continue
            path.write_text(sound.replace(text, other))
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not slow", "--show-capture=no", tests]
            status = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode
            path.write_text(sound)
            verdict = "killed" if status == 1 else "SURVIVED" if status == 0 else f"status {status}"
            if status != 1:
                survivors.append(name)
            print(f"{verdict:9} {name}", flush=True)
    print(f"{len(chosen) - len(survivors) - len(unknown)} of {len(chosen)} killed")
    return int(bool(survivors or unknown))


if __name__ == "__main__":
    sys.exit(main())
