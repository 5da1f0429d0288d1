"""`python -m spikedtp` is the `spikedtp` command."""

import sys

from spikedtp.cli import main

sys.exit(main())
