"""Lengths of texts that tables of more than one domain hold."""

# Names of API keys, datasets and models.
NAME_LENGTH_MAX = 50
# A note by a person, a reason why something failed, the sentence of a notification.
NOTE_LENGTH_MAX = 500
URL_LENGTH_MAX = 200
