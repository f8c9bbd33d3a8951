"""CenterLoss and MarginInnerProduct, whose gradients are no derivatives: tests/layers/test_faces.py has those."""

from tests.layers.cases.case import Case, labels, normal

ROWS = {"x": normal(5, 4), "label": labels(3, 5)}
MAPS = {"x": normal(4, 2, 3, 2), "label": labels(3, 4, 1, 1, 1)}


def center(name, inputs, body="", more=""):
    return Case("CenterLoss", name, inputs, f"{more} center_loss_param {{ num_output: 3 {body} }}", gradient=())


def margin(name, inputs=ROWS, body="", **more):
    body = f"margin_inner_product_param {{ num_output: 3 {body} }}"
    return Case("MarginInnerProduct", name, inputs, body, gradient=(), **more)


DECAY = "base: 100 gamma: 0.12 power: 1.5 iteration: 7 "
CASES = [
    center("rows", ROWS),
    center("one-channel", {"x": normal(5, 1, 4), "label": labels(3, 5)}, "axis: 2"),
    center("maps", MAPS, "center_filler { type: 'xavier' } axis: -3", "loss_weight: 0.008"),
    margin("single"),
    margin("double", body=DECAY + "type: DOUBLE", tops=("y", "lambda")),
    margin("triple", body=DECAY + "type: TRIPLE lambda_min: 50", tops=("y", "lambda")),
    margin("quadruple", MAPS, DECAY + "type: QUADRUPLE", tops=("y", "lambda")),
    margin("quadruple-train", body="type: QUADRUPLE base: 0", phase="TRAIN"),
    margin("axis", {"x": normal(2, 3, 4), "label": labels(3, 2, 3)}, "axis: 2 type: DOUBLE"),
]
