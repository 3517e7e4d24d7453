// One page, one stream of events, one layout. It comes back by itself whatever ends the stream.
import { readOptions } from "./options.js";
import { tr } from "./words.js";

const SILENT_MS = 6000; // the room is told once a second
const ANEW_MS = 30000; // a connection that says nothing for so long is made anew
const AGAIN_MS = 2000;
const OLD_S = 10; // what was missed for longer is not told as if it were now
const DRAW_MS = 250; // a busy room changes ten times a second; drawing it each time is dear

const options = readOptions(location.search);
const isStill = !options.motion || matchMedia("(prefers-reduced-motion: reduce)").matches;
const page = document.body.classList;
document.documentElement.style.setProperty("--size", options.size / 100);
page.add(options.align);
page.toggle("wordless", !options.words);
page.toggle("still", isStill);
document.getElementById("room").dataset.simulated = tr("simulated");

const { default: mount } = await import(`./layouts/${options.layout}.js`);
const layout = mount(document.getElementById("room"), { ...options, isStill });
let heardAt = 0;
let drawnAt = -Infinity;
let newest = null; // a room that waits to be drawn
let isConnected = true;
let missed = null; // what a new stream tells first, until the room says what time it is

function deliver(event) {
  heardAt = performance.now();
  if (event.type === "link") isConnected = event.status === "connected";
  if (event.type === "event" && missed) missed.push(event);
  else if (event.type === "event") layout.happened?.(event);
  if (event.type === "reactions") layout.reacted?.(event);
  if (event.type === "room") {
    catchUp(event.t);
    drawSoon(event);
  }
  page.toggle("waiting", !isConnected);
}

function catchUp(now) {
  for (const event of missed ?? []) if (now - event.t < OLD_S) layout.happened?.(event);
  missed = null;
}

function drawSoon(room) {
  const wait = drawnAt + DRAW_MS - performance.now();
  if (newest === null && wait > 0) setTimeout(() => draw(newest), wait);
  else if (newest === null) return draw(room);
  newest = room;
}

function draw(room) {
  newest = null;
  drawnAt = performance.now();
  page.toggle("quiet", room.counting || (Boolean(room.withheld) && !layout.asks) || room.viewers < options.min);
  page.toggle("simulated", Boolean(room.simulated));
  // Where the host's rules keep the counts back, what is asked is no secret.
  if (!room.withheld || layout.asks) layout.room?.(room);
}

function listen() {
  const query = new URLSearchParams();
  if (options.names) query.set("names", "1");
  if (options.token) query.set("token", options.token);
  const source = new EventSource(`/events?${query}`);
  let check = 0;
  const again = (after) => {
    clearInterval(check);
    source.close();
    setTimeout(listen, after);
  };
  heardAt = performance.now();
  source.onopen = () => { missed = []; };
  source.onmessage = ({ data }) => deliver(JSON.parse(data));
  // EventSource itself tries again after a broken connection, and never after an answer of 4xx.
  source.onerror = () => {
    page.add("waiting");
    if (source.readyState === EventSource.CLOSED) again(AGAIN_MS);
  };
  check = setInterval(() => {
    const silent = performance.now() - heardAt;
    if (silent > SILENT_MS) page.add("waiting");
    if (silent > ANEW_MS) again(0);
  }, 2000);
}

if (options.sample) {
  const { play } = await import("./sample.js");
  play(deliver);
} else {
  listen();
}
