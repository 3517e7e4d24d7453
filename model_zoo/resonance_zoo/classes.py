"""The order of the seven emotions in every array, label file and output of the zoo."""

CLASSES = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
