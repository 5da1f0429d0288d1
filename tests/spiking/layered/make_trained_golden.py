"""Makes tests/golden/trained_snn.npz of snnTorch and Norse: python tests/spiking/layered/make_trained_golden.py.

Each case is a network as plain numbers (layers of `StepLIF`), its inputs, and the spikes that the program itself gave.
"""

import json
import sys
from pathlib import Path

import numpy as np

from spikedtp.neurons import StepLI, StepLIF
from spikedtp.spiking import Connection, Layer, LayeredNetwork

CELLS = {"StepLI": StepLI, "StepLIF": StepLIF}
#: Numbers of the cases of `programs`.
SNNTORCH_CASES, NORSE_CASES = (0, 1, 2, 6, 11, 15), (0, 2, 5, 6)


def network_of(arrays, place):
    case = json.loads(str(arrays["cases"]))[str(place)]
    layers = []
    for k, given in enumerate(case["layers"]):
        stored = {key.rpartition("/")[2]: arrays[key] for key in arrays if key.startswith(f"{place}/{k}/")}
        connections = [Connection(source, stored[f"w{n}"], delay) for n, (source, delay) in enumerate(given["sources"])]
        values = {name: values for name, values in stored.items() if name in given["values"]}
        layers.append(
            Layer(given["name"], CELLS[given["cell"]](**given["parameters"]), connections, stored.get("bias"), values)
        )
    return LayeredNetwork(case["n_in"], layers)


def rasters_of(arrays, place):
    """The inputs, and the spikes of each layer."""
    case = json.loads(str(arrays["cases"]))[str(place)]
    shapes = {"x": case["x"]} | case["spikes"]
    found = {
        name: np.unpackbits(arrays[f"{place}/{name}_packed"], count=int(np.prod(shape))).reshape(shape).astype(bool)
        for name, shape in shapes.items()
    }
    return found.pop("x"), found


def stored(place, program, network, x, rasters):
    """The description of a case, and its arrays by name."""
    arrays, layers, fired = {}, [], [layer.name for layer in network.layers if layer.fires]
    for k, layer in enumerate(network.layers):
        kind = type(layer.cell)
        parameters = {name: float(value) for name, value in layer.cell.quantities().items()}
        if kind is StepLIF:
            parameters["reset"] = layer.cell.reset
        sources = [(each.source, each.delay_steps) for each in layer.connections]
        layers.append(
            dict(name=layer.name, cell=kind.__name__, parameters=parameters, sources=sources, values=[*layer.values])
        )
        arrays |= {f"{place}/{k}/w{n}": each.weights for n, each in enumerate(layer.connections)}
        arrays |= {f"{place}/{k}/{name}": values for name, values in layer.values.items()}
        if layer.bias is not None:
            arrays[f"{place}/{k}/bias"] = layer.bias
    spikes = dict(zip(fired, rasters, strict=False))
    arrays |= {f"{place}/{name}_packed": np.packbits(raster > 0) for name, raster in ({"x": x} | spikes).items()}
    shapes = {name: raster.shape for name, raster in spikes.items()}
    return dict(program=program, n_in=network.n_in, layers=layers, x=x.shape, spikes=shapes), arrays


def main():
    from importlib.metadata import version

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from spiking.layered import programs

    from spikedtp.spiking import from_torch_snn

    cases, arrays = {}, {}
    for program, numbers, drawn in (
        ("snntorch", SNNTORCH_CASES, programs.SNNTORCH),
        ("norse", NORSE_CASES, programs.NORSE),
    ):
        for number in numbers:
            x = programs.inputs(number)
            module = getattr(programs, f"{program}_network")(drawn[number], number)
            outputs = getattr(programs, f"run_{program}")(module, x)
            rasters = outputs[0] if program == "snntorch" else outputs
            place, name = len(cases), f"{program} {version(program)}: {drawn[number]}"
            cases[str(place)], more = stored(place, name, from_torch_snn(module), x, rasters)
            arrays |= more
    arrays["cases"] = np.array(json.dumps(cases))
    np.savez_compressed(Path(__file__).parents[2] / "golden" / "trained_snn.npz", **arrays)


if __name__ == "__main__":
    main()
