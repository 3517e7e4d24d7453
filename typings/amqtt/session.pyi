class Session:
    client_id: str | None
    keep_alive: int
    will_flag: bool
