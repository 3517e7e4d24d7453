from typing import Generic, TypeVar

C = TypeVar("C")

class BasePlugin(Generic[C]):
    def __init__(self, context: C) -> None: ...
