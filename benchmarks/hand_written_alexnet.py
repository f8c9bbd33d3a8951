"""AlexNet as one would write it by hand, in Keras and TensorFlow and in PyTorch: the peers of our training step.

Each has `forward()`, `both()` (with the gradients) and `step()` (with the update) on one batch that lies in memory.
"""

RATE, MOMENTUM, DECAY = 0.01, 0.9, 0.0005


class InKeras:
    """AlexNet in Keras with a loop of its own: tf.nn.lrn, SGD with momentum by TensorFlow's kernel, decay on kernels.

    Args:
        images: float32 (N,227,227,3).
        labels: int (N,).
        split: True for the two columns of conv2, conv4 and conv5 as two convolutions each, which one has to know;
            False for Keras's own `groups=2`.
    """

    def __init__(self, images, labels, split):
        import keras
        import tensorflow as tf

        layers = keras.layers

        def columns(x, filters, kernel):
            if not split:
                return layers.Conv2D(filters, kernel, padding="same", groups=2)(x)
            half = x.shape[-1] // 2
            parts = x[..., :half], x[..., half:]
            return layers.Concatenate()([layers.Conv2D(filters // 2, kernel, padding="same")(part) for part in parts])

        def norm(x):
            return layers.Lambda(lambda x: tf.nn.lrn(x, 2, 1.0, 1e-4 / 5, 0.75))(x)

        x = first = keras.Input(images.shape[1:], batch_size=len(images))
        x = layers.MaxPooling2D(3, 2)(norm(layers.Conv2D(96, 11, 4, activation="relu")(x)))
        x = layers.MaxPooling2D(3, 2)(norm(layers.ReLU()(columns(x, 256, 5))))
        x = layers.Conv2D(384, 3, padding="same", activation="relu")(x)
        x = layers.ReLU()(columns(x, 384, 3))
        x = layers.MaxPooling2D(3, 2)(layers.ReLU()(columns(x, 256, 3)))
        for _ in range(2):
            x = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(layers.Flatten()(x)))
        model = keras.Model(first, layers.Dense(1000)(x))
        data, labels = tf.constant(images), tf.constant(labels, tf.int32)
        variables = [v.value for v in model.trainable_variables]
        momenta = [tf.Variable(tf.zeros_like(v)) for v in variables]

        def gradients():
            with tf.GradientTape() as tape:
                logits = model(data, training=True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            return loss, tape.gradient(loss, variables)

        def step():
            loss, found = gradients()
            for v, m, g in zip(variables, momenta, found):
                kernel = len(v.shape) > 1
                lr = RATE if kernel else 2 * RATE
                grad = g + DECAY * v if kernel else g
                tf.raw_ops.ResourceApplyKerasMomentum(var=v.handle, accum=m.handle, lr=lr, grad=grad, momentum=MOMENTUM)
            return loss

        self.forward = tf.function(lambda: model(data, training=True))
        self.both, self.step = tf.function(gradients), tf.function(step)


class InPyTorch:
    """AlexNet in PyTorch on the CPU, eager, with torch.optim.SGD.

    Args:
        images: float32 (N,3,227,227).
        labels: int (N,).
    """

    def __init__(self, images, labels):
        import torch
        from torch import nn

        def conv(*args, **kwargs):
            return [nn.Conv2d(*args, **kwargs), nn.ReLU(inplace=True)]

        norm, pool = (lambda: nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)), (lambda: nn.MaxPool2d(3, 2))
        self.model = nn.Sequential(
            *conv(3, 96, 11, 4), norm(), pool(),
            *conv(96, 256, 5, padding=2, groups=2), norm(), pool(),
            *conv(256, 384, 3, padding=1),
            *conv(384, 384, 3, padding=1, groups=2),
            *conv(384, 256, 3, padding=1, groups=2), pool(),
            nn.Flatten(),
            nn.Linear(9216, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 1000),
        )  # fmt: skip
        groups = [
            {"params": [p for p in self.model.parameters() if p.dim() > 1], "weight_decay": DECAY},
            {"params": [p for p in self.model.parameters() if p.dim() == 1], "lr": 2 * RATE},
        ]
        self.optimizer = torch.optim.SGD(groups, RATE, MOMENTUM)
        self.images, self.labels = torch.from_numpy(images), torch.from_numpy(labels).long()
        self.loss = nn.functional.cross_entropy

    def forward(self):
        """The scores, kept for gradients."""
        return self.model(self.images)

    def both(self):
        """Forward, and the gradients."""
        self.optimizer.zero_grad()
        self.loss(self.forward(), self.labels).backward()

    def step(self):
        """One iteration."""
        self.both()
        self.optimizer.step()
