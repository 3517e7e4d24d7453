from collections.abc import Mapping, Sequence
from typing import Any, Self

from google.oauth2.credentials import Credentials

class InstalledAppFlow:
    @classmethod
    def from_client_config(
        cls, client_config: Mapping[str, Any], scopes: Sequence[str], **kwargs: Any
    ) -> Self: ...
    def run_local_server(
        self,
        host: str = "localhost",
        *,
        port: int = 8080,
        open_browser: bool = True,
        timeout_seconds: float | None = None,
    ) -> Credentials: ...
