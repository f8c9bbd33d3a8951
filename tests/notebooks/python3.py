"""Python 2 in a notebook's cells -> Python 3, by the standard library's lib2to3: print, xrange, iteritems, zip, ...

Lines for IPython (%magic, !command) are no Python: they are left out of the way and put back. lib2to3 is there up to
Python 3.12. It knows nothing of what changed in meaning only, such as / between integers or a file's mode.
"""

import logging
import re
import warnings

_IPYTHON = re.compile(r"^(?P<indent>[ \t]*)(?P<line>[%!].*(?:(?<=\\)\n.*)*)", re.M)
_KEPT = re.compile(r"pass # ipython (\d+)$", re.M)


def converted(source):
    """Returns the Python 3 form of a cell's text; a cell that is Python 3 already comes back as it is."""
    kept = []

    def keep(match):
        kept.append(match["line"])
        return f"{match['indent']}pass # ipython {len(kept) - 1}"

    plain = _IPYTHON.sub(keep, source) + "\n"
    text = _tool(print_function=_compiles(plain)).refactor_string(plain, "cell")
    return _KEPT.sub(lambda match: kept[int(match[1])], str(text).removesuffix("\n"))


def _compiles(text):
    try:
        compile(text, "cell", "exec")
    except SyntaxError:
        return False
    return True


def _tool(print_function):
    with warnings.catch_warnings():  # that it will be gone
        warnings.simplefilter("ignore")
        from lib2to3 import refactor

        logging.getLogger("RefactoringTool").setLevel(logging.ERROR)
        fixers = refactor.get_fixers_from_package("lib2to3.fixes")
        return refactor.RefactoringTool(fixers, {"print_function": print_function})
