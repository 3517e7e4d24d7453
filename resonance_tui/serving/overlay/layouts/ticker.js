// What happens in the room, the newest line last.
import { element } from "../parts.js";

const KINDS = ["joined", "left", "laugh", "gasp", "host"];
const LINES = 4;
const STAY_MS = 15000;

export default function mount(root) {
  const ticker = element("div", "ticker");
  root.append(ticker);
  return {
    happened(event) {
      if (!KINDS.includes(event.kind)) return;
      const line = element("div", `line ${event.kind}`, event.text);
      ticker.append(line);
      while (ticker.childElementCount > LINES) ticker.firstElementChild.remove();
      setTimeout(() => line.remove(), STAY_MS);
    },
  };
}
