"""Code objects that find this package's code templates beside Brian2's own, for the active device."""

from __future__ import annotations

from brian2 import DEFAULT_FUNCTIONS, get_device
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

__all__ = ["code_object_class"]


class CompiledCodeObject(CPPStandaloneCodeObject):
    """C++ standalone code from a template in ``templates/cpp`` or, where there is none of that name, Brian2's."""

    templater = CPPStandaloneCodeObject.templater.derive("spikedtp.spiking.parts", templates_dir="templates/cpp")


#: Brian2's returns from three places: this one is a minimum and a maximum, in the type of the clipped value.
CLIP = """
template <typename T> static inline T _clip(const T value, const double a_min, const double a_max)
{
    const T low = a_min, high = a_max, raised = low > value ? low : value;  // what is not a number stays so
    return high < raised ? high : raised;
}
"""
DEFAULT_FUNCTIONS["clip"].implementations.add_implementation(CompiledCodeObject, CLIP, name="_clip")


class ArrayCodeObject(NumpyCodeObject):
    """The same for numpy, which also serves under the Cython target: on whole rows it is as quick."""

    templater = NumpyCodeObject.templater.derive("spikedtp.spiking.parts", templates_dir="templates/numpy")


#: Brian2 adds these itself where the class of the code object is its own.
for _function in DEFAULT_FUNCTIONS.values():
    if NumpyCodeObject not in _function.implementations:
        _function.implementations.add_numpy_implementation(_function.pyfunc)


def code_object_class() -> type:
    """The class that objects with templates of this package ask the active device for."""
    return CompiledCodeObject if isinstance(get_device(), CPPStandaloneDevice) else ArrayCodeObject
