"""Keeps every optimizer's hands off dropped units, wherever the user's loop calls ``optimizer.step``."""

import weakref
from contextlib import ExitStack
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from compress.edropout.dropped_weights import DroppedWeights


class OptimizerGuard:
    """While it holds a state, weights of its dropped units are the same after an optimizer's step as before it.

    It works through torch's hooks around the step of any optimizer, so it does not matter whether that step comes
    inside the masked context or after it, and a gradient scaler that leaves a step out is no special case.
    """

    def __init__(self) -> None:
        self._hooks = ExitStack()
        weakref.finalize(self, self._hooks.close)  # torch keeps hooks of all optimizers for ever

    def hold(self, dropped: DroppedWeights) -> None:
        """Guard these weights from now on, in place of those held before."""
        self.release()
        own = {id(parameter) for parameter in dropped.parameters}
        before: dict[int, list[Tensor]] = {}  # of each optimizer: a wrapper's step has that of another one inside

        def save(optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
            if any(id(parameter) in own for group in optimizer.param_groups for parameter in group["params"]):
                before[id(optimizer)] = dropped.save()

        def restore(optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
            if (saved := before.pop(id(optimizer), None)) is not None:
                dropped.restore(saved)

        if own:
            for handle in (register_optimizer_step_pre_hook(save), register_optimizer_step_post_hook(restore)):
                self._hooks.callback(handle.remove)

    def release(self) -> None:
        """Guard nothing."""
        self._hooks.close()
