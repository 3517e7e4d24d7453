"""OBS Studio over obs-websocket 5: the protocol, a client, and the recording's clock."""
