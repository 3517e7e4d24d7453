// A bar for each emotion: its share of the faces that were read.
import { EMOTIONS } from "../palette.js";
import { element, readFaces } from "../parts.js";

export default function mount(root) {
  const rows = EMOTIONS.map((look) => {
    const fill = element("div", "fill");
    fill.style.background = look.color;
    const glyph = element("span", "glyph", look.glyph);
    glyph.style.color = look.color;
    const track = element("div", "track");
    track.append(fill);
    const count = element("span", "count", "0");
    const row = element("div", "bar");
    row.append(glyph, element("span", "word", look.label), track, count);
    root.append(row);
    return { word: look.word, fill, count };
  });
  let digits = 0;
  return {
    room(event) {
      const read = readFaces(event);
      if (digits !== String(event.viewers).length) {
        digits = String(event.viewers).length;
        root.style.setProperty("--digits", digits); // counts keep their places
      }
      for (const row of rows) {
        const count = event.counts[row.word];
        row.fill.style.transform = `scaleX(${read ? count / read : 0})`;
        if (row.count.textContent !== String(count)) row.count.textContent = count;
      }
    },
  };
}
