// Shares as a ring; in the middle what most of the room shows, and how many they are.
import { EMOTIONS } from "../palette.js";
import { element, readFaces } from "../parts.js";

const SVG = "http://www.w3.org/2000/svg";

function circle(className) {
  const made = document.createElementNS(SVG, "circle");
  const place = { class: className, cx: 50, cy: 50, r: 42, pathLength: 100 };
  for (const [name, value] of Object.entries(place)) made.setAttribute(name, value);
  return made;
}

export default function mount(root) {
  const ring = element("div", "ring");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.append(circle("track"));
  const arcs = EMOTIONS.map((look) => {
    const arc = circle("arc");
    arc.style.stroke = look.color;
    arc.setAttribute("stroke-dasharray", "0 100");
    svg.append(arc);
    return arc;
  });
  const glyph = element("div", "glyph");
  const people = element("div", "people");
  const word = element("div", "word");
  const middle = element("div", "middle");
  middle.append(glyph, people, word);
  ring.append(svg, middle);
  root.append(ring);
  return {
    room(event) {
      const read = readFaces(event);
      let begin = 0;
      let most = EMOTIONS[0];
      EMOTIONS.forEach((look, at) => {
        const share = read ? (100 * event.counts[look.word]) / read : 0;
        arcs[at].setAttribute("stroke-dasharray", `${share} ${100 - share}`);
        arcs[at].setAttribute("stroke-dashoffset", -begin);
        begin += share;
        if (event.counts[look.word] > event.counts[most.word]) most = look;
      });
      glyph.textContent = read ? most.glyph : "";
      glyph.style.color = most.color;
      people.textContent = event.viewers;
      word.textContent = read ? most.label : "";
    },
  };
}
