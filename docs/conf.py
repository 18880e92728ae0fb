"""How the pages of this folder become a site: `make docs`."""

from importlib.metadata import version as version_of

project = "Nameblind"
release = version_of("nameblind")
version = release
language = "en"

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "Nameblind"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
