// What people send with keys floats up. Where nothing may move, the last second stands there in words.
import { REACTIONS } from "../palette.js";
import { element } from "../parts.js";

const MOST = 40; // signs in the air
const OF_ONE = 8; // of one kind and second
const SAID_MS = 3000;

export default function mount(root, { isStill }) {
  const sky = element("div", "reactions");
  root.append(sky);

  function say(counts) {
    const lines = REACTIONS.filter(({ word }) => counts[word]);
    const text = lines.map(({ word, label, glyph }) => `${glyph} ${label} × ${counts[word]}`).join("\n");
    const said = element("div", "said", text);
    sky.replaceChildren(said);
    setTimeout(() => said.remove(), SAID_MS);
  }

  function launch(glyph) {
    const sign = element("div", "flying", glyph);
    sign.style.left = `${5 + 75 * Math.random()}%`;
    sky.append(sign);
    const drift = 40 * (Math.random() - 0.5);
    const height = root.clientHeight * (0.6 + 0.4 * Math.random());
    const path = [
      { transform: "translate(0, 100%)", opacity: 1 },
      { transform: `translate(${drift}px, ${-0.8 * height}px)`, opacity: 1, offset: 0.8 },
      { transform: `translate(${drift}px, ${-height}px)`, opacity: 0 },
    ];
    const timing = { duration: 2500 + 1500 * Math.random(), delay: 900 * Math.random(), fill: "backwards" };
    sign.animate(path, timing).finished.then(() => sign.remove(), () => sign.remove());
  }

  return {
    reacted({ counts }) {
      if (isStill) return say(counts);
      for (const { word, glyph } of REACTIONS) {
        const many = Math.min(counts[word] ?? 0, OF_ONE, MOST - sky.childElementCount);
        for (let at = 0; at < many; at += 1) launch(glyph);
      }
    },
  };
}
