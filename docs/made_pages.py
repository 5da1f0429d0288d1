"""Pages that are generated: one per learning rule, the gallery, the notebooks, and the list of all other pages."""

from __future__ import annotations

import ast
import warnings
from dataclasses import MISSING, fields
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import nbformat
import numpy as np
from brian2 import ms, mV

from spikedtp.plasticity import BIAS_RULES, RULES, TIMED_RULES, LearningRule
from spikedtp.plotting import replay_figure, style
from spikedtp.spiking import replay

__all__ = ["write_all"]

#: Values for parameters without a default, for the figures.
EXAMPLES = {"learning_rate": 1.0, "theta_tau": 10.0, "k": 1.0, "relu_gate": False, "w_max": 2.0, "source": "H1E"}
PRE = (0.25, 0.5, 1.0)
LAGS = np.arange(-60, 61, 2)
#: Pages that have their place in index.md; all others are background.
PLACED = (
    "index",
    "gallery",
    "coming_from",
    "glossary",
    "reference",
    "extending",
    "own_spikes",
    "data_out",
    "in_your_script",
    "limits",
    "changes",
    "background",
)
#: Figures of an experiment that do not bear its name.
FIGURES = {
    "rate_vs_spiking": ("figure3", "fidelity"), "fidelity_sweep": ("fidelity_sweep", "fidelity_sweep_jobs"),
    "btsp_place_fields": ("btsp_time_course", "btsp_place_fields", "btsp_experiment", "btsp_spikes"),
}  # fmt: skip


def write_all(docs: Path) -> None:
    """Write the pages into `docs`. Files that would not change are left alone, so that only changes are built again."""
    rules = {**RULES, **TIMED_RULES, **BIAS_RULES}
    with style():
        for name, rule in rules.items():
            _write(docs / "rules" / f"{name}.md", _rule_page(docs / "rules", name, rule))
    _write(docs / "rules" / "index.md", _rule_index())
    _write(docs / "gallery.md", _gallery(docs))
    guides = [path.stem for path in sorted(docs.glob("*.md")) if path.stem not in PLACED]
    _write(docs / "background.md", "\n".join(("# Background", "", "```{toctree}", *guides, "```", "")))
    for path in sorted((docs.parent / "experiments" / "notebooks").glob("*.py")):
        notebook = jupytext.read(path)
        for i, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{i}"
        _write(docs / "notebooks" / f"{path.stem}.ipynb", nbformat.writes(notebook))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


# --- rules ------------------------------------------------------------------------------------------------------------


def _example(rule: type):
    """The rule with its defaults, and examples where it has none."""
    needed = [f.name for f in fields(rule) if f.default is f.default_factory is MISSING]
    return rule(**{name: EXAMPLES.get(name, 1.0) for name in needed})


def _rule_page(folder: Path, name: str, rule: type) -> str:
    described = _example(rule).describe()
    needed = {f.name for f in fields(rule) if f.default is f.default_factory is MISSING}
    rows = [
        f"| `{parameter}` | {'needed' if parameter in needed else value} |"
        for parameter, value in described.parameters.items()
    ]
    legacy = getattr(rule, "legacy_names", ())
    parts = [
        f"# {name}",
        f"$$\n{described.equation}\n$$",
        f"**Source:** {described.source}",
        "| parameter | default |\n|---|---|\n" + "\n".join(rows),
        _figure(folder, name, _example(rule)),
        f"EIANN's name: {', '.join(f'`{old}`' for old in legacy)}." if legacy else "",
        f"## The class\n```{{eval-rst}}\n.. autoclass:: {_home(rule)}.{name}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _home(rule: type) -> str:
    """Where a rule is found: the face of the package, or the module of whoever registered it."""
    return "spikedtp.plasticity" if rule.__module__.startswith("spikedtp.") else rule.__module__


def _figure(folder: Path, name: str, rule) -> str:
    if name in BIAS_RULES or getattr(rule, "needs_gradient", None):
        return ""
    folder.mkdir(exist_ok=True)
    draw = _change if isinstance(rule, LearningRule) else _window if rule.needs_spikes else _course
    if name == "Clopath":
        draw = _window_of_voltage
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            figure, caption = draw(rule)
        except Exception as problem:
            raise RuntimeError(f"the figure of {name}") from problem
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    return f"![{caption}]({name}.svg)\n\n*{caption}*"


def _change(rule: LearningRule):
    """ΔW of one presentation against the signal that instructs the rule, for three presynaptic activities."""
    cells = np.linspace(-1, 1, 201) if rule.modulated else np.linspace(0, 1, 201)
    post = np.full_like(cells, 0.5) if rule.modulated else cells
    if rule.modulated == "pre_nudged":  # the cells on the axis are then the presynaptic ones
        done = replay(rule, np.full((1, 201), 0.5), np.array([PRE]), 0.5, modulator=cells[None], form="rate")
        change, label = (done.w[1] - done.w[0]).T, "a_\\mathrm{post}"
    else:
        modulator = cells[None] if rule.modulated else None
        done = replay(rule, np.array([PRE]), post[None], 0.5, modulator=modulator, form="rate")
        change, label = done.w[1] - done.w[0], "a_\\mathrm{pre}"
    figure, ax = plt.subplots(figsize=(3.4, 2.4), layout="constrained")
    for values, activity in zip(change.T, PRE, strict=True):
        ax.plot(cells, values, label=f"${label}$ = {activity:g}")
    signal = {"": "postsynaptic activity", "plateau": "plateau", "dendrite_settled": "dendritic state"}
    signal = signal.get(rule.modulated, "change of activity by the nudge")
    ax.set(xlabel=signal, ylabel="ΔW")
    ax.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    ax.legend()
    return figure, f"ΔW of one presentation against the {signal}, at a weight of 0.5."


def _window(rule):
    """ΔW of one pair of spikes against their lag; a reward of 1 throughout where the rule asks for one."""
    n = 2 * int(np.abs(LAGS).max()) + 200
    change = []
    for lag in LAGS:
        pre, post = np.zeros((n, 1)), np.zeros((n, 1))
        pre[100], post[100 + lag] = 1, 1
        done = replay(rule, pre, post, 0.5, modulator=np.ones(n), dt=1 * ms, form="rate")
        change.append(done.w[-1, 0, 0] - done.w[0, 0, 0])
    figure, ax = plt.subplots(figsize=(3.4, 2.4), layout="constrained")
    ax.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    ax.axvline(0, color="0.7", linewidth=0.5, zorder=0)
    ax.plot(LAGS, change, "o-", markersize=2)
    ax.set(xlabel="postsynaptic minus presynaptic spike (ms)", ylabel="ΔW")
    rewarded = ", with a reward of 1 throughout" if rule.needs_modulator else ""
    return figure, f"ΔW of one pair of spikes against their lag{rewarded}."


def _window_of_voltage(rule):
    """ΔW of pairs at two frequencies against their lag, for spikes of 2 ms and a depolarisation that follows them."""
    figure, ax = plt.subplots(figsize=(3.4, 2.4), layout="constrained")
    lags = np.arange(-12, 13)  # within the period at 40 Hz
    for frequency in (5, 40):
        change = []
        for lag in lags:
            pre = 100 + np.arange(5) * 1000 / frequency
            t, u = 0.1 * np.arange(int(10 * (pre[-1] + 200))), 0.0
            for begin in pre + lag:
                late = np.clip(t - begin - 2, 0, None)
                u = u + (t > begin + 2) * (21 * np.exp(-late / 9.4) + 17 * (np.exp(-late / 40) - np.exp(-late / 9.4)))
            firing = [(t >= begin) & (t < begin + 2) for begin in pre + lag]
            u = np.where(np.any(firing, axis=0), 33.0, float(rule.u_rest / mV) + u)
            spikes = np.zeros((len(t), 1))
            spikes[np.round(10 * pre).astype(int)] = 1
            done = replay(rule, spikes, u[:, None], 1.0, dt=0.1 * ms, form="rate")
            change.append(done.w[-1, 0, 0] - 1)
        ax.plot(lags, change, "o-", markersize=2, label=f"{frequency} Hz")
    ax.axhline(0, color="0.7", linewidth=0.5, zorder=0)
    ax.axvline(0, color="0.7", linewidth=0.5, zorder=0)
    ax.set(xlabel="postsynaptic minus presynaptic spike (ms)", ylabel="ΔW")
    ax.legend()
    return figure, "ΔW of five pairs of spikes against their lag. The voltage is still raised after each spike."


def _course(rule):
    """Weights and states while two patterns of activity alternate."""
    rng = np.random.default_rng(0)
    patterns = rng.random((2, 6))
    pre = patterns[(np.arange(600) // 50) % 2]
    post = 0.5 + 0.5 * rng.random((600, 3)).cumsum(axis=0) / np.arange(1, 601)[:, None]
    done = replay(rule, pre, post, 0.5, dt=1 * ms, form="rate")
    return replay_figure(done.t, done.w, done.state), "Weights and states while two patterns alternate every 50 ms."


def _rule_index() -> str:
    def listed(names) -> str:
        return "\n".join(f"- [{name}]({name}.md)" for name in names)

    toctree = "\n".join(("```{toctree}", ":hidden:", *RULES, *TIMED_RULES, *BIAS_RULES, "```"))
    return f"""# Learning rules

Each rule is one frozen dataclass in one file of `spikedtp/plasticity/`, with its
[rate form and its spiking form](../glossary.md#rate-form-and-spiking-form) side by side. Tests compare the two forms of
every rule. [A notebook](../notebooks/02_your_own_rule.ipynb) shows how to write one, and
[a page](../extending.md) how to give it a name.

## Once per presentation
These rules are for circuit files, `compare` and `train`. `replay` drives them with one row for each
[presentation](../glossary.md#presentation).

{listed(RULES)}

## In time steps
These rules are for `replay`, and for synapses of cells that fire by themselves.

{listed(TIMED_RULES)}

## Biases
{listed(BIAS_RULES)}

{toctree}
"""


# --- experiments ------------------------------------------------------------------------------------------------------


def _gallery(docs: Path) -> str:
    parts = [
        "# Gallery",
        "`experiments/` has one script for each question. Each takes `--out DIR [--quick] [--seed N]`. Its first lines "
        "say what it claims, where the claim comes from, and which numbers to expect.",
    ]
    for path in sorted((docs.parent / "experiments").glob("*.py")):
        code = path.read_text(encoding="utf-8")
        if "run_script(" not in code:  # a part of another one
            continue
        title, _, text = (ast.get_docstring(ast.parse(code)) or "").partition("\n\n")
        figures = [docs / "figures" / f"{name}.png" for name in FIGURES.get(path.stem, (path.stem,))]
        parts += [
            f"## {path.stem}\n**{' '.join(title.split())}**",
            *(f"![{path.stem}](figures/{f.name})" for f in figures if f.is_file()),
        ]
        parts += [f":::{{dropdown}} What this script claims, and how to run it\n```text\n{text.strip()}\n```\n:::"]
    return "\n\n".join(parts) + "\n"
