"""Sphinx settings. `make docs` builds docs/_build/html and makes the pages of rules, experiments and notebooks."""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import made_pages

from spikedtp import __version__

project = "spikedtp"
author = "The spikedtp developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "sphinx_design",
    "numpydoc",
    "myst_nb",
]
exclude_patterns = ["_build"]
html_math_renderer = "mathml"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_title = f"spikedtp {__version__}"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_render_markdown_format = "myst"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types, shapes and units
autosummary_generate = True
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
python_use_unqualified_type_names = True
suppress_warnings = ["ref.python"]  # one name at two places: where it is offered and where it is

logging.getLogger("traitlets").setLevel(logging.WARNING)  # no news of every notebook that runs

made_pages.write_all(Path(__file__).parent)
