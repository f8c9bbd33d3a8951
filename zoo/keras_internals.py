"""What is used of Keras beyond its public interface, in one place: a new version is tried here first.

A tensor's history is not public, nor is there another way from a tensor to the operation that made it; the same holds
for a model's layers nested in others, and for the index under which an optimizer keeps a variable.
"""

# Methods that subclasses here override without a public one in their place; tests/test_keras_internals.py holds Keras
# to them. `zoo.solvers.base` and `zoo.training.precision` say why.
OPTIMIZER_HOOKS = ("_backend_update_step", "_all_reduce_sum_gradients", "_filter_empty_gradients", "_var_key")
LOSS_SCALE_HOOKS = ("_stateful_handle_finite_grads",)


def operation_of(tensor):
    """Returns the operation that made a symbolic tensor."""
    return tensor._keras_history.operation


def history_of(tensor):
    """Returns (the operation that made a symbolic tensor, the number of its call, the tensors that this call took)."""
    operation, node, _ = tensor._keras_history
    return operation, node, operation._inbound_nodes[node].input_tensors


def all_layers(model):
    """Returns a model's layers, those inside others included."""
    return list(model._flatten_layers(include_self=False))


def index_of(optimizer, variable):
    """Returns the index under which a built optimizer keeps its state of `variable`, or None where it has none."""
    return optimizer._trainable_variables_indices.get(optimizer._var_key(variable))
