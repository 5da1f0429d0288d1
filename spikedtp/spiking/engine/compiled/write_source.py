"""Lets Brian2 write the C++ project of a network, with a loop over presentations in its main()."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from spikedtp.brian2_internals import SEED, STOPPED, variables_looked_at_once
from spikedtp.spiking.engine.built_network import BuiltNetwork
from spikedtp.spiking.engine.compiled.merge_sources import merge_sources
from spikedtp.spiking.engine.compiled.slim_loop import slim_run_loop
from spikedtp.spiking.engine.layout import Layout
from spikedtp.spiking.parts.code_objects import CompiledCodeObject

__all__ = ["write_source"]

HEADER, ALLOCATION = (Path(__file__).parent / "cpp" / name for name in ("presentations.h", "allocation.cpp"))
C_TYPES = {"float32": "float", "float64": "double"}


def write_source(device: CPPStandaloneDevice, built: BuiltNetwork, folder: Path) -> None:
    """Write the project of a network that was built on `device` into an empty folder."""
    device.headers = [f'"{HEADER.name}"']
    shutil.copy(HEADER, folder)
    clock, net, layout = built.clock.variables, built.net.name, Layout.of(built)
    _record_to_files(built)

    def add(*lines: str) -> None:
        device.insert_code("main", "\n".join(lines))

    device.apply_run_args()  # our inputs come from files, so this only keeps Brian2 from parsing them in the loop
    add(f"spikedtp::Presentations presentations({built.n_steps});")
    add(*(f'presentations.constant("{n}", {_target(device, v)});' for n, (v, _) in built.constants.items()))
    add(*(f'presentations.per_presentation("{n}", {_target(device, v)});' for n, v in built.changing.items()))
    add(
        "for (int64_t& k = spikedtp::job().k; k < spikedtp::job().last; k++) {",
        "presentations.load();",
        f"{SEED}(presentations.seed());",
        "spikedtp::exponentials().forget();",
        *(["do {"] if built.again is not None else []),
        f"{net}.t = 0;",
        f"{device.get_array_name(clock['t'])}[0] = 0;",
        f"{device.get_array_name(clock['timestep'])}[0] = 0;",
    )
    with variables_looked_at_once():
        built.start()
        built.net.run(built.duration, namespace={})
    add(f'if ({STOPPED}) spikedtp::fail("interrupted");')
    if built.again is not None:
        add(f"}} while ({device.get_array_name(built.again)}[0]);")
    add(*_collect(device, built, layout))
    if built.lasting:
        add("if (spikedtp::job().keeps()) {", *(_keep_lasting(device, n, v) for n, v in built.lasting.items()), "}")
    add("presentations.done();", "}", "presentations.finish();")
    # Brian2 would now write every array, weights and indices too
    device.insert_code("before_end", "return 0;")
    device.build(directory=str(folder), compile=False, run=False, with_output=False)
    shutil.rmtree(folder / "results", ignore_errors=True)
    shutil.copy(ALLOCATION, folder)
    slim_run_loop(folder)
    merge_sources(folder)


def _record_to_files(built: BuiltNetwork) -> None:
    """Brian2's monitors grow in memory; ours write what they see to files."""
    for monitor in built.spikes.values():
        monitor.template, monitor.codeobj_class = "spike_recorder", CompiledCodeObject
    for monitor, _ in built.traces.values():
        monitor.template, monitor.codeobj_class = "trace_recorder", CompiledCodeObject
        monitor.template_kwds |= {
            "kept_type": _kept(built),
            "contiguous": np.array_equal(monitor.record, np.arange(len(monitor.record))),
        }


def _kept(built: BuiltNetwork) -> str:
    return C_TYPES[np.dtype(built.precision).name]


def _array(device: CPPStandaloneDevice, variable: ArrayVariable) -> tuple[str, str, str]:
    """C++ of a Brian2 array variable: its name, a pointer to its values, how many there are."""
    if isinstance(variable, DynamicArrayVariable):
        vector = device.get_array_name(variable, access_data=False)
        return vector, f"{vector}.data()", f"{vector}.size()"
    array = device.get_array_name(variable)
    return array, array, str(variable.size)


def _target(device: CPPStandaloneDevice, variable: ArrayVariable) -> str:
    """C++ arguments `pointer, bytes` of a Brian2 array variable."""
    array, pointer, size = _array(device, variable)
    return f"{pointer}, {size}*sizeof({array}[0])"


def _keep_lasting(device: CPPStandaloneDevice, name: str, variable: ArrayVariable) -> str:
    return f'spikedtp::keep_lasting("{name}", {_target(device, variable)});'


def _collect(device: CPPStandaloneDevice, built: BuiltNetwork, layout: Layout) -> list[str]:
    """C++ that ends a presentation: vectors are kept, and records are complete."""
    lines = []
    for name, variable in built.vectors.items():
        _, pointer, size = _array(device, variable)
        lines.append(f'spikedtp::keep<{_kept(built)}>("{name}", {pointer}, {size});')
    lines += [f'spikedtp::events("{file}").end();' for file in sorted(set(layout.spikes.values()))]
    lines += [f'spikedtp::trace<{_kept(built)}>("{file}").end();' for file in sorted(set(layout.traces.values()))]
    return lines
