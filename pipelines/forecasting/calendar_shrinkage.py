"""How far calendar effects are believed: by their signal to noise. The effects themselves are estimated elsewhere."""

import numpy as np


def shrink_effects(effect: np.ndarray, squared_error: np.ndarray, margin: float = 1.0) -> np.ndarray:
    """Effects (K, G) drawn to 0 by tau^2 / (tau^2 + se^2), tau^2 = mean(effect^2) - margin x mean(se^2) over K, at least 0.

    The parametric empirical Bayes of Morris 1983 (JASA 78).

    >>> shrink_effects(np.array([[1.0], [-1.0]]), np.array([[0.5], [0.5]])).tolist()
    [[0.5], [-0.5]]
    """
    signal = np.maximum((effect**2).mean(axis=0) - margin * squared_error.mean(axis=0), 0.0)
    return np.asarray(effect * np.divide(signal, signal + squared_error, out=np.zeros_like(effect), where=(signal + squared_error) > 0))
