"""LeNet as one would write it by hand in Keras and TensorFlow: the peer that the trainer is timed against.

Run as a program it makes the first iteration and ends: what any TensorFlow program pays before it trains.
"""


class HandWritten:
    """LeNet with SGD, momentum, decay and the tutorial's rate, on data that lies in memory.

    Args:
        images: float32 (N,28,28,1), scaled.
        labels: int (N,).
        batch: images a step.
    """

    def __init__(self, images, labels, batch=64):
        import keras
        import tensorflow as tf

        layers = keras.layers
        self.model = keras.Sequential(
            [
                keras.Input((28, 28, 1), batch_size=batch),
                layers.Conv2D(20, 5),
                layers.MaxPooling2D(2),
                layers.Conv2D(50, 5),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(500, activation="relu"),
                layers.Dense(10),
            ]
        )
        data = tf.constant(images), tf.constant(labels, tf.int32)
        steps = len(images) // batch
        variables = [v.value for v in self.model.trainable_variables]
        momenta = [tf.Variable(tf.zeros_like(v)) for v in variables]

        @tf.function
        def step(iteration):
            start = iteration % steps * batch
            x, y = (tf.slice(a, [start, *[0] * (len(a.shape) - 1)], [batch, *a.shape[1:]]) for a in data)
            with tf.GradientTape() as tape:
                logits = self.model(x, training=True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
            rate = 0.01 * (1.0 + 0.0001 * tf.cast(iteration, tf.float32)) ** -0.75
            for index, (v, m, g) in enumerate(zip(variables, momenta, tape.gradient(loss, variables))):
                lr = rate * (2.0 if index % 2 else 1.0)
                tf.raw_ops.ResourceApplyKerasMomentum(
                    var=v.handle, accum=m.handle, lr=lr, grad=g + 0.0005 * v, momentum=0.9
                )
            return loss

        self._step, self._iteration = step, 0
        self._number = lambda n: tf.constant(n, tf.int32)

    def run(self, count):
        """Makes `count` iterations; returns the last loss."""
        for _ in range(count):
            loss = self._step(self._number(self._iteration))
            self._iteration += 1
        return float(loss)


if __name__ == "__main__":
    import numpy as np

    print(HandWritten(np.zeros((640, 28, 28, 1), np.float32), np.zeros(640, np.int32)).run(1))
