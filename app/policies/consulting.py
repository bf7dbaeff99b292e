"""Who may see consulting requests, and who may do what to them.

The client, the members of the team that it is for, and the consultant take part in a request. Before a contract
everybody who is signed in sees it, to propose. Who pays decides about money, and who works about the work.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, SQLColumnExpression, false, or_, select, true

from app.models.consulting.history import ConsultingFile, ConsultingMessage, ConsultingStep
from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import BEFORE_CONTRACT, ConsultingRequest
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads
from app.policies.accounts import belongs_to_team, visible_users


def is_of_client(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether a request is the viewer's own, or their team's."""
    if not viewer.is_signed_in:
        return false()
    own = names_viewer(viewer, ConsultingRequest.user_id)
    return or_(own, belongs_to_team(viewer, ConsultingRequest.team_id))


def takes_part(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer is the client, a member of the client's team, or the consultant."""
    return or_(is_of_client(viewer), names_viewer(viewer, ConsultingRequest.consultant_user_id))


@reads(ConsultingRequest)
def visible_consulting_requests(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who take part and staff; before a contract for all who are signed in and see the client."""
    if viewer.is_staff:
        return true()
    if not viewer.is_signed_in:
        return false()
    is_offered = ConsultingRequest.state.in_(BEFORE_CONTRACT) & ConsultingRequest.user.has(visible_users(viewer))
    return or_(takes_part(viewer), is_offered)


def _of_request(rule: ColumnElement[bool], request_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether a row belongs to a request for which a rule holds."""
    return request_id.in_(select(ConsultingRequest.id).where(rule).correlate(None))


@reads(ConsultingProposal)
def visible_consulting_proposals(viewer: AnyViewer) -> ColumnElement[bool]:
    """For who made it, the client with their team, and staff; other consultants do not see it."""
    if viewer.is_staff:
        return true()
    if not viewer.is_signed_in:
        return false()
    own = names_viewer(viewer, ConsultingProposal.consultant_user_id)
    return or_(own, _of_request(is_of_client(viewer), ConsultingProposal.request_id))


@reads(ConsultingMessage)
def visible_consulting_messages(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who take part, and staff."""
    return true() if viewer.is_staff else _of_request(takes_part(viewer), ConsultingMessage.request_id)


@reads(ConsultingStep)
def visible_consulting_steps(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who take part, and staff."""
    return true() if viewer.is_staff else _of_request(takes_part(viewer), ConsultingStep.request_id)


@reads(ConsultingFile)
def visible_consulting_files(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see the request."""
    if viewer.is_staff:
        return true()
    return _of_request(visible_consulting_requests(viewer), ConsultingFile.request_id)


class Standing(NamedTuple):
    """A request, and whether the viewer takes part in it."""

    request: ConsultingRequest
    takes_part: bool


def may_write_about_this_consulting_request(viewer: Viewer, standing: Standing) -> bool:
    """For those who take part, and staff: messages and files."""
    return viewer.is_staff or standing.takes_part


def may_decide_for_the_client_of_this_consulting_request(viewer: Viewer, request: ConsultingRequest) -> bool:
    """For who pays: other members of a team do not spend the money of one."""
    return is_viewer(viewer, request.user_id)


def may_work_on_this_consulting_request(viewer: Viewer, request: ConsultingRequest) -> bool:
    """For the consultant of its contract."""
    return is_viewer(viewer, request.consultant_user_id)


def may_end_this_consulting_request(viewer: Viewer, request: ConsultingRequest) -> bool:
    """For both parties: who pays, and who works."""
    return is_viewer(viewer, request.user_id) or is_viewer(viewer, request.consultant_user_id)


def may_withdraw_this_proposal(viewer: Viewer, proposal: ConsultingProposal) -> bool:
    """For who made it."""
    return is_viewer(viewer, proposal.consultant_user_id)


def may_decide_this_dispute(viewer: Viewer, request: ConsultingRequest) -> bool:
    """For staff, except for parties of the contract."""
    return viewer.is_staff and not may_end_this_consulting_request(viewer, request)
