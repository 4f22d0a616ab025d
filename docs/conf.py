"Settings of the book as a site; `.ci/book` prepares the pages from the notebooks and runs Sphinx with them"
from configparser import ConfigParser
from importlib.metadata import files
from pathlib import Path

_config = ConfigParser(delimiters=["="])
_config.read(Path(__file__).resolve().parent.parent / "settings.ini", encoding="utf-8")
_cfg = _config["DEFAULT"]

project, author, version, copyright = _cfg["lib_name"], _cfg["author"], _cfg["version"], _cfg["copyright"]
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "fieldlist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the kept outputs are shown, nothing runs
nb_render_markdown_format = "myst"
nb_merge_streams = True
nb_ipywidgets_js = {}
suppress_warnings = ["myst.header"]  # a notebook may go from ## to ####

html_theme, html_title = "furo", project
_mathjax = next(f.locate() for f in files("sphinx-mathjax-offline") if f.name == "tex-svg-full.js")
html_static_path = ["book.css", str(_mathjax)]
html_css_files = ["book.css"]
mathjax_path = "tex-svg-full.js"  # one file with its fonts as outlines: formulas need no network
html_copy_source = html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style, pygments_dark_style = "friendly", "github-dark"
add_module_names = False
python_maximum_signature_line_length = 88
smartquotes = False  # code and shapes are full of quotes and dots
