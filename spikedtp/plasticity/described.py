"""The description of a rule: name, equation, parameters with units, and source."""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar

__all__ = ["Described", "Description"]


@dataclass(frozen=True)
class Description:
    """The description of a rule. It prints as text, and as mathematics in a notebook.

    Attributes
    ----------
    name : str
    equation : str
        LaTeX, without dollar signs.
    parameters : dict
        Values by name. Those with a dimension are Brian2 quantities.
    source : str

    Examples
    --------
    >>> from spikedtp.plasticity import Oja
    >>> described = Oja(learning_rate=0.1).describe()
    >>> described.name, described.parameters, described.source
    ('Oja', {'learning_rate': 0.1}, 'Oja 1982, J. Math. Biol. 15:267')
    """

    name: str
    equation: str
    parameters: dict[str, Any]
    source: str

    def __str__(self) -> str:
        listed = ", ".join(f"{name} = {value}" for name, value in self.parameters.items())
        return f"{self.name}: {self.equation}\n{listed}\n{self.source}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.equation}$"

    def _repr_markdown_(self) -> str:
        rows = "\n".join(f"| `{name}` | {value} |" for name, value in self.parameters.items())
        return f"**{self.name}**\n\n$${self.equation}$$\n\n| parameter | value |\n|---|---|\n{rows}\n\n{self.source}"


class Described:
    """Gives a rule `describe()`, made from its class attributes `equation` and `reference` and from its fields."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # every rule is a dataclass

    equation: ClassVar[str] = ""
    reference: ClassVar[str] = ""

    def describe(self) -> Description:
        """Equation (LaTeX), parameters with units, and source of this rule."""
        parameters = {field.name: getattr(self, field.name) for field in fields(self)}
        return Description(type(self).__name__, self.equation, parameters, self.reference)

    def numbers(self) -> dict[str, Any]:
        """The parameters that are numbers or quantities: the constants of a spiking form."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value
            for name, value in values.items()
            if (isinstance(value, (int, float)) and not isinstance(value, bool)) or hasattr(value, "dimensions")
        }

    def _repr_latex_(self) -> str:
        return self.describe()._repr_latex_()
