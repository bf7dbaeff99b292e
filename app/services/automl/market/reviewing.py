"""Reviews of offers, by those who bought them."""

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.limits import automl as limits
from app.models.automl.market import Listing, ListingReview, ListingUsage, Purchase, PurchaseState
from app.policies import Viewer, require, signed_in, visible
from app.policies.automl.market import may_delete_this_review
from app.services.accounts.users.deletion import on_parting
from app.services.automl.market import listing as listings
from app.services.system import audit, notifications


async def review(
    session: WriteSession, viewer: Viewer, listing_id: int, *, stars: int, comment: str | None
) -> ListingReview:
    """The viewer's review of what they bought; a second one replaces the first."""
    user_id = signed_in(viewer)
    checks.within("stars", stars, limits.REVIEW_STARS_MIN, limits.REVIEW_STARS_MAX)
    text = checks.optional_text("comment", comment, length_max=limits.REVIEW_LENGTH_MAX) or ""
    seen = visible(Listing, viewer).where(Listing.id == listing_id).with_only_columns(Listing.id)
    if await session.scalar(seen) is None:
        raise NotFound("There is no such listing.")
    if not await _has(session, user_id, listing_id):
        raise Conflict("Only those who bought it, or had lines answered, can review it.")
    listing = await listings.locked(session, listing_id)
    if listing is None:
        raise NotFound("There is no such listing.")
    values = {"stars": stars, "comment": text, "updated_at": func.now()}
    written = insert_or_update(ListingReview).values(listing_id=listing_id, user_id=user_id, **values)
    again = written.on_conflict_do_update(index_elements=["listing_id", "user_id"], set_=values)
    id = (await session.scalars(again.returning(ListingReview.id))).one()
    await _count(session, listing_id)
    audit.record(session, user_id, "reviewListing", about=listing, stars=stars)
    message = f"One of your listings was reviewed with {stars} of {limits.REVIEW_STARS_MAX} stars."
    notifications.notify(session, listing.seller_id, message, about=listing, event=f"reviewed:{id}")
    return await session.get_one(ListingReview, id, populate_existing=True)


async def _has(session: ReadSession, user_id: int, listing_id: int) -> bool:
    bought = Purchase.buyer_id == user_id, Purchase.listing_id == listing_id
    done = select(Purchase.id).where(*bought, Purchase.state == PurchaseState.COMPLETED).limit(1)
    asked = select(ListingUsage.id).where(ListingUsage.user_id == user_id, ListingUsage.listing_id == listing_id)
    return await session.scalar(done) is not None or await session.scalar(asked.limit(1)) is not None


async def _count(session: WriteSession, listing_id: int) -> None:
    of_listing = ListingReview.listing_id == listing_id
    count = select(func.count()).where(of_listing).scalar_subquery()
    mean = select(func.coalesce(func.avg(ListingReview.stars), 0)).where(of_listing).scalar_subquery()
    counted = update(Listing).where(Listing.id == listing_id).values(reviews_count=count, rating=mean)
    await session.execute(counted.execution_options(synchronize_session=False))


async def delete_review(session: WriteSession, viewer: Viewer, review_id: int) -> Listing:
    """Deletes the viewer's review, or for staff anybody's; the listing without it."""
    row = await session.scalar(visible(ListingReview, viewer).where(ListingReview.id == review_id))
    if row is None:
        raise NotFound("There is no such review.")
    require(may_delete_this_review, viewer, row)
    listing_id = row.listing_id
    await listings.locked(session, listing_id)
    await session.execute(delete(ListingReview).where(ListingReview.id == review_id))
    await _count(session, listing_id)
    audit.record(session, signed_in(viewer), "deleteReview", about=row, user_id=row.user_id)
    await session.flush()
    return await session.get_one(Listing, listing_id, populate_existing=True)


@on_parting
async def remove_reviews(session: WriteSession, user_id: int) -> None:
    """A user's reviews go with the account."""
    gone = delete(ListingReview).where(ListingReview.user_id == user_id).returning(ListingReview.listing_id)
    for listing_id in sorted((await session.scalars(gone)).all()):
        await listings.locked(session, listing_id)
        await _count(session, listing_id)
