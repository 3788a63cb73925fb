"""The budget that all methods of one table meet: a share of the MACs, or a latency."""

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

BudgetSetting = Literal["keep_macs", "target_speedup", "target_latency_ms"]
BUDGET_SETTINGS: Final[tuple[BudgetSetting, ...]] = get_args(BudgetSetting)

_NAMES: Final[dict[BudgetSetting, str]] = {
    "keep_macs": "{:.6g}",
    "target_speedup": "{:.6g}x",
    "target_latency_ms": "{:.6g}ms",
}
_WORDS: Final[dict[BudgetSetting, str]] = {
    "keep_macs": "{:.6g} % of the MACs",
    "target_speedup": "{:.6g}x the speed",
    "target_latency_ms": "{:.6g} ms a call",
}


@dataclass(frozen=True)
class CellBudget:
    """The setting of ``compress run`` that asks for the budget, and its value. Six digits tell two budgets apart."""

    setting: BudgetSetting
    value: float

    @property
    def is_latency(self) -> bool:
        """Whether it limits the milliseconds of a call, not the MACs."""
        return self.setting != "keep_macs"

    @property
    def name(self) -> str:
        """Its part of a folder's name: ``50``, ``2x``, ``1.5ms``."""
        return _NAMES[self.setting].format(self._shown)

    @property
    def words(self) -> str:
        """``50 % of the MACs``, ``2x the speed``, ``1.5 ms a call``."""
        return _WORDS[self.setting].format(self._shown)

    @property
    def _shown(self) -> float:
        return self.value if self.is_latency else 100 * self.value

    def as_settings(self) -> dict[str, Any]:
        """All settings that ask for a budget; the others are open."""
        return {name: self.value if name == self.setting else None for name in BUDGET_SETTINGS}
