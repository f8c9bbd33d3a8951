"""Caffe's solvers in plain, slow NumPy, written from the formulae; shares nothing with the package."""

import numpy as np


def rate(policy, iteration, base, gamma=0.0, power=0.0, stepsize=1, stepvalue=(), max_iter=1):
    """The rate at `iteration`, with float32 where Caffe has it; multistep by the loop that Caffe runs."""
    one, now = np.float32(1), np.float32(iteration)
    base, gamma, power = np.float32(base), np.float32(gamma), np.float32(power)
    if policy == "multistep":
        current = 0
        for i in range(iteration + 1):
            if current < len(stepvalue) and i >= stepvalue[current]:
                current += 1
        return base * float(gamma) ** current
    return {
        "fixed": lambda: base,
        "step": lambda: base * float(gamma) ** (iteration // stepsize),
        "exp": lambda: base * float(gamma) ** iteration,
        "inv": lambda: base * (one + gamma * now) ** -power,
        "poly": lambda: base * (one - now / np.float32(max_iter)) ** power,
        "sigmoid": lambda: base * (one / (one + np.exp(-gamma * (now - np.float32(stepsize))))),
    }[policy]()


class Solver:
    """Weights, gradients and history as lists of arrays of one dtype.

    Args:
        kind: Caffe's solver type.
        weights: the arrays to start from.
        multipliers: (lr_mult, decay_mult) of each.
        options: SolverParameter's fields.
    """

    def __init__(self, kind, weights, multipliers, dtype, **options):
        self.kind, self.multipliers, self.dtype, self.options = kind, multipliers, dtype, options
        self.weights = [np.array(w, dtype) for w in weights]
        self.h = [np.zeros_like(w) for w in self.weights]
        self.h2 = [np.zeros_like(w) for w in self.weights]
        self.iteration = 0

    def step(self, gradients, lr):
        option = self.options.get
        grads = [np.array(g, self.dtype) if m[0] else np.zeros_like(w) for g, m, w in self._zipped(gradients)]
        clip, size = option("clip_gradients", -1), option("iter_size", 1)
        norm = np.sqrt(sum(float((g.astype("f8") ** 2).sum()) for g in grads))
        clipped = clip >= 0 and norm > clip
        for i, (g, (lr_mult, decay_mult), w) in enumerate(self._zipped(grads)):
            if clipped:
                g = g * self.dtype(clip / norm)
            g = g / self.dtype(size)
            decay = self.dtype(option("weight_decay", 0) * decay_mult)
            g = g + decay * (np.sign(w) if option("regularization_type", "L2") == "L1" else w)
            self.weights[i] = w - self._update(i, g, self.dtype(lr * lr_mult))
        self.iteration += 1
        return clipped

    def _zipped(self, gradients):
        return list(zip(gradients, self.multipliers, self.weights))

    def _update(self, i, g, rate):
        option = self.options.get
        mu, delta = self.dtype(option("momentum", 0)), self.dtype(option("delta", 1e-8))
        h, h2 = self.h, self.h2
        if self.kind == "SGD":
            h[i] = mu * h[i] + rate * g
            return h[i]
        if self.kind == "Nesterov":
            old, h[i] = h[i], mu * h[i] + rate * g
            return (1 + mu) * h[i] - mu * old
        if self.kind == "AdaGrad":
            h[i] = h[i] + g * g
            return rate * g / (np.sqrt(h[i]) + delta)
        if self.kind == "RMSProp":
            rho = self.dtype(option("rms_decay", 0.99))
            h[i] = rho * h[i] + (1 - rho) * g * g
            return rate * g / (np.sqrt(h[i]) + delta)
        if self.kind == "AdaDelta":
            h[i] = mu * h[i] + (1 - mu) * g * g
            update = g * np.sqrt((h2[i] + delta) / (h[i] + delta))
            h2[i] = mu * h2[i] + (1 - mu) * update * update
            return rate * update
        mu2, t = self.dtype(option("momentum2", 0.999)), self.iteration + 1
        h[i] = mu * h[i] + (1 - mu) * g
        h2[i] = mu2 * h2[i] + (1 - mu2) * g * g
        correction = np.sqrt(1 - float(mu2) ** t) / (1 - float(mu) ** t)
        return self.dtype(rate * correction) * h[i] / (np.sqrt(h2[i]) + delta)
