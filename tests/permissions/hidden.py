"""People whom somebody else must not see, and all the ways in which they are seen until then."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from app.database import Database
from app.models.accounts import OsmAccount, Profile, User
from app.models.automl.market import (
    Listing,
    ListingKind,
    ListingReview,
    ListingUsage,
    Purchase,
    PurchaseKind,
)
from app.models.automl.readings import TableReading
from app.models.automl.works import Work
from app.models.base import Record
from app.models.billing.ledger import Currency, OperationCause
from app.models.billing.reservations import Reservation, ReservationState
from app.models.consulting.history import ConsultingFile
from app.models.mapping.feedback import Review
from app.models.reports import Report, ReportAction, ReportReason, ReportState
from app.models.social import (
    Conversation,
    FriendRequest,
    Friendship,
    Like,
    Message,
    Mute,
    Post,
    PostHashtag,
    PostMention,
    PostRevision,
    Share,
)
from app.models.system import AuditEntry, FileUpload, IdempotencyKey
from app.models.usernames import FormerUsername
from app.models.wildlife.classification_projects import ClassificationProjectMember, ClassificationProjectRole
from app.models.wildlife.exchange import WildlifeExport, WildlifeExportFormat, WildlifeImport, WildlifeImportFormat
from app.models.wildlife.species_classifiers import SpeciesClassifierTraining
from app.policies import Viewer
from app.services.accounts.teams import invitations, memberships
from app.services.consulting import correspondence, settlements
from app.services.social import messages
from app.services.social.people import friends
from app.services.wildlife.classifications.approvals import approving, bulk_approvals
from app.services.wildlife.classifications.approvals.bulk import Criteria
from app.tabular.choices import WorkKind
from resolvers import ids
from tests import factories
from tests.consulting.people import contract_between
from tests.fixtures import Person
from tests.permissions.world import NOW, World, world
from tests.wildlife import ai_rows, classifying
from tests.wildlife import factories as wildlife

MARK = "zephyrine"
"""What is in every name of theirs, and in all that they have said."""
NAMES = ("friend", "asking", "far", "muted")
"""A friend of the one who looks; who asks to be; a friend of that friend; and whom they have muted."""
ABOUT_A_POST = {"subject_type": "Post", "reason": ReportReason.SPAM}
THEIRS: dict[type[Record], tuple[InstrumentedAttribute[int], ...]] = {
    User: (User.id,),
    Profile: (Profile.id,),
    OsmAccount: (OsmAccount.id,),
    Post: (Post.author_id,),
    Like: (Like.user_id,),
    Friendship: (Friendship.user_id, Friendship.friend_id),
    FriendRequest: (FriendRequest.from_user_id, FriendRequest.to_user_id),
    Message: (Message.sender_id, Message.receiver_id),
    Conversation: (Conversation.user_id, Conversation.other_id),
}
"""What is themselves. What they have mapped and trained is everybody's and stays, without their name."""


@dataclass(frozen=True)
class Society:
    """Who looks, whom they must not see in the end, and somebody between whom they see."""

    here: World
    viewer: Person
    hidden: dict[str, Person]
    between: Person
    marks: frozenset[str]

    def weight(self, row: Any) -> tuple[bool, int]:
        """The more, the more a row has to do with the hidden; of two, the newer one."""
        owner_id = row.id if isinstance(row, User) else getattr(row, "user_id", getattr(row, "author_id", None))
        return owner_id == self.hidden["friend"].id, row.id


async def society(database: Database) -> Society:
    """Makes the people and everything between them."""
    here = await world(database)
    hidden = {"friend": here.people["owner"]}
    for name in NAMES[1:]:
        made = await factories.user(database, f"{MARK}_{name}")
        hidden[name] = Person(made.user, made.token)
    viewer, between = here.people["other"], here.people["member"]
    await _name(database, hidden)
    await _befriend(database, viewer, between, hidden)
    await _talk(database, viewer, between, hidden["friend"])
    await _work(database, viewer, hidden["friend"])
    await _watch(database, viewer, hidden["friend"])
    await _organise(database, viewer, hidden["friend"])
    await _make_machine(database, viewer, hidden["friend"])
    await _consult(database, viewer, hidden["friend"])
    await _trade(database, viewer, hidden["friend"])
    return Society(here, viewer, hidden, between, await marks_of(database, hidden.values()))


async def _name(database: Database, hidden: dict[str, Person]) -> None:
    """Lets them say who they are wherever they can."""
    async with database.writing() as session:
        for name, person in hidden.items():
            said = dict.fromkeys(("first_name", "last_name", "user_profile"), f"{MARK} {name}")
            named = {"username": f"{MARK}_{name}", "email": f"{MARK}_{name}@fieldgraph.test"}
            await session.execute(update(User).where(User.id == person.id).values(said | named))
            shown = {"bio": MARK, "location": MARK, "website": f"https://{MARK}.example.org", "avatar_key": "0" * 64}
            await session.execute(update(Profile).where(Profile.id == person.id).values(shown))
        session.add(
            FormerUsername(
                user_id=hidden["friend"].id,
                username=f"{MARK}_before",
                username_key=f"{MARK}_before",
                reserved_until=NOW,
            )
        )
        osm = update(OsmAccount).where(OsmAccount.id == hidden["friend"].id)
        await session.execute(osm.values(username=MARK, img_url=f"https://{MARK}.example.org/me.png"))


async def _befriend(database: Database, viewer: Person, between: Person, hidden: dict[str, Person]) -> None:
    friend = hidden["friend"]
    await factories.add(database, Friendship(user_id=viewer.id, friend_id=friend.id))
    await factories.befriend(database, between.id, viewer.id)
    await factories.befriend(database, friend.id, hidden["far"].id)
    await factories.befriend(database, between.id, hidden["far"].id)
    await factories.befriend(database, between.id, friend.id)
    await factories.add(database, FriendRequest(from_user_id=between.id, to_user_id=hidden["asking"].id))
    for who, whom in ((viewer, hidden["muted"]), (friend, viewer)):
        await factories.add(database, Mute(user_id=who.id, muted_id=whom.id))
    async with database.writing() as session:
        await friends.send_friend_request(session, Viewer(hidden["asking"].id), viewer.id)


async def _talk(database: Database, viewer: Person, between: Person, friend: Person) -> None:
    async with database.writing() as session:
        for sender, receiver in ((friend, viewer), (viewer, friend), (viewer, between)):
            said = MARK if sender is friend else "Hello."
            await messages.send_message(session, Viewer(sender.id), receiver_id=receiver.id, content=said)
    theirs = await factories.post(database, friend.id, content=f"{MARK} #roofs")
    own = await factories.post(database, viewer.id)
    await factories.post(database, friend.id, parent=own, content=MARK)
    answer = await factories.post(database, viewer.id, parent=theirs)
    await factories.post(database, friend.id, parent=answer, content=MARK)
    other = await factories.post(database, between.id)
    for row in (
        *(Like(user_id=friend.id, post_id=post.id) for post in (own, other)),
        *(Like(user_id=person.id, post_id=theirs.id) for person in (viewer, between)),
        Share(user_id=friend.id, post_id=own.id),
        PostMention(post_id=other.id, user_id=friend.id),
        PostMention(post_id=theirs.id, user_id=viewer.id),
        PostHashtag(post_id=theirs.id, name="roofs"),
        PostRevision(post_id=theirs.id, content=MARK),
        Report(**ABOUT_A_POST, user_id=viewer.id, subject_key=theirs.id, accused_id=friend.id, evidence=MARK),
        Report(**ABOUT_A_POST, user_id=friend.id, subject_key=own.id, accused_id=viewer.id),
        Report(
            **ABOUT_A_POST | {"state": ReportState.DISMISSED, "action": ReportAction.DISMISS},
            user_id=viewer.id,
            subject_key=other.id,
            accused_id=between.id,
            resolved_by_id=friend.id,
            resolved_at=NOW,
        ),
    ):
        await factories.add(database, row)


async def _work(database: Database, viewer: Person, friend: Person) -> None:
    """Lets them have done everything there is to do on the other's maps."""
    dataset = await factories.dataset(database, viewer.id)
    aoi = await factories.aoi(database, dataset, user_id=friend.id)
    await factories.label(database, aoi, user_id=friend.id)
    await factories.label_import(database, aoi, user_id=friend.id)
    await factories.inspection(database, dataset, user_id=friend.id)
    training = await factories.training(database, await factories.model(database, dataset), user_id=friend.id)
    prediction = await factories.prediction(database, training, published=True, user_id=friend.id)
    await factories.feature(database, prediction)
    await factories.artifact(database, prediction_id=prediction.id)
    await factories.feedback(database, training, user_id=friend.id)
    await factories.approved_prediction(database, training, user_id=friend.id)
    area = await factories.feedback_aoi(
        database, training, user_id=friend.id, review=Review.APPROVED, reviewed_by_id=friend.id, reviewed_at=NOW
    )
    await factories.feedback_label(database, area, user_id=friend.id)
    told = {"training_id": training.id, "subject_type": "Prediction", "subject_key": prediction.id}
    await factories.notification(database, viewer.id, **told)


async def _watch(database: Database, viewer: Person, friend: Person) -> None:
    """Lets them have done everything there is to do in projects with camera traps that the other works in."""
    await wildlife.season(database, friend.id, viewer.id)
    at = await classifying.season(database, friend.id)
    await classifying.joined(database, at, viewer.id)
    works_in = {"project_id": at.project.id, "user_id": friend.id, "role": ClassificationProjectRole.ADMIN}
    await factories.add(database, ClassificationProjectMember(**works_in))
    await classifying.by_ai(database, at, 0, classifying.seen(at.fox))
    await _approve(database, at, friend)
    await ai_rows.everything(database, friend.id, at)
    await classifying.classificator(database, friend.id)
    await classifying.classification_project(database, at.research, name="Ended", disabled_by_id=friend.id)
    exchanged = {"user_id": friend.id, "classification_project_id": at.project.id}
    for row in (
        SpeciesClassifierTraining(
            project_id=at.project.id, user_id=friend.id, name="Forest", seed=1, species_ids=[at.fox.id], crop_counts={}
        ),
        WildlifeImport(
            **exchanged,
            research_project_id=at.research.id,
            format=WildlifeImportFormat.CAMTRAP_DP,
            dry_run=False,
            keep_good=False,
            files={},
        ),
        WildlifeExport(**exchanged, format=WildlifeExportFormat.CAMTRAP_DP),
    ):
        await factories.add(database, row)


async def _approve(database: Database, at: classifying.Season, friend: Person) -> None:
    """Lets them approve in bulk and take it back, and then approve one row."""
    row = await classifying.by_person(database, at, 1, friend.id, classifying.seen(at.deer))
    criteria, approver = Criteria(at.project.id, ids=[row.id]), Viewer(friend.id)
    async with database.writing() as session:
        bulk = await bulk_approvals.approve_classifications(session, approver, criteria)
        await bulk_approvals.revert_bulk_approval(session, approver, bulk.id)
    version = (await classifying.final(database, at, 1)).version
    async with database.writing() as session:
        await approving.approve_classification(session, approver, row.id, expected_version=version)


async def _organise(database: Database, viewer: Person, friend: Person) -> None:
    await factories.team(database, friend.id, viewer.id, name="Theirs")
    own = await factories.team(database, viewer.id, friend.id, name="Ours")
    await _come_and_go(database, viewer, friend)
    await factories.team_invitation(database, own, "by them", user_id=friend.id)
    invitation = {"action": "renameTeam", "subject_type": "User", "subject_key": friend.id}
    await factories.add(database, AuditEntry(actor_id=friend.id, user_id=viewer.id, **invitation))
    await factories.add(database, AuditEntry(actor_id=viewer.id, user_id=friend.id, **invitation))
    await factories.notification(database, viewer.id, subject_type="User", subject_key=friend.id)
    asked = {"key": MARK, "field": "renameTeam", "request": MARK.encode(), "outcome": {"user": friend.id, "name": MARK}}
    await factories.add(database, IdempotencyKey(user_id=friend.id, **asked))
    await factories.add(database, FileUpload(user_id=friend.id, storage_key="uploads/1", size_bytes=1))


async def _make_machine(database: Database, viewer: Person, friend: Person) -> None:
    """Lets them make a machine of a table, and train it, for a team that the other is in, too."""
    await factories.add(database, TableReading(user_id=friend.id, storage_key="uploads/1"))
    team = await factories.team(database, friend.id, viewer.id, name="Machines")
    machine = await factories.machine(database, friend.id, machine_owner_team_id=team.id)
    await factories.add(database, Work(machine_id=machine.id, user_id=friend.id, kind=WorkKind.TRAINING))
    await factories.nn_model(database, machine.id)
    await factories.graph(database, machine.id)


async def _consult(database: Database, viewer: Person, friend: Person) -> None:
    """Lets each work for the other; the friend writes to both contracts, adds a file, and offers a settlement."""
    for client, consultant in ((viewer, friend), (friend, viewer)):
        contract = await contract_between(database, client, consultant)
        async with database.writing() as session:
            by, id = Viewer(friend.id), contract.request_id
            await settlements.offer(session, by, id, consultant_usd=Decimal(1), note="Let us part.")
            await correspondence.send_message(session, by, id, content="Hello.")
        given = {"name": "notes.txt", "media_type": "text/plain", "size_bytes": 1}
        row = ConsultingFile(request_id=id, user_id=friend.id, storage_key=f"consulting/{id}", **given)
        await factories.add(database, row)


async def _trade(database: Database, viewer: Person, friend: Person) -> None:
    """Lets them sell to each other, and review what they bought."""
    frozen = {"machine_name": "Cells", "price_usd": 0, "licence": "CC0", "licence_terms": ""}
    for seller, buyer in ((viewer, friend), (friend, viewer)):
        kept = {"machine_name": f"Of {seller.id}", "machine_data_source_is_public": True}
        machine = await factories.machine(database, seller.id, **kept)
        offered = {"machine_id": machine.id, "seller_id": seller.id, "summary": MARK if seller is friend else ""}
        listing = await factories.add(database, Listing(kind=ListingKind.DATA_SOURCE, **offered))
        bought = {"machine_id": machine.id, "listing_id": listing.id, "kind": PurchaseKind.DATA_SOURCE}
        if buyer is friend:
            await factories.add(database, Purchase(buyer_id=buyer.id, **bought, **frozen))
        used = {"listing_id": listing.id, "user_id": buyer.id}
        if buyer is friend:
            asked = {"day": NOW.date(), "calls_count": 1, "lines_count": 1, "price_usd": 0}
            await factories.add(database, ListingUsage(**used, **asked, licence="CC0", licence_terms=""))
        said = MARK if buyer is friend else "Good."
        await factories.add(database, ListingReview(**used, stars=5, comment=said))
    held = {"cause": OperationCause.MACHINE_COPY, "currency": Currency.USD, "amount": 1, "posted": 0}
    ended = {"state": ReservationState.VOID, "expires_at": NOW, "payee_id": friend.id}
    await factories.add(database, Reservation(user_id=viewer.id, **held, **ended))


async def _come_and_go(database: Database, viewer: Person, friend: Person) -> None:
    team = await factories.team(database, viewer.id, name="Open")
    await factories.team_invitation(database, team, "come and go")
    async with database.writing() as session:
        await invitations.accept_team_invitation(session, Viewer(friend.id), token="come and go")
        await memberships.leave_team(session, Viewer(friend.id), team.id)


async def marks_of(database: Database, hidden: Iterable[Person]) -> frozenset[str]:
    """The ids of themselves, and of what is theirs alone."""
    theirs = [person.id for person in hidden]
    async with database.reading() as session:
        found = [
            await session.scalars(select(table).where(or_(*(tie.in_(theirs) for tie in ties))))
            for table, ties in THEIRS.items()
        ]
    return frozenset(ids.encode(row) for rows in found for row in rows)


def seen(value: Any, marks: frozenset[str]) -> bool:
    """Whether somebody is named in an answer, by a word or by an id."""
    if isinstance(value, dict):
        return any(seen(each, marks) for each in (*value.values(), getattr(value, "errors", [])))
    if isinstance(value, list):
        return any(seen(each, marks) for each in value)
    return isinstance(value, str) and (MARK in value.casefold() or value in marks)
