"""Tests mirror the tree. Consoles take the width that a test asks for, not the one that a runner of tests has set."""

import os

for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
