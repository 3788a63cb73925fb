"""The energy loss of pruning states (the paper's section III-B).

Axes: P states, B batch, K classes.
"""

import torch
from torch import Tensor


def energy_loss(logits_PBK: Tensor, labels_B: Tensor) -> Tensor:
    """How much lower the best wrong answer's energy is than the right one's, averaged over the batch.

    The energy of an answer is its negative logit, ``E(y, x) = -f_y(x)``; the loss (P,) of a state, lower is better, is
    ``mean_b [E(y_b, x_b) - min_{k != y_b} E(k, x_b)] = mean_b [max_{k != y_b} f_k - f_{y_b}]``.

    Given the logits of every state on the same batch, K >= 2, and the right classes (int64).
    """
    right = labels_B.expand(len(logits_PBK), -1).unsqueeze(-1)
    right_PB = logits_PBK.gather(-1, right).squeeze(-1)
    wrong_PB = logits_PBK.scatter(-1, right, -torch.inf).amax(-1)
    return (wrong_PB - right_PB).mean(-1)
