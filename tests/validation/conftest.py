"""The checks live beside the experiment that runs all of them at full size."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))
