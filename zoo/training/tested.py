"""Which parameters of the training net a test net uses: by layer name, as Net::ShareTrainedLayersWith has it.

Where names are unique this is plain. Of several layers of one name Caffe goes through those of the training net and
gives the parameters of each to the test net's first (net.cpp:693-728): it ends up with those of the last, and the
test net's others keep what their fillers gave.
"""

import dataclasses

from absl import logging

from zoo.errors import NetError, raise_together
from zoo.netdef.netdef import ParamKey, layer_said


def sharing(definition, trained, unique):
    """Returns a test net's `NetDef` in which those layers have a key of the training net whose parameters they use.

    Args:
        definition: the test net's.
        trained: the training net's.
        unique: the `UniqueNames` of all nets of the solver.
    """
    given = {layer.name: layer.key for layer in trained.layers}  # the last of each name
    unique.taken.update(layer.key for layer in trained.layers)
    keys, shared = {}, set()
    for layer in definition.layers:
        if layer.name in given:
            keys[layer.key] = given.pop(layer.name)
            shared.add(layer.key)
        else:
            keys[layer.key] = unique(layer.name)
    owners, own = {}, {}
    for key, owner in definition.owners.items():
        if key.layer not in shared:  # one that it shares with these is no longer theirs
            new = ParamKey(keys[key.layer], key.index)
            owners[new] = own.setdefault(owner, new)
    used = {keys[key] for key in shared}
    owners |= {key: owner for key, owner in trained.owners.items() if key.layer in used}
    layers = tuple(dataclasses.replace(layer, key=keys[layer.key]) for layer in definition.layers)
    return dataclasses.replace(definition, layers=layers, owners=owners)


def check(test, train):
    """Raises NetError where a test net cannot use a training net's parameters; warns of those that get none.

    Args:
        test, train: built `Net`s.
    """
    first, errors = {}, []
    for layer in test.layers:
        first.setdefault(layer.definition.name, layer)
    for layer in train.layers:
        target = first.get(layer.definition.name, layer)
        got, want = ([p.spec.shape for p in one.parameters] for one in (target, layer))
        if got != want:
            what = f"cannot be tested with the parameters of {layer_said(layer.definition.place)}, which has its name"
            hint = None if layer.definition.name else "give the layers names"
            errors.append(NetError(what, at=target.definition.at(), got=got, want=want, hint=hint))
    raise_together(errors)
    names = {layer.definition.name for layer in train.layers}
    for layer in test.layers:
        if layer.parameters and layer is not first[layer.definition.name] and layer.definition.name in names:
            logging.warning(
                "%s: is tested with what its fillers give, as in Caffe: %s has its name and gets what is learned",
                layer.definition.at(),
                layer_said(first[layer.definition.name].definition.place),
            )
