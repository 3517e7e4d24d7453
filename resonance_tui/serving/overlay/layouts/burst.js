// Glyphs fly up when the room moves: when it laughs or gasps, or an emotion grows within seconds.
// Where nothing may move, a line says it instead.
import { EMOTIONS } from "../palette.js";
import { element, readFaces } from "../parts.js";

const GROWTH = 0.2; // of the faces read
const LEAST = 2; // people more than before
const WITHIN_S = 3;
const PAUSE_S = 5; // of one emotion, after it flew
const MOST = 36; // glyphs in the air
const SAID_MS = 4000;
const OF_KIND = { laugh: "happiness", gasp: "surprise" };

/** How many more show an emotion than before. Who has only come may show it already, and is no
    reaction. */
function joined(before, now, word) {
  const newcomers = Math.max(0, now.viewers - before.viewers);
  return now.counts[word] - before.counts[word] - newcomers;
}

export default function mount(root, { isStill }) {
  const sky = element("div", "burst");
  root.append(sky);
  const flownAt = {};
  let past = []; // rooms of the last seconds, oldest first

  function fly(word, people, t) {
    if (t - (flownAt[word] ?? -Infinity) < PAUSE_S) return;
    flownAt[word] = t;
    const look = EMOTIONS.find((each) => each.word === word);
    if (isStill) say(look, people);
    else for (let at = 0; at < Math.min(people, MOST - sky.childElementCount); at += 1) launch(look);
  }

  function say(look, people) {
    const line = element("div", "said", `${look.glyph} ${look.label} × ${people}`);
    sky.replaceChildren(line);
    setTimeout(() => line.remove(), SAID_MS);
  }

  function launch(look) {
    const glyph = element("div", "flying", look.glyph);
    glyph.style.color = look.color;
    glyph.style.left = `${5 + 85 * Math.random()}%`;
    sky.append(glyph);
    const drift = 120 * (Math.random() - 0.5);
    const height = root.clientHeight * (0.5 + 0.4 * Math.random());
    const path = [
      { transform: "translate(0, 100%)", opacity: 1 },
      { transform: `translate(${drift}px, ${-0.8 * height}px)`, opacity: 1, offset: 0.8 },
      { transform: `translate(${drift}px, ${-height}px)`, opacity: 0 },
    ];
    const timing = { duration: 2000 + 1200 * Math.random(), delay: 500 * Math.random(), fill: "backwards" };
    glyph.animate(path, timing).finished.then(() => glyph.remove(), () => glyph.remove());
  }

  return {
    happened(event) {
      if (event.kind in OF_KIND) fly(OF_KIND[event.kind], event.people ?? 1, event.t);
    },
    room(event) {
      const read = readFaces(event);
      past = past.filter((each) => event.t - each.t <= WITHIN_S && each.t <= event.t);
      for (const { word } of EMOTIONS) {
        const more = Math.max(...past.map((each) => joined(each, event, word)));
        if (word !== "neutral" && more >= LEAST && more >= GROWTH * read) fly(word, more, event.t);
      }
      past.push(event);
    },
  };
}
