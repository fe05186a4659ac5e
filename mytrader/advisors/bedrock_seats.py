"""The seats on Bedrock: which agents and models are asked, and what they have in common."""

from collections.abc import Callable

from mytrader.advisors.answer_cache import AnswerCache
from mytrader.advisors.bedrock import AgentTarget, Door, ModelTarget, answer_within
from mytrader.advisors.breaker import Breaker
from mytrader.advisors.budget import Budget, Prices
from mytrader.advisors.outside import Noted, OutsideAdvisor, Shared, Target, Terms
from mytrader.advisors.panel import Seat
from mytrader.domain.decision import AdvisorRole
from mytrader.errors import InvariantBroken
from mytrader.ports import Runtime
from mytrader.service_settings import AwsAgentsSettings


class Bedrock:
    """The advisors on Bedrock that the settings name. Making it opens nothing.

    `noted` is told the cycle and the end of every call; `chance` returns numbers from 0 to 1;
    `budget` is the day's, with what a journal says was spent (`fresh_budget`, `Budget.restored`).
    A `door` that is given is left open.
    """

    def __init__(
        self,
        settings: AwsAgentsSettings,
        runtime: Runtime,
        *,
        noted: Noted,
        chance: Callable[[], float],
        budget: Budget | None = None,
        door: Door | None = None,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._door_is_ours = door is None
        self._door = Door(settings) if door is None else door
        cache = AnswerCache(settings.cache_entries, settings.cache_ttl)
        shared = Shared(budget or fresh_budget(settings), cache, noted=noted, chance=chance)
        self.shared = shared
        self.advisors = tuple(
            self._advisor(role, target, shared)
            for role in AdvisorRole
            if (target := self._target(role)) is not None
        )

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The seats for the panel, "bedrock-decision" first."""
        return tuple(Seat(each.name, each.role, each) for each in self.advisors)

    async def start(self) -> None:
        """Make the clients beside the loop, so that the first question does not wait for them."""
        await self._runtime.off_loop(self._warm)

    def close(self) -> None:
        """Tell of every call that is still under way; before the journal is closed."""
        for advisor in self.advisors:
            advisor.close()
        if self._door_is_ours:
            self._door.close()

    def _warm(self) -> None:
        named = {
            kind: any(getattr(self._settings, f"{role}_{kind}_id") for role in AdvisorRole)
            for kind in ("agent", "model")
        }
        self._door.warm(agents=named["agent"], models=named["model"])

    def _advisor(self, role: AdvisorRole, target: Target, shared: Shared) -> OutsideAdvisor:
        settings = self._settings
        return OutsideAdvisor(
            (f"bedrock-{role}", role),
            target,
            self._runtime,
            terms=Terms(answer_within(settings), settings.attempts_max),
            shared=shared,
            breaker=Breaker(settings.breaker_failures, settings.breaker_rest),
        )

    def _target(self, role: AdvisorRole) -> Target | None:
        settings = self._settings
        agent_id: str | None = getattr(settings, f"{role}_agent_id")
        alias_id: str | None = getattr(settings, f"{role}_agent_alias_id")
        model_id: str | None = getattr(settings, f"{role}_model_id")
        if agent_id is not None and alias_id is not None:
            return AgentTarget(self._door, agent_id, alias_id, call_usd=settings.agent_call_usd)
        if model_id is None:
            return None
        price_in, price_out = settings.price_in_usd_per_mtok, settings.price_out_usd_per_mtok
        if price_in is None or price_out is None:
            raise InvariantBroken("a model's prices are set: the settings see to it")
        return ModelTarget(
            self._door,
            model_id,
            prices=Prices(price_in, price_out),
            reply_tokens_max=settings.reply_tokens_max,
        )


def fresh_budget(settings: AwsAgentsSettings) -> Budget:
    """Return a day's budget of which nothing was spent."""
    return Budget(settings.calls_per_day_max, settings.cost_per_day_max)
