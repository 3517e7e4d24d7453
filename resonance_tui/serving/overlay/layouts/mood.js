// One word for the room. It stays for a while, so that it can be read.
import { EMOTIONS } from "../palette.js";
import { element, readFaces } from "../parts.js";

const SHARE = 0.3; // of the faces read: an emotion with less is not the room's
const STAY_S = 3;

/** What most of those show who show something; calm where nobody in particular does. */
function moodOf(event, read) {
  const shown = EMOTIONS.filter((look) => look.word !== "neutral");
  const most = shown.reduce((one, two) => (event.counts[two.word] > event.counts[one.word] ? two : one));
  if (event.counts[most.word] >= SHARE * read) return most;
  return EMOTIONS.find((look) => look.word === "neutral");
}

export default function mount(root) {
  const mood = element("div", "mood");
  const glyph = element("span", "glyph");
  const word = element("span", "word");
  mood.append(glyph, word);
  root.append(mood);
  let since = -Infinity;
  let last = null;
  return {
    room(event) {
      const read = readFaces(event);
      const look = read ? moodOf(event, read) : null;
      if (look === last || event.t - since < STAY_S) return;
      since = event.t;
      last = look;
      glyph.textContent = look?.glyph ?? "";
      glyph.style.color = look?.color ?? "";
      word.textContent = look?.mood ?? "";
    },
  };
}
