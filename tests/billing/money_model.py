"""A plain model of what people do with money: dictionaries of decimals."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from app.models.billing.ledger import Currency
from tests.billing.consulting_acts import Agreed

SMALLEST = Decimal("0.00000001")


@dataclass
class Given:
    """A grant in the model."""

    user: int
    currency: Currency
    priority: int
    left: Decimal
    held: Decimal = Decimal(0)
    has_ended: bool = False


@dataclass
class Held:
    """A reservation in the model: what it holds of which grants, and of the wallet under None."""

    user: int
    parts: list[tuple[int | None, Decimal]]
    is_held: bool = True
    has_expired: bool = False


@dataclass
class Ordered:
    """A price in US dollars that is held until something is delivered, in the model."""

    buyer: int
    seller: int
    price: Decimal
    is_held: bool = True


@dataclass
class Model:
    """What people have, in dictionaries of decimals."""

    usd: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    eaml: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    eaml_held: dict[int, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    grants: dict[int, Given] = field(default_factory=dict)
    reservations: dict[int, Held] = field(default_factory=dict)
    moved: dict[int, dict[int, Decimal]] = field(default_factory=dict)
    contracts: dict[int, Agreed] = field(default_factory=dict)
    orders: dict[int, Ordered] = field(default_factory=dict)

    def free(self, user: int) -> Decimal:
        """The dollars of a user that nothing holds."""
        held = [each.price for each in self.orders.values() if each.buyer == user and each.is_held]
        return self.usd[user] - sum(held, Decimal(0))

    def take(self, user: int, amount: Decimal) -> list[tuple[int | None, Decimal]]:
        """Holds tokens and coupons in the order in which they are spent."""
        parts: list[tuple[int | None, Decimal]] = []
        for source, has in self.sources(user):
            if taken := min(has, amount):
                amount -= taken
                parts.append((source, taken))
                if source is None:
                    self.eaml_held[user] += taken
                else:
                    self.grants[source].held += taken
        return parts

    def sources(self, user: int) -> list[tuple[int | None, Decimal]]:
        """What can be spent, in its order."""
        theirs = [(id, each) for id, each in self.grants.items() if each.user == user and not each.has_ended]
        theirs.sort(key=lambda pair: (pair[1].currency is not Currency.COUPON, pair[1].priority, pair[0]))
        free = [(id, each.left - each.held) for id, each in theirs]
        return [pair for pair in [*free, (None, self.eaml[user] - self.eaml_held[user])] if pair[1] > 0]

    def release(self, held: Held, *, posted: Decimal = Decimal(0)) -> None:
        """Ends a reservation, and takes what of it is posted."""
        held.is_held = False
        for source, amount in held.parts:
            taken = min(amount, posted)
            posted -= taken
            if source is None:
                self.eaml_held[held.user] -= 0 if held.has_expired else amount
                self.eaml[held.user] -= taken
            else:
                self.grants[source].held -= 0 if held.has_expired else amount
                self.grants[source].left -= taken

    def expire(self, held: Held) -> None:
        """From now on it holds nothing."""
        if not held.has_expired:
            held.has_expired = True
            for source, amount in held.parts:
                if source is None:
                    self.eaml_held[held.user] -= amount
                else:
                    self.grants[source].held -= amount
