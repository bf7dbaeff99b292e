"""Requests for help, and their end before a contract."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal

from limits import RateLimitItemPerHour
from sqlalchemy import select, update

from app import checks
from app.database import WriteSession
from app.errors import NotFound
from app.limits.consulting import CONSULTING_TEXT_LENGTH_MAX
from app.models.accounts import Team
from app.models.automl.machines import Machine
from app.models.consulting.history import ConsultingStepKind
from app.models.consulting.proposals import ConsultingProposal, ConsultingProposalState
from app.models.consulting.requests import BEFORE_CONTRACT, ConsultingCategory, ConsultingRequest, ConsultingState
from app.policies import Viewer, signed_in, visible
from app.policies.accounts import belongs_to_team
from app.policies.automl.machines import is_used_by
from app.rates import Rates, Share
from app.services.billing import amounts
from app.services.consulting.transitions import Step, move, record
from app.settings import settings


@dataclass(frozen=True)
class Brief:
    """What somebody asks for."""

    category: ConsultingCategory
    description: str
    budget_estimation: Decimal | None = None
    team_id: int | None = None
    machine_id: int | None = None


def limit_rate(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer made too many requests, proposals and messages."""
    limit = RateLimitItemPerHour(settings.consulting_changes_per_hour_max)
    what = f"The limit is {limit.amount} requests, proposals, messages and files of consulting per hour."
    return rates.spending(Share(limit, f"consulting:{signed_in(viewer)}", what))


def text_of(field: str, value: str) -> str:
    """A text of a request, such as its description or a message."""
    return checks.text(field, value, length_max=CONSULTING_TEXT_LENGTH_MAX, is_one_line=False)


async def ask(session: WriteSession, viewer: Viewer, brief: Brief) -> ConsultingRequest:
    """Asks all consultants for help."""
    user_id = signed_in(viewer)
    budget = brief.budget_estimation
    request = ConsultingRequest(
        user_id=user_id,
        category=brief.category,
        description=text_of("description", brief.description),
        budget_estimation=None if budget is None else amounts.positive("budgetEstimation", budget),
        team_id=await _team(session, viewer, brief.team_id),
        machine_id=await _machine(session, viewer, brief.machine_id),
    )
    session.add(request)
    await session.flush()
    await record(session, request, Step(ConsultingStepKind.REQUESTED, user_id, ""))
    return request


async def _team(session: WriteSession, viewer: Viewer, team_id: int | None) -> int | None:
    if team_id is None:
        return None
    own = select(Team.id).where(Team.id == team_id, belongs_to_team(viewer, Team.id))
    if await session.scalar(own.with_for_update(read=True, key_share=True, of=Team)) is None:
        raise NotFound("You are in no such team.")
    return team_id


async def _machine(session: WriteSession, viewer: Viewer, machine_id: int | None) -> int | None:
    if machine_id is None:
        return None
    used = visible(Machine, viewer).where(Machine.id == machine_id, is_used_by(viewer))
    if await session.scalar(used.with_only_columns(Machine.id)) is None:
        raise NotFound("You use no such machine.")
    return machine_id


async def cancel_before_contract(
    session: WriteSession, request: ConsultingRequest, *, actor_id: int | None, note: str | None
) -> None:
    """Ends a locked request that has no contract: no money is held for it."""
    step = Step(ConsultingStepKind.CANCELLED, actor_id, "A consulting request was cancelled.", note=note)
    await move(session, request, ConsultingState.CANCELLED, step, of=BEFORE_CONTRACT)
    await decline_open(session, request)


async def decline_open(session: WriteSession, request: ConsultingRequest) -> None:
    """Declines all proposals that are still open."""
    open_ = ConsultingProposal.request_id == request.id, ConsultingProposal.state == ConsultingProposalState.OPEN
    await session.execute(update(ConsultingProposal).where(*open_).values(state=ConsultingProposalState.DECLINED))
