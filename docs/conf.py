"""Configuration of the documentation; built by `make docs`, in which every warning is an error."""

import sys
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

project = "Symport"
author = "The Symport authors"
copyright = "2026, The Symport authors"
release = version = installed_version("symport")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinxcontrib.bibtex",
    "sphinx_gallery.gen_gallery",
    "myst_nb",
    "offline_math",
    "own_names",
]
exclude_patterns = ["_build", "_ext", "_static", "_templates", "gallery/**.ipynb", "gallery/**.py"]
templates_path = ["_templates"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}
root_doc = "index"

# A reference to our own names must resolve; names of other libraries are not looked up, since a build needs no network.
nitpicky = True
# "shape" in the type of an argument is a word, and several classes have a property of that name.
suppress_warnings = ["ref.python"]
nitpick_ignore_regex = [
    ("py:.*", r"(?!(manifolds|symmetries|solvers|symport)\b).*"),
    ("py:.*", r".*\b_\w+"),
]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_execution_in_temp = True

autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = False
napoleon_use_rtype = False

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"

sphinx_gallery_conf = {
    "examples_dirs": [str(ROOT / "examples")],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"plot_",
    "ignore_pattern": r"__init__\.py" + ("" if find_spec("torch") else r"|plot_transformer|plot_orthogonal_recurrence"),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "within_subsection_order": "FileNameSortKey",
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "Symport"
html_static_path = ["_static"]
html_css_files = ["symport.css"]
html_sidebars = {"**": ["all-pages"]}
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "navbar_center": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
