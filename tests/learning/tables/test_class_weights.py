"""Weights of classes: a label that counts more is answered more often."""

from tests.learning.tables.trained import KIND, RANDOM, SIZES, Trained, column


def test_weights_of_classes_are_given_by_label_and_unknown_ones_are_warned_of(tmp_path):
    kinds = ["Ja" if size > 1.2 else "Nein" for size in SIZES]
    noisy = [(column("size"), [size + float(RANDOM.normal()) for size in SIZES]), (KIND[0], kinds)]

    plain = Trained(tmp_path / "plain", noisy)
    weighed = Trained(tmp_path / "weighed", noisy, class_weights={" ja ": 8.0, "vielleicht": 2})

    odds = [each.answers([{"size": 0.8}]).probabilities[0][0] for each in (plain, weighed)]
    assert odds[1] > odds[0] + 0.1
    assert weighed.outcome["warnings"] == ['No row has the label "vielleicht", so its weight changed nothing.']
