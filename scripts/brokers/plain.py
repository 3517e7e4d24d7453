"""Brokers that are one program and one file: Mosquitto, NATS, aedes, amqtt, ActiveMQ."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from brokers.errors import NotHere
from brokers.free_ports import free_port
from brokers.running import Place, Start

MOSQUITTO = """\
listener {port} 127.0.0.1
listener {web_port} 127.0.0.1
protocol websockets
allow_anonymous true
persistence true
persistence_location {store}/
autosave_interval 1
"""
NATS = """\
server_name: bench
listen: "127.0.0.1:{client_port}"
jetstream {{ store_dir: "{store}/data" }}
mqtt {{ listen: "127.0.0.1:{port}" }}
websocket {{ listen: "127.0.0.1:{web_port}", no_tls: true }}
"""
AEDES = """\
const {{ createServer }} = require('node:net')
const http = require('node:http')
const {{ Aedes }} = require('aedes')
const {{ WebSocketServer, createWebSocketStream }} = require('ws')

Aedes.createBroker().then((aedes) => {{
  createServer(aedes.handle).listen({port}, '127.0.0.1')
  const web = http.createServer().listen({web_port}, '127.0.0.1')
  new WebSocketServer({{ server: web }}).on('connection', (socket, request) => {{
    aedes.handle(createWebSocketStream(socket), request)
  }})
}})
"""
ACTIVEMQ = """\
<beans xmlns="http://www.springframework.org/schema/beans"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans
  http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" useJmx="false" brokerName="bench"
      dataDirectory="{store}/data">
    <persistenceAdapter><kahaDB directory="{store}/data/kahadb"/></persistenceAdapter>
    <transportConnectors>
      <transportConnector name="mqtt" uri="mqtt://127.0.0.1:{port}"/>
    </transportConnectors>
  </broker>
</beans>
"""


def mosquitto(place: Place, program: str = "") -> Start:
    """`program`: another one than that of the kit."""
    text = MOSQUITTO.format(port=place.port, web_port=place.web_port, store=place.store)
    # Started by root it would change to a user who cannot read the store.
    user = "user root\n" if os.geteuid() == 0 else ""
    conf = place.write("mosquitto.conf", text + user)
    program = program or str(place.kit / "root/usr/sbin/mosquitto")
    return Start((program, "-c", str(conf)), main="mosquitto")


def nats(place: Place, program: str = "") -> Start:
    """`program`: another one than that of the kit."""
    ports = {"port": place.port, "web_port": place.web_port, "client_port": free_port()}
    conf = place.write("nats.conf", NATS.format(store=place.store, **ports))
    found = (str(each) for each in place.kit.rglob("nats-server*") if _is_program(each))
    program = program or next(found)
    return Start((program, "-c", str(conf)), main="nats-server")


def aedes(place: Place) -> Start:
    text = AEDES.format(port=place.port, web_port=place.web_port)
    script = place.write("server.js", text)
    node = shutil.which("node")
    if node is None:
        raise NotHere("needs Node.js: apt-get install nodejs")
    return Start((node, str(script)), {"NODE_PATH": str(place.kit / "node_modules")}, main="node")


def activemq(place: Place) -> Start:
    java = shutil.which("java")
    if java is None:
        raise NotHere("needs Java: apt-get install default-jre-headless")
    conf = place.write("activemq.xml", ACTIVEMQ.format(port=place.port, store=place.store))
    jars = sorted((place.kit / "root/usr/share/java").glob("*.jar"))
    path = ":".join(str(each) for each in jars if not each.is_symlink())
    main = ("org.apache.activemq.console.Main", "start", f"xbean:file:{conf}")
    return Start((java, "-Xmx512M", "-cp", path, *main), main="java")


def amqtt(place: Place) -> Start:
    """The one that this program embeds."""
    program = (sys.executable, "-m", "resonance_tui", "broker", "--program", "embedded")
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(str(root / each) for each in ("", "broker", "model_zoo"))
    homes = ("HOME", "RESONANCE_DATA_DIR", "RESONANCE_CONFIG_DIR", "RESONANCE_CACHE_DIR")
    environment = {"PYTHONPATH": path} | dict.fromkeys(homes, str(place.store))
    return Start((*program, "--port", str(place.port), "--quiet"), environment, main="embedded")


def _is_program(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 1_000_000
