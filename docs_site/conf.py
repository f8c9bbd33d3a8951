"""Sphinx's configuration of the site."""

from docs_site import sections
from docs_site.lexer import PrototxtLexer
from zoo import __version__

project = "Caffe model zoo"
version = release = __version__
extensions = ["myst_nb"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_title = project
html_show_sourcelink = html_copy_source = False
html_show_copyright = False
html_show_search_summary = False  # which fetches each page that is found: a browser refuses that for files
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_block", "colon_fence"]
nb_execution_mode = "off"
python_maximum_signature_line_length = 88
smartquotes = False
html_theme_options = {
    "header_links_before_dropdown": len(sections.SECTIONS),
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "collapse_navigation": True,
    "footer_start": [],
    "footer_end": ["sphinx-version"],
}
html_sidebars = {"index": []}
suppress_warnings = ["misc.highlighting_failure"]  # of a block that is an excerpt, or has "..." in it


def setup(app):
    """Adds what Sphinx does not have."""
    app.add_lexer("prototxt", PrototxtLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
