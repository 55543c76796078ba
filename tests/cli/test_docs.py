"""docs/options.md says what copier.yml says."""

import subprocess
import sys

from .conftest import ROOT


def test_the_page_of_options_is_current() -> None:
    script = "import options; print(options.page(), end='')"
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT / "docs", check=True, capture_output=True, text=True
    )
    assert shown.stdout == (ROOT / "docs" / "options.md").read_text(), "run `python docs/options.py`"
