// What happens in the room, the newest line last.
import { element } from "../parts.js";
import { told } from "../words.js";

const KINDS = ["joined", "left", "laugh", "gasp", "host"];
const LINES = 4;
const STAY_MS = 15000;

export default function mount(root) {
  const ticker = element("div", "ticker");
  root.append(ticker);
  let lines = []; // with the moment at which each goes, oldest first
  const keep = (isKept) => {
    for (const each of lines) if (!isKept(each)) each.line.remove();
    lines = lines.filter(isKept);
  };
  setInterval(() => keep((each) => each.until > performance.now()), 1000);
  return {
    happened(event) {
      if (!KINDS.includes(event.kind)) return;
      const line = element("div", `line ${event.kind}`, told(event));
      ticker.append(line);
      lines.push({ line, until: performance.now() + STAY_MS });
      keep((each) => lines.indexOf(each) >= lines.length - LINES);
    },
  };
}
