"""Which layers, bottoms and parameters a backward pass computes gradients for (net.cpp:74-278)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """What is computed for one layer: `layer` whether anything is, `bottoms` and `parameters` which of them."""

    layer: bool
    bottoms: tuple[bool, ...]
    parameters: tuple[bool, ...]


def needs(layers, force_backward=False, roots=()):
    """Returns a `Need` for each layer.

    Args:
        layers: the `PlannedLayer`s or `BuiltLayer`s in order, with Splits between, so that each value has one reader.
        force_backward: the net's field of that name.
        roots: names of blobs, besides weighted tops, from which gradients start.

    A blob needs a gradient where a parameter below it is learned (lr_mult other than 0), or where `propagate_down` says
    so, and only where it leads to a loss. Blobs are told apart by name alone, in place or not, as in Caffe.
    """
    wanted, flags = {}, []
    for layer in layers:
        definition, down = layer.definition, layer.definition.message.propagate_down
        inherited = [wanted.get(bottom.name, False) for bottom in definition.bottoms]
        bottoms = list(down) if len(down) == len(inherited) and down else inherited
        rated = [_rate(layer, index) != 0 for index in range(len(layer.blobs))]
        parameters = [_learned(rate, spec) for rate, spec in zip(rated, layer.blobs)]
        runs = any(inherited) or any(rated)  # BatchNorm's sums count too: what its own set-up says comes after that
        wanted.update((top.name, runs or wanted.get(top.name, False)) for top in definition.tops)
        flags.append([runs, bottoms, parameters])
    _keep_what_leads_to_a_loss(layers, flags, roots)
    if force_backward:
        for layer, flag in zip(layers, flags):
            flag[0] = True
            flag[1] = [need or may_force(layer.type, index) for index, need in enumerate(flag[1])]
            flag[2] = [spec.trainable for spec in layer.blobs]
    return tuple(Need(runs, tuple(bottoms), tuple(parameters)) for runs, bottoms, parameters in flags)


def _keep_what_leads_to_a_loss(layers, flags, roots):
    under_loss, skipped = set(roots), set()
    for layer, flag in reversed(list(zip(layers, flags))):
        tops = [top.name for top in layer.definition.tops]
        bottoms = [bottom.name for bottom in layer.definition.bottoms]
        leads = any(layer.loss_weights) or any(top in under_loss for top in tops)
        if flag[0] and all(top in skipped for top in tops):
            flag[0], flag[1] = False, [False] * len(bottoms)
        if leads:
            under_loss.update(bottoms)
        else:
            flag[0], flag[1] = False, [False] * len(bottoms)
        skipped.update(bottom for bottom, need in zip(bottoms, flag[1]) if not need)


def _rate(layer, index):
    params = layer.definition.message.param
    return params[index].lr_mult if index < len(params) else 1.0


def _learned(rate, spec):
    return spec.trainable and (rate if spec.multipliers is None else spec.multipliers[0] != 0)


def may_force(kind, bottom):
    """Whether force_backward reaches that bottom: labels and marks of a sequence's end have no gradient."""
    return bottom not in kind.no_gradient_bottoms
