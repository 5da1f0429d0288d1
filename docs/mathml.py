"""Sphinx extension: formulas as MathML, which browsers draw themselves. No script, no network."""

from docutils import nodes
from latex2mathml.converter import convert


def _inline(writer, node) -> None:
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(writer, node) -> None:
    writer.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
