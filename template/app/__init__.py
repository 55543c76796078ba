"""The application."""

import sys

if sys.platform == "win32":
    raise SystemExit("error: this runs on Windows only in WSL: https://learn.microsoft.com/windows/wsl.")
