"""SSD's policy "plateau" in plain Python, as its solver goes (solver.cpp:623-636, sgd_solver.cpp:60-90)."""

import numpy as np


def rates(losses, base_lr, gamma, plateau_winsize, average_loss=1, start=0, state=(0, 3.4e38, 0)):
    """Returns ([rate of each iteration], (current_step, minimum_loss, iter_last_event)) for losses from `start` on."""
    step, least, event = state
    window, smoothed, found = [], np.float32(0), []
    for iteration, loss in enumerate(np.float32(losses), start):
        if len(window) < average_loss:
            window.append(loss)
            size = np.float32(len(window))
            smoothed = (smoothed * (size - 1) + loss) / size
        else:
            place = (iteration - start) % average_loss
            smoothed += (loss - window[place]) / np.float32(average_loss)
            window[place] = loss
        if smoothed < least:
            least, event = smoothed, iteration
        if step < len(plateau_winsize) and iteration >= event + plateau_winsize[step]:
            step, event = step + 1, iteration
        found.append(base_lr * gamma**step)
    return found, (step, least, event)
