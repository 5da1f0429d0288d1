"""A spiking form in plain arithmetic: Brian2's code, read a second time and run as the network of `replay` runs it.

Independent of Brian2's own code generation, and needs no device: only names, units and expressions are taken from it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from inspect import cleandoc
from typing import Any

import numpy as np
from brian2 import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS, DEFAULT_UNITS, Equations, second
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION
from brian2.parsing.rendering import NumpyNodeRenderer
from brian2.units.fundamentalunits import DIMENSIONLESS, DimensionMismatchError, Quantity, get_dimensions
from scipy.linalg import expm

from spikedtp.plasticity.spiking_form import SpikingForm

__all__ = ["FormProblem", "Place", "SpikingArithmetic"]

SPIKE = 0.5  # an activity above this one is a spike


class FormProblem(Exception):
    """What is wrong with a form, and where."""


class SpikingArithmetic:
    """Two groups and one projection of synapses, all to all.

    Parameters
    ----------
    form : SpikingForm
    numbers : mapping
        The rule's parameters.
    signals : mapping
        ``"pre"`` and ``"post"`` -> names of what each group is given.
    w0 : (n_post, n_pre)
    dt : Quantity (second)
    """

    def __init__(
        self,
        form: SpikingForm,
        numbers: Mapping[str, Any],
        signals: Mapping[str, tuple[str, ...]],
        w0: np.ndarray,
        dt: Any,
    ) -> None:
        self.form, self.step_number = form, 0
        shared = {"dt": dt, "t": 0 * second, "t_in_timesteps": 0}
        used = {name: value for name, value in numbers.items() if form.uses(name)}
        self.pre = Place("pre", form.pre, (1, w0.shape[1]), {**shared, **used, "N": w0.shape[1]})
        self.post = Place(
            "post", form.post, (w0.shape[0], 1),
            {**shared, **used, "N": w0.shape[0], "modulator": 0.0, "modulator_before": 0.0},
        )  # fmt: skip
        self.synapse = Place("synapse", f"w : 1\n{form.synapse}", w0.shape, shared, (self.pre, self.post))
        for side, names in signals.items():
            self._place(side).constants |= dict.fromkeys(names, 0.0)
        self._places = (self.pre, self.post, self.synapse)
        for place in self._places:
            if twice := set(place.declared) & set(place.constants):
                raise FormProblem(
                    f"{place.name} declares {', '.join(sorted(twice))}, which is a parameter or a signal too"
                )
        for name, expression in form.initial.items():
            side, _, variable = name.partition(".")
            self._place(side).assign(variable, self._place(side).value(str(expression), f"initial[{name!r}]"))
        self.synapse.assign("w", np.asarray(w0, dtype=float))
        self._spiked = {"pre": np.zeros(self.pre.shape, bool), "post": np.zeros(self.post.shape, bool)}

    def _place(self, name: str) -> Place:
        if name not in ("pre", "post", "synapse"):
            raise FormProblem(f"{name!r} is no place: variables are pre.NAME, post.NAME or synapse.NAME")
        return {"pre": self.pre, "post": self.post, "synapse": self.synapse}[name]

    # --- one step -----------------------------------------------------------------------------------------------------

    def step(self, pre: Mapping[str, np.ndarray], post: Mapping[str, np.ndarray], modulator: float = 0.0) -> None:
        """One row of signals, (n_pre,) and (n_post,) each."""
        form, everywhere = self.form, True
        before = self.post.constants["modulator"]
        for place in self._places:
            place.constants["t_in_timesteps"] = self.step_number
            place.constants["t"] = self.step_number * place.constants["dt"]
        self.pre.constants |= {name: np.asarray(value)[None, :] for name, value in pre.items()}
        self.post.constants |= {name: np.asarray(value)[:, None] for name, value in post.items()}
        self.post.constants |= {"modulator": float(modulator), "modulator_before": before}
        if form.lag:
            self._spikes_arrive()
        for place in self._places:
            place.integrate()
        for side in ("pre", "post"):
            activity = self._place(side).constants.get("activity", 0.0)
            self._spiked[side] = np.broadcast_to(activity > SPIKE, self._place(side).shape)
            self._place(side).run(f"at_{side}_spike", getattr(form, f"at_{side}_spike"), self._spiked[side])
        self._sum_up()
        if not form.lag:
            self.synapse.run("on_pre", form.on_pre, self._spiked["pre"])
        self.synapse.run("on_learn", form.on_learn, everywhere)
        if modulator != before:
            self.synapse.run("on_modulator", form.on_modulator, everywhere)
        if not form.lag:
            self.synapse.run("on_post", form.on_post, self._spiked["post"])
        for side in ("pre", "post"):
            self._place(side).run(f"after_{side}_spike", getattr(form, f"after_{side}_spike"), self._spiked[side])
            self._place(side).run(f"after_learn_{side}", getattr(form, f"after_learn_{side}"), everywhere)
        self.step_number += 1

    def _spikes_arrive(self) -> None:
        """Spikes of the step before, on traces as they were then."""
        self.synapse.run("on_pre", self.form.on_pre, self._spiked["pre"])
        self.synapse.run("on_post", self.form.on_post, self._spiked["post"])

    def _sum_up(self) -> None:
        for name, expression in self.synapse.summed.items():
            variable, _, side = name.rpartition("_")
            total = self.synapse.value(expression, name)
            axis = {"pre": 0, "post": 1}.get(side)
            if axis is None:
                raise FormProblem(f"synapse sums into {name}: a sum goes into NAME_pre or NAME_post")
            self._place(side).assign(variable, np.broadcast_to(total, self.synapse.shape).sum(axis=axis, keepdims=True))

    # --- what came of it ----------------------------------------------------------------------------------------------

    def weight(self) -> np.ndarray:
        """(n_post, n_pre), as a reader sees it now."""
        return np.broadcast_to(np.asarray(self.synapse.value(self.form.weight, "weight")), self.synapse.shape)

    def state(self, name: str) -> np.ndarray:
        """(n_pre,), (n_post,) or (n_post, n_pre)."""
        side, _, expression = self.form.states[name].partition(".")
        place = self._place(side)
        found = np.broadcast_to(np.asarray(place.value(expression, f"states[{name!r}]")), place.shape)
        return found if side == "synapse" else found.ravel()


class Place:
    """Variables of one group or of the synapses, with the names that their code finds."""

    def __init__(
        self,
        name: str,
        equations: str,
        shape: tuple[int, int],
        constants: Mapping[str, Any],
        sides: tuple[Place, Place] | None = None,
    ) -> None:
        self.name, self.shape, self.sides, self.constants = name, shape, sides, dict(constants)
        try:
            declared = dict(Equations(equations).items())
        except Exception as problem:  # Brian2's own, of several kinds
            raise FormProblem(
                f"{name} has equations that Brian2 cannot read ({' '.join(str(problem).split())})"
            ) from None
        self.declared, self.values = declared, {}
        self.summed = {n: e.expr.code for n, e in declared.items() if "summed" in e.flags}
        self.code = {n: e.expr.code for n, e in declared.items() if e.type == SUBEXPRESSION and n not in self.summed}
        self.rates = {n: e.expr.code for n, e in declared.items() if e.type == DIFFERENTIAL_EQUATION}
        for variable, equation in declared.items():
            if "event-driven" in equation.flags:
                raise FormProblem(
                    f"{name}.{variable} is event-driven: let the trace live in its group, and decay there"
                )
            if equation.type in (PARAMETER, DIFFERENTIAL_EQUATION):
                self.values[variable] = Quantity(np.zeros(shape), dim=_dimensions(equation))

    # --- names --------------------------------------------------------------------------------------------------------

    def find(self, name: str, where: str, local: Mapping[str, Any]) -> Any:
        if name in local:
            return local[name]
        if name in self.values:
            return self.values[name]
        if name in self.code:
            return self.value(self.code[name], name)
        if name in self.constants:
            return self.constants[name]
        if self.sides is not None:
            pre, post = self.sides
            for side, variable in ((pre, name.removesuffix("_pre")), (post, name.removesuffix("_post")), (post, name)):
                if (variable != name or side is post) and side.knows(variable):
                    return side.find(variable, where, {})
        for known in (_FUNCTIONS, DEFAULT_UNITS):
            if name in known:
                return known[name]
        if name in DEFAULT_CONSTANTS:
            return DEFAULT_CONSTANTS[name].get_value()
        raise FormProblem(f"{where} uses {name}, which is no variable, no signal and no parameter that is a number")

    def knows(self, name: str) -> bool:
        return name in self.values or name in self.code or name in self.constants

    # --- code ---------------------------------------------------------------------------------------------------------

    def value(self, expression: str, where: str, local: Mapping[str, Any] | None = None) -> Any:
        """An expression, with its units."""
        try:
            rendered = NumpyNodeRenderer(auto_vectorise=set()).render_expr(expression)
            with np.errstate(all="ignore"):
                return eval(rendered, {"__builtins__": {}}, _Names(self, where, local or {}))
        except FormProblem:
            raise
        except DimensionMismatchError:
            raise FormProblem(f"{where} mixes units in {expression}") from None
        except Exception as problem:  # an expression may be anything
            raise FormProblem(f"{where} cannot be evaluated ({type(problem).__name__}: {problem})") from None

    def assign(self, name: str, value: Any, mask: Any = True, where: str = "initial") -> None:
        if name not in self.values:
            raise FormProblem(f"{where} sets {name}, which {self.name} does not declare as a variable")
        old = self.values[name]
        if get_dimensions(value) != get_dimensions(old) and largest_of(value) > 0:
            raise FormProblem(f"{where} gives {name} a value in other units than it is declared in")
        new = np.where(mask, np.broadcast_to(np.asarray(value), self.shape), np.asarray(old))
        self.values[name] = Quantity(new, dim=get_dimensions(old))

    def run(self, where: str, code: str, mask: Any) -> None:
        """A piece of code, for those whose `mask` is true."""
        if not code.strip() or not np.any(mask):
            return
        try:
            statements = ast.parse(cleandoc("\n".join(line.strip() for line in code.splitlines()))).body
        except SyntaxError as problem:
            raise FormProblem(f"{where} cannot be read ({problem.msg})") from None
        local: dict[str, Any] = {}
        for statement in statements:
            if isinstance(statement, ast.AugAssign):
                target: ast.expr | None = statement.target
                value: ast.expr = ast.BinOp(statement.target, statement.op, statement.value)
            elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target, value = statement.targets[0], statement.value
            else:
                target = None
            if not isinstance(target, ast.Name):
                raise FormProblem(f"{where} holds {ast.unparse(statement)!r}: it takes assignments such as w += 1")
            if self.sides is not None and target.id not in self.values and target.id.endswith(("_pre", "_post")):
                self._add_to_group(where, target.id, statement, local, mask)
                continue
            found = self.value(ast.unparse(value), where, local)
            if target.id in self.values:
                self.assign(target.id, found, mask, where)
            else:
                local[target.id] = found

    def _add_to_group(self, where: str, target: str, statement: ast.stmt, local: Mapping[str, Any], mask: Any) -> None:
        """What synapses add to a variable of their cells."""
        name, _, side = target.rpartition("_")
        if not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, ast.Add | ast.Sub):
            raise FormProblem(f"{where} holds {ast.unparse(statement)!r}: synapses may only add to variables of a cell")
        group = (self.sides or (self, self))[side == "post"]
        if name not in group.values:
            raise FormProblem(f"{where} adds to {target}, which {side} does not declare as a variable")
        value = self.value(ast.unparse(statement.value), where, local)
        total = np.where(mask, np.broadcast_to(np.asarray(value), self.shape), 0.0)
        total = total.sum(axis=1 if side == "post" else 0, keepdims=True)
        total = Quantity(total if isinstance(statement.op, ast.Add) else -total, dim=get_dimensions(value))
        group.assign(name, group.values[name] + total, True, where)

    # --- time ---------------------------------------------------------------------------------------------------------

    def integrate(self) -> None:
        """One step of the differential equations, which are linear, exactly."""
        names = list(self.rates)
        if not names:
            return
        old, n = {name: self.values[name] for name in names}, len(names)
        dt = float(self.constants["dt"])

        def slope(point: list[float]) -> np.ndarray:
            for name, x in zip(names, point, strict=True):
                self.values[name] = Quantity(np.full(self.shape, x), dim=get_dimensions(old[name]))
            found = [self.value(self.rates[name], f"d{name}/dt") for name in names]
            for name, rate in zip(names, found, strict=True):
                if largest_of(rate) > 0 and get_dimensions(rate) != get_dimensions(old[name] / second):
                    raise FormProblem(f"d{name}/dt has other units than {name} per time")
            return np.stack([np.broadcast_to(np.asarray(rate), self.shape) for rate in found], axis=-1)

        offset = slope([0.0] * n)
        matrix = np.stack([slope([float(k == j) for k in range(n)]) - offset for j in range(n)], axis=-1)
        if not np.allclose(slope([2.0] * n), offset + 2 * matrix.sum(axis=-1), rtol=1e-9):
            raise FormProblem(f"the equations of {', '.join(names)} are not linear, and Brian2 integrates them exactly")
        whole = np.zeros((*self.shape, n + 1, n + 1))
        whole[..., :n, :n], whole[..., :n, n] = matrix * dt, offset * dt
        start = np.stack([*(np.asarray(old[name]) for name in names), np.ones(self.shape)], axis=-1)
        end = np.einsum("...jk,...k->...j", expm(whole), start)
        for k, name in enumerate(names):
            self.values[name] = Quantity(end[..., k], dim=get_dimensions(old[name]))


class _Names(dict):
    """What an expression finds, looked up when it asks."""

    def __init__(self, place: Place, where: str, local: Mapping[str, Any]) -> None:
        super().__init__()
        self._find = lambda name: place.find(name, where, local)

    def __missing__(self, name: str) -> Any:
        return self._find(name)


def largest_of(value: Any) -> float:
    return float(np.max(np.abs(np.asarray(value)), initial=0.0))


def _dimensions(equation: Any) -> Any:
    return DIMENSIONLESS if equation.dim is None else equation.dim


def _whole(x: Any) -> Any:
    return np.asarray(x).astype(int)


_FUNCTIONS: dict[str, Any] = {
    **{
        name: function.pyfunc
        for name, function in DEFAULT_FUNCTIONS.items()
        if name not in ("rand", "randn", "poisson")  # two draws are never equal
    },
    "int": _whole,
    "logical_not": np.logical_not,
    "True": True,
    "False": False,
}
