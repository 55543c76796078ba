"""`python -m forge_cli`."""

import sys

from forge_cli.cli import main

sys.exit(main())
