"""Circuits of every kind that there can be, for hypothesis: every field of every part, projections in any order."""

from __future__ import annotations

from dataclasses import fields

from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spikedtp.circuit import Circuit, Population, Projection
from spikedtp.plasticity import (
    BIAS_RULES,
    RULES,
    Bounds,
    Mask,
    NoAutapses,
    NormalizeRows,
    ReceptiveFields,
    Tied,
)

__all__ = ["circuits"]

NUMBERS = st.floats(-1e6, 1e6) | st.integers(-9, 9)
POSITIVE = st.floats(1e-6, 1e6)
BOUNDS = st.sampled_from([Bounds(), Bounds(0, None), Bounds(None, 0), Bounds(-0.5, 2), Bounds(0.0, 1e-05)])
WORDS = st.text("abHEI1_ é:#-", min_size=1, max_size=6).filter(str.strip)
#: Names that YAML could take for something else.
HARD = st.sampled_from(["1", "null", "yes", "1e5", "E", "DendI", "~", "0x1", "- a", "'", '"', "{}"])


@st.composite
def rules(draw, registry=RULES, sources=("InputE",)):
    """A rule with options of every type; `source` is a population."""
    kind = draw(st.sampled_from([registry[name] for name in registry.shipped()]))
    kwargs = {"learning_rate": draw(st.floats(0, 10))}
    for field in fields(kind):
        if field.name == "source":
            kwargs["source"] = draw(st.sampled_from(sources))
        elif isinstance(field.default, bool):
            kwargs[field.name] = draw(st.booleans())
        elif field.name == "sign":
            kwargs["sign"] = draw(st.sampled_from([1, -1]))
        elif field.name == "form":
            kwargs["form"] = draw(st.sampled_from(["product", "settled", "nudged"]))
        elif field.name == "neg_rate_th":
            kwargs[field.name] = draw(st.none() | st.floats(0, 9))
        elif field.name != "learning_rate":
            kwargs[field.name] = draw(st.floats(0.01, 1))
    if kwargs.get("one_pass"):
        kwargs["top_layer_only"] = False
    return kind(**kwargs)


@st.composite
def populations(draw, layer, cell):
    method = draw(st.sampled_from([None, "scaled_kaiming", "uniform_", "fill_"]))
    return Population(
        layer, cell, draw(st.integers(1, 16)), draw(st.sampled_from(["relu", "linear"])), draw(st.booleans()), method,
        tuple(draw(st.lists(NUMBERS, max_size=2))), draw(BOUNDS), draw(st.none() | rules(BIAS_RULES)),
    )  # fmt: skip


@st.composite
def circuits(draw) -> Circuit:
    layers = draw(st.lists(WORDS | HARD, min_size=2, max_size=4, unique=True))
    found = []
    for k, layer in enumerate(layers):
        cells = draw(st.lists(WORDS | HARD, min_size=1, max_size=1 if k == 0 else 3, unique=True))
        found += [draw(populations(layer, cell)) for cell in cells]
    kept = {p.name: p for p in found}  # two layers may make one name
    if len(kept) < len(found):
        found = [draw(populations(layer, f"{k}")) for k, layer in enumerate(layers)]
        kept = {p.name: p for p in found}
    pairs = [(post.name, pre.name) for post in found[1:] for pre in found]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=8, unique=True))
    chosen = list({f"{post}_{pre}": (post, pre) for post, pre in chosen}.values())
    projections = []
    for post, pre in chosen:
        bounds = draw(BOUNDS)
        one_sided = bounds.lower == 0 or bounds.upper == 0
        constraint = draw(
            st.none()
            | st.just(NoAutapses())
            | st.builds(NormalizeRows, POSITIVE, st.booleans())
            | st.builds(
                Mask.random,
                st.just(kept[post].size),
                st.just(kept[pre].size),
                st.floats(0, 1),
                seed=st.integers(0, 2**40),
                autapses=st.booleans(),
                scale=st.none() | POSITIVE,
            )
            | st.builds(Mask, arrays(bool, (kept[post].size, kept[pre].size)), st.none() | POSITIVE)
            | st.builds(ReceptiveFields, st.just(1), st.just((1, kept[pre].size)), st.none() | POSITIVE)
        )
        projections.append(
            Projection(
                post, pre, draw(st.sampled_from(["soma", "dend"])), draw(st.sampled_from("FR")),
                draw(st.sampled_from("FBA")), bounds, draw(st.none() | rules(sources=list(kept))),
                draw(st.sampled_from([None, "scaled_kaiming", "uniform_", *(["half_kaiming"] if one_sided else [])])),
                tuple(draw(st.lists(NUMBERS, max_size=2))), constraint,
            )
        )  # fmt: skip
    # copies of the first projection, and copies of a transposed one
    source = chosen[0]
    for k, (post, pre) in enumerate(chosen[1:], 1):
        shapes = [(kept[a].size, kept[b].size) for a, b in (source, (post, pre))]
        if shapes[0] in (shapes[1], shapes[1][::-1]) and draw(st.booleans()):
            transpose = shapes[0] != shapes[1] or (draw(st.booleans()) and shapes[0][0] == shapes[0][1])
            name = f"{source[0]}_{source[1]}"
            tied = Tied(name, draw(st.none() | st.just(name)), draw(st.sampled_from([1, -1])), draw(NUMBERS), transpose)
            projections[k] = Projection(post, pre, constraint=tied)
    return Circuit(
        tuple(found), tuple(projections), draw(POSITIVE), draw(st.integers(1, 40)), draw(st.integers(0, 5)),
        draw(st.none() | POSITIVE), draw(WORDS | HARD | st.just("")),
    )  # fmt: skip
