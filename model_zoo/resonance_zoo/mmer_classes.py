"""The columns that MMEmotionRecognition reads, and the two orders in which it answers.

RAVDESS has eight emotions: the zoo's seven, with "calm" beside them.
"""

from __future__ import annotations

# The perceptron answers in the order of RAVDESS's codes 1 to 8, the recurrent network and the
# speech network in alphabetical order.
RAVDESS_CLASSES = (
    "neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise",
)  # fmt: skip
ALPHABETICAL_CLASSES = (
    "anger", "calm", "disgust", "fear", "happiness", "neutral", "sadness", "surprise",
)  # fmt: skip
# ravdess = alphabetical[..., ALPHABETICAL_TO_RAVDESS]
ALPHABETICAL_TO_RAVDESS = tuple(ALPHABETICAL_CLASSES.index(name) for name in RAVDESS_CLASSES)

_INTENSITIES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
_PRESENCES = (*_INTENSITIES[:-1], 28, 45)
# Action units as OpenFace writes them: 17 intensities (0 to 5), then 18 presences (0 or 1).
ACTION_UNITS = (
    *(f"AU{unit:02}_r" for unit in _INTENSITIES),
    *(f"AU{unit:02}_c" for unit in _PRESENCES),
)
