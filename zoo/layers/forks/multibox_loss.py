"""MultiBoxLoss: what SSD trains on."""

import numpy as np

from zoo.layers.base.families import LossType
from zoo.layers.base.geometry import count
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops import boxes as box_ops
from zoo.layers.ops import hard_examples
from zoo.layers.ops.box_matching import FREE, match
from zoo.layers.ops.ground_truth import GroundTruth
from zoo.layers.ops.layout import to_caffe
from zoo.layers.ops.losses import (
    MOST,
    NAN,
    check_same_first,
    clamp_through,
    read_normalization,
    sigmoid_cross_entropy,
    smooth_l1,
)


@layer_type("MultiBoxLoss", source="weiliu89/caffe@ssd multibox_loss_layer.cpp:10-390")
class MultiBoxLoss(LossType):
    """loss = (loc_weight * localisation + confidence) / Z over priors that match a ground truth, and mined negatives.

    Bottoms: offsets (N, P*L*4), L = 1 if locations are shared, else the classes K; scores (N, P*K), not normalised;
    priors (1, 2, P*4), boxes and variances; ground truth (1, 1, G, 8): image, label, instance, xmin, ymin, xmax, ymax,
    difficult, where rows of image -1 are padding -> top: a scalar. Gradients go to offsets and scores. Blobs: none.

    Matching: `box_matching`, of the priors, or of the boxes that the offsets give (use_prior_for_matching: false; with
    own locations each class then matches its own ground truth). Mining: `hard_examples`; an image without ground truth
    gives nothing, unless mining_type is NONE, where every prior counts.

    Localisation: smooth L1, or half the square, of offset minus encoded ground truth at each match; bp_inside leaves
    out coordinates whose matched box lies outside [0, 1]. With encode_variance_in_target the offsets too are divided by
    the variances, but their gradient is not. Confidence: softmax loss, or LOGISTIC: sigmoid cross entropy over all
    classes with target 1 at the label (negatives: the background's) and background_label_id everywhere else; with
    mining_type NONE unmatched priors have no such 1, and item n's ones are put n * P values, not n * P * K, behind
    item 0's.

    Z, at least 1: VALID (default) the matches, BATCH_SIZE N, FULL N*P, NONE 1. `propagate_down: false` of a bottom
    takes its term out of the loss. A ground truth of the background, or a match of a label that no class has, makes the
    loss NaN.
    """

    reads_bottom_in_backward = False
    no_gradient_bottoms = (2, 3)
    scored_bottoms = 2
    bottom_count = 4
    fields = ("multibox_loss_param", "loss_param")

    def read(self, p, loss):
        """Reads multibox_loss_param, loss_param and the layer's propagate_down."""
        self._read_classes(p)
        self._read_matching(p)
        self._read_mining(p)
        self.smooth, self.loc_weight = p.enum("loc_loss_type") == "SMOOTH_L1", p.loc_weight
        self.logistic = p.enum("conf_loss_type") == "LOGISTIC"
        self.code_type, self.in_target, self.inside = p.enum("code_type"), p.encode_variance_in_target, p.bp_inside
        self.normalization = read_normalization(loss)
        loss.no_effect("ignore_label")
        self.terms = tuple(self.layer.message.propagate_down)[:2] or (True, True)

    def _read_classes(self, p):
        self.classes, self.shared, self.background = p.num_classes, p.share_location, p.background_label_id
        self.agnostic = p.map_object_to_agnostic
        if self.classes < 1:
            raise p.error("num_classes must be given", "num_classes", want="the classes, the background included")
        if self.background >= self.classes:
            want = f"0 to {self.classes - 1}"
            raise p.error("no class is the background", "background_label_id", got=self.background, want=want)
        if self.agnostic and (self.classes, self.background) != (2, 0):
            got = f"num_classes {self.classes} and background_label_id {self.background}"
            raise p.error("map_object_to_agnostic needs two classes", "map_object_to_agnostic", got=got, want="2 and 0")

    def _read_matching(self, p):
        self.by_prior, self.difficult = p.use_prior_for_matching, p.use_difficult_gt
        self.threshold = p.overlap_threshold if p.enum("match_type") == "PER_PREDICTION" else None
        p.no_effect("overlap_threshold")  # of BIPARTITE
        self.ignores_outside = p.ignore_cross_boundary_bbox

    def _read_mining(self, p):
        self.mining, self.ratio, self.most_overlap = p.enum("mining_type"), p.neg_pos_ratio, p.neg_overlap
        self.sample_size, self.nms_by_prior, nms = p.sample_size, p.use_prior_for_nms, p.nms_param
        self.nms = (nms.nms_threshold, nms.top_k) if p.has("nms_param") and nms.nms_threshold > 0 else None
        if p.has("do_neg_mining") and p.do_neg_mining != (self.mining != "NONE"):
            raise p.error("do_neg_mining contradicts mining_type", "do_neg_mining", want="mining_type alone")
        if self.mining != "NONE" and not self.shared:
            raise p.error("mining needs share_location", "mining_type", got=self.mining, want="NONE")
        if self.mining == "HARD_EXAMPLE" and self.sample_size < 1:
            raise p.error("sample_size must be positive", "sample_size", got=self.sample_size)

    def top_shapes(self, bottoms):
        """A scalar."""
        check_same_first(self, bottoms)
        offsets, scores, priors, truth = bottoms
        if len(priors) < 3 or priors[1] != 2 or priors[2] % 4 or not priors[2] or count(priors, 3) != 1:
            want = "(1, 2, 4 * priors)"
            raise self.error("priors, bottom 2, are boxes and variances", "bottom", got=priors, want=want)
        if len(truth) < 4 or truth[:2] != (1, 1) or truth[3] != 8 or not truth[2]:
            raise self.error("ground truth, bottom 3, has 8 values a row", "bottom", got=truth, want="(1, 1, rows, 8)")
        number = priors[2] // 4
        for index, name, shape, each in (
            (0, "offsets", offsets, 4 if self.shared else 4 * self.classes),
            (1, "scores", scores, self.classes),
        ):
            if count(shape, 1) != number * each:
                want = f"(items, {number * each}), {each} for each of {number} priors"
                raise self.error(f"{name}, bottom {index}, do not fit the priors", "bottom", got=shape, want=want)
        return ((),)

    def fixes_batch(self, bottoms):
        """Its ground truth names the items."""
        return f'layer "{self.layer.name}" has the ground truth of all items in one list'

    def build(self, site):
        """In float32, on fixed shapes; the loop of the matching stops early where no saved model has to hold it."""
        items, priors = site.bottoms[0][0], site.bottoms[2][2] // 4
        own = 1 if self.shared else self.classes
        matching = self._matching(site, items)

        def loss(offsets, scores, prior, truth):
            offsets = ops.transpose(ops.reshape(_float(offsets), (items, priors, own, 4)), (0, 2, 1, 3))
            scores = ops.reshape(_float(scores), (items, priors, self.classes))
            prior = ops.reshape(ops.stop_gradient(_float(prior)), (-1, 2, priors, 4))[0]
            boxes, variances = _sides(prior[0]), prior[1]
            scale = None if self.in_target else _sides(variances)
            decoded = box_ops.decode(self.code_type, _sides(ops.stop_gradient(offsets)), boxes, scale)
            truth = GroundTruth(truth, items, self.background, self.difficult)
            matches, best = self._matches(boxes, decoded, truth, (items, own, priors), matching)
            matched = matches >= 0
            target = [ops.take(side, ops.maximum(matches, 0)) for side in truth.box]
            target = ops.stack(box_ops.encode(self.code_type, target, boxes), axis=-1) / variances
            distances = self._distances(offsets, target, variances, matched, boxes if self.by_prior else decoded)
            labels, wrong = self._labels(matches, truth)
            if self.mining == "NONE":
                confidence = ops.sum(self._confidence(scores, labels, self._marks(matched, labels)))
            else:
                marks = ops.one_hot(labels, self.classes)
                ranked = each = self._confidence(scores, labels, marks)
                if self.logistic and self.background:  # which mining does not see
                    ranked = self._confidence(scores, labels, marks, background=0.0)
                if self.mining == "HARD_EXAMPLE":
                    ranked = ranked + distances[:, 0]
                nms_boxes = boxes if self.nms_by_prior else [side[:, 0] for side in decoded]
                mined = self._mined(ops.stop_gradient(ranked), matches[:, 0], best[:, 0], nms_boxes, truth)
                if self.mining == "HARD_EXAMPLE":
                    matched = ops.logical_and(matched, mined[:, None])
                negative = ops.logical_and(mined, ops.equal(matches[:, 0], FREE))
                confidence = ops.sum(ops.where(ops.logical_or(matched[:, 0], negative), each, 0.0))
            divisor = self._divisor(matched, items, priors)
            terms = (self.loc_weight * ops.sum(ops.where(matched, distances, 0.0)), confidence)
            left = [term if on else term - ops.stop_gradient(term) for term, on in zip(terms, self.terms)]
            return ops.where(ops.logical_or(truth.wrong, wrong), NAN, (left[0] + left[1]) / divisor)

        return loss

    def _groups(self, items):
        return items if self.by_prior or self.shared else items * self.classes

    def _matching(self, site, items):
        """Returns ``f(ground truth, its groups, boxes, those left out) -> (matches, best)``."""
        groups, threshold = self._groups(items), self.threshold
        if site.portable:
            return lambda truth, group, boxes, outside: match(
                truth.box, group, boxes, groups, threshold=threshold, outside=outside
            )
        from zoo.layers.keras_layers.box_matching import BoxMatching

        among = BoxMatching(items, groups, threshold, name=site.name)
        return lambda truth, group, boxes, outside: among(
            [*truth.box, group, truth.image, *boxes, *([] if outside is None else [outside])]
        )

    def _matches(self, boxes, decoded, truth, shape, matching):
        """Returns `box_matching.match`'s matches and overlaps, of `shape` (items, own locations, priors)."""
        items, own, priors = shape
        groups = self._groups(items)
        if self.by_prior or self.shared:
            group = truth.image
        else:
            known = ops.logical_and(truth.label >= 0, truth.label < own)
            group = ops.where(ops.logical_and(truth.image < items, known), truth.image * own + truth.label, groups)
        if self.by_prior:
            judged = [side[None, :] for side in boxes]
        else:
            judged = [ops.reshape(side, (groups, priors)) for side in decoded]
        outside = None
        if self.ignores_outside:
            outside = ops.any(ops.stack([_outside(side) for side in judged]), axis=0)
            outside = ops.broadcast_to(outside, (groups, priors))
        matches, best = matching(truth, group, judged, outside)
        if self.by_prior and not self.shared:  # each match is of the class of its ground truth
            labels = ops.take(truth.label, ops.maximum(matches, 0))
            of_class = ops.equal(labels[:, None], np.arange(own, dtype="int32")[None, :, None])
            of_class = ops.logical_and(of_class, matches[:, None] >= 0)
            return ops.where(of_class, matches[:, None], FREE), best[:, None]
        return ops.reshape(matches, shape), ops.reshape(best, shape)

    def _distances(self, offsets, target, variances, matched, judged):
        """Returns (items, own locations, priors): the localisation loss of each match, 0 elsewhere."""
        if self.in_target:
            offsets = offsets + ops.stop_gradient(offsets / variances - offsets)
        counts = matched[..., None]
        if self.inside:
            counts = ops.logical_and(counts, ops.logical_not(ops.stack([_outside(side) for side in judged], axis=-1)))
        off = ops.where(counts, offsets - target, 0.0)
        return ops.sum(smooth_l1(off) if self.smooth else 0.5 * ops.square(off), axis=-1)

    def _labels(self, matches, truth):
        """Returns (the label of each prior (items, priors), whether a match has a label that no class has)."""
        matched = matches >= 0
        found = ops.where(matched, ops.take(truth.label, ops.maximum(matches, 0)), -1)
        wrong = ops.logical_and(matched, ops.logical_or(found < 0, found >= self.classes))
        label = ops.max(found, axis=1)  # of several classes the last is what the fork leaves
        if self.agnostic:
            label = ops.ones_like(label) * (self.background + 1)
            wrong = wrong if self.mining != "NONE" else ops.logical_and(wrong, False)
        label = ops.where(ops.any(matched, axis=1), label, self.background)
        return ops.clip(label, 0, self.classes - 1), ops.any(wrong)

    def _marks(self, matched, labels):
        """Returns (items, priors, classes), 1 where LOGISTIC has a target of 1 without mining: at the wrong places."""
        items, own, priors = matched.shape
        if self.shared or self.agnostic:
            marks = ops.one_hot(labels, self.classes) * ops.cast(ops.any(matched, axis=1), "float32")[..., None]
        else:
            marks = ops.cast(ops.transpose(matched, (0, 2, 1)), "float32")
        # In pieces of P values: item n's start n pieces behind item 0's, and not n * classes.
        pieces = ops.reshape(marks, (items, self.classes, priors))
        last = items + self.classes - 1
        moved = [ops.pad(pieces[:, k], [(k, last - items - k), (0, 0)]) for k in range(self.classes)]
        marks = ops.max(ops.stack(moved), axis=0)
        marks = ops.pad(marks, [(0, items * self.classes - last), (0, 0)])
        return ops.reshape(marks, (items, priors, self.classes))

    def _confidence(self, scores, labels, marks, background=None):
        """Returns (items, priors): the loss of each prior's scores.

        Args:
            labels: (items, priors) int32.
            marks: (items, priors, classes), 1 where LOGISTIC has a target of 1.
            background: LOGISTIC's target elsewhere; None for background_label_id.
        """
        if not self.logistic:
            each = ops.sparse_categorical_crossentropy(labels, scores, from_logits=True)
            return clamp_through(each, most=MOST)
        elsewhere = float(self.background) if background is None else background
        return ops.sum(sigmoid_cross_entropy(scores, ops.where(marks > 0, 1.0, elsewhere)), axis=-1)

    def _mined(self, losses, matches, best, boxes, truth):
        """Returns (items, priors) bool: which priors are chosen."""
        items, priors = matches.shape
        if self.mining == "HARD_EXAMPLE":
            eligible = ops.broadcast_to(truth.items_with_any(items)[:, None], (items, priors))
            most = ops.full((items,), self.sample_size, dtype="int32")
        else:
            eligible = ops.logical_and(ops.equal(matches, FREE), best < self.most_overlap)
            most = ops.sum(ops.cast(matches >= 0, "float32"), axis=1) * self.ratio
            most = ops.cast(most, "int32")
        number = ops.minimum(most, ops.sum(ops.cast(eligible, "int32"), axis=1))
        if self.nms is None:
            return hard_examples.largest(losses, eligible, number)
        boxes = [ops.broadcast_to(side, (items, priors)) for side in boxes]
        return hard_examples.largest_apart(losses, eligible, number, boxes, *self.nms)

    def _divisor(self, matched, items, priors):
        if self.normalization == "VALID":
            return ops.maximum(ops.sum(ops.cast(matched, "float32")), 1.0)
        return {"FULL": items * priors, "BATCH_SIZE": items, "NONE": 1}[self.normalization]


def _float(x):
    return ops.cast(to_caffe(x), "float32")


def _sides(x):
    return [x[..., i] for i in range(4)]


def _outside(side):
    return ops.logical_or(side < 0, side > 1)
