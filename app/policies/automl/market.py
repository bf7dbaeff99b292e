"""Who sees offers, purchases and reviews in the market."""

from sqlalchemy import ColumnElement, false, or_, select, true

from app.models.accounts import User
from app.models.automl.market import Listing, ListingReview, ListingUsage, Purchase, PurchaseState
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads
from app.policies.accounts import visible_users
from app.policies.automl.machines import of_used


def is_offered(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether an offer is open for the viewer, and its seller may sell: accounts that are suspended sell nothing."""
    sells = select(User.id).where(User.id == Listing.seller_id, User.is_active, User.anonymised_at.is_(None))
    return Listing.is_open & sells.where(visible_users(viewer)).exists()


@reads(Listing)
def visible_listings(viewer: AnyViewer) -> ColumnElement[bool]:
    """What is offered, for everybody; closed offers for those who use the machine, those who bought it, and staff."""
    if viewer.is_staff:
        return true()
    if not viewer.is_signed_in:
        return is_offered(viewer)
    kept = names_viewer(viewer, Purchase.buyer_id) & (Purchase.state != PurchaseState.FAILED)
    bought = select(Purchase.listing_id).where(kept, Purchase.listing_id.is_not(None)).correlate(None)
    asked = select(ListingUsage.listing_id).where(names_viewer(viewer, ListingUsage.user_id)).correlate(None)
    return or_(is_offered(viewer), of_used(viewer, Listing.machine_id), Listing.id.in_(bought), Listing.id.in_(asked))


@reads(Purchase)
def visible_purchases(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own; all for staff. Sellers see what they earned, and not from whom."""
    return true() if viewer.is_staff else names_viewer(viewer, Purchase.buyer_id)


@reads(ListingUsage)
def visible_listing_usages(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own; all for staff."""
    return true() if viewer.is_staff else names_viewer(viewer, ListingUsage.user_id)


@reads(ListingReview)
def visible_listing_reviews(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see the offer and the account of who wrote it."""
    if viewer.is_staff:
        return true()
    seen = ListingReview.listing_id.in_(select(Listing.id).where(visible_listings(viewer)).correlate(None))
    own = names_viewer(viewer, ListingReview.user_id) if viewer.is_signed_in else false()
    return or_(seen & ListingReview.user.has(visible_users(viewer)), own)


def may_delete_this_review(viewer: Viewer, review: ListingReview) -> bool:
    """For who wrote it, and staff."""
    return viewer.is_staff or is_viewer(viewer, review.user_id)
