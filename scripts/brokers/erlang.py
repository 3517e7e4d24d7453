"""RabbitMQ and ejabberd, which run on Erlang."""

from __future__ import annotations

import os
from pathlib import Path

from brokers.free_ports import free_port
from brokers.running import Place, Start

RABBITMQ = """\
listeners.tcp = none
mqtt.listeners.tcp.1 = 127.0.0.1:{port}
web_mqtt.tcp.ip = 127.0.0.1
web_mqtt.tcp.port = {web_port}
mqtt.allow_anonymous = true
"""
EJABBERD = """\
hosts: [localhost]
loglevel: warning
auth_method: [anonymous]
anonymous_protocol: login_anon
allow_multiple_connections: true
listen:
  - {{port: {port}, ip: 127.0.0.1, module: mod_mqtt, backlog: 1000}}
  - port: {web_port}
    ip: 127.0.0.1
    module: ejabberd_http
    request_handlers: {{/mqtt: mod_mqtt}}
modules:
  mod_mqtt: {{access_publish: {{"resonance/#": [{{allow: all}}]}}}}
"""
MAIN = "beam.smp"


def rabbitmq(place: Place) -> Start:
    root, store = place.kit / "root", place.store
    configuration = RABBITMQ.format(port=place.port, web_port=place.web_port)
    environment = _environment(root, store) | {
        "RABBITMQ_CONFIG_FILE": str(place.write("rabbitmq.conf", configuration)),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(
            place.write("enabled_plugins", "[rabbitmq_mqtt,rabbitmq_web_mqtt].\n")
        ),
        "RABBITMQ_CONF_ENV_FILE": str(place.write("rabbitmq-env.conf", "")),
        "RABBITMQ_MNESIA_BASE": str(store / "data"),
        "RABBITMQ_LOG_BASE": str(store / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_NODENAME": "bench@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
    }
    (server,) = root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
    return Start((str(server),), environment, beside=(_epmd(root),), main=MAIN)


def ejabberd(place: Place) -> Start:
    root, store = place.kit / "root", place.store
    configuration = EJABBERD.format(port=place.port, web_port=place.web_port)
    environment = _environment(root, store) | {
        "EJABBERD_CONFIG_PATH": str(place.write("ejabberd.yml", configuration)),
        "EJABBERD_LOG_PATH": str(store / "ejabberd.log"),
        "ERL_LIBS": ":".join(str(each) for each in sorted(root.glob("usr/lib/*-linux-gnu"))),
    }
    node = ("-sname", "ejabberd@localhost", "-start_epmd", "false")
    data = ("-mnesia", "dir", f'"{store / "data"}"')
    command = (str(root / "usr/lib/erlang/bin/erl"), *node, *data, "-noinput", "-s", "ejabberd")
    return Start(command, environment, beside=(_epmd(root),), main=MAIN)


def _environment(root: Path, store: Path) -> dict[str, str]:
    """A home, and with it a secret and a registry of nodes, of this run alone."""
    folders = (root / "usr/lib/erlang/bin", root / "usr/bin")
    return {
        "HOME": str(store),
        "LANG": "C.UTF-8",
        "PATH": os.pathsep.join((*map(str, folders), os.environ.get("PATH", ""))),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(free_port()),
    }


def _epmd(root: Path) -> tuple[str, ...]:
    """In the foreground, so that it ends with the broker; port and address by the environment."""
    (program,) = root.glob("usr/lib/erlang/erts-*/bin/epmd")
    return (str(program),)
