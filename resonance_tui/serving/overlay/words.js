// The language of what is drawn. Events are English, and so are the texts of these scripts.
import { LANGUAGE, WORDS } from "./palette.js";

document.documentElement.lang = LANGUAGE;

/** The sentence in the streamer's language, with its {fields} filled in. */
export function tr(message, fields = {}) {
  return (WORDS[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => fields[name] ?? whole);
}

const COMINGS = {
  joined: ["{one} came", "{one} and {two} came", "{one}, {two} and {three} came", "{one}, {two} and {more} more came"],
  left: ["{one} left", "{one} and {two} left", "{one}, {two} and {three} left", "{one}, {two} and {more} more left"],
};
const NAMELESS = { joined: "{people} came", left: "{people} left" };

/** An event of the room as a line. */
export function told(event) {
  if (!(event.kind in COMINGS)) return event.said ?? tr(event.text);
  const names = event.names ?? [];
  if (names.length === 0) return tr(NAMELESS[event.kind], { people: event.people });
  const [one, two, three] = names;
  const sentence = COMINGS[event.kind][Math.min(names.length, 4) - 1];
  return tr(sentence, { one, two, three, more: names.length - 2 });
}

/** Translates the texts of a page in place. */
export function translate(root) {
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    if (text) texts.currentNode.data = texts.currentNode.data.replace(text, () => tr(text));
  }
}
