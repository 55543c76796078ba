"""The application."""

import sys

if sys.platform == "win32":
    raise SystemExit("error: this does not run on Windows itself, only in WSL: https://learn.microsoft.com/windows/wsl.")
