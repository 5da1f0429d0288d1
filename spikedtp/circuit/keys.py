"""EIANN's names of weights and biases in a state dict."""

__all__ = ["bias_key", "weight_key"]


def weight_key(projection: str) -> str:
    """EIANN's key of a projection's weights, e.g. ``module_dict.H2E_H1E.weight``."""
    return f"module_dict.{projection}.weight"


def bias_key(population: str) -> str:
    """EIANN's key of a population's bias, e.g. ``parameter_dict.H2E_bias``."""
    return f"parameter_dict.{population}_bias"
