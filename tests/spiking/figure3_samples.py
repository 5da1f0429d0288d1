"""What the replayed network of Figure 3 is shown."""

import numpy as np

X, TARGET = np.zeros(784, np.float32), np.eye(10, dtype=np.float32)[2]
