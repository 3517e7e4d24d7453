// What the address of the overlay may say. The settings page writes it, the overlay reads it.

export const LAYOUTS = {
  bars: { title: "Bars", about: "A bar for each emotion", width: 460, height: 300 },
  ring: { title: "Ring", about: "Shares around the number of viewers", width: 320, height: 320 },
  ticker: { title: "Ticker", about: "What happens, line by line", width: 640, height: 180 },
  burst: { title: "Burst", about: "Glyphs fly when the room moves", width: 1920, height: 1080, isWhole: true },
  mood: { title: "Mood", about: "One word", width: 480, height: 100 },
  question: { title: "Question", about: "What the host asks, and the answers", width: 520, height: 320 },
};
export const ALIGNS = ["left", "center", "right"];
const DEFAULTS = {
  layout: "bars", // one of LAYOUTS
  align: "left", // one of ALIGNS
  size: 100, // percent
  min: 1, // with fewer viewers nothing is shown
  words: 1, // 0: glyphs and figures alone
  names: 0, // 1: nicknames of who comes and leaves
  motion: 1, // 0: nothing moves
  sample: 0, // 1: a made-up room
};
const RANGES = { size: [25, 400], min: [1, 100000], words: [0, 1], names: [0, 1], motion: [0, 1], sample: [0, 1] };
const WORDS = { layout: Object.keys(LAYOUTS), align: ALIGNS };

/** Options of an address; what it does not say, or says wrongly, is as usual. */
export function readOptions(search) {
  const given = new URLSearchParams(search);
  const options = { ...DEFAULTS, token: given.get("token") ?? "" };
  for (const [key, words] of Object.entries(WORDS)) {
    if (words.includes(given.get(key))) options[key] = given.get(key);
  }
  for (const [key, [low, high]] of Object.entries(RANGES)) {
    const value = Number.parseInt(given.get(key) ?? "", 10);
    if (Number.isFinite(value)) options[key] = Math.min(high, Math.max(low, value));
  }
  return options;
}

/** Width and height in px of a browser source that holds it; one over the whole video is as large
    as that, however large its glyphs are. */
export function sourceSize({ layout, size }) {
  const { width, height, isWhole } = LAYOUTS[layout];
  const factor = isWhole ? 1 : size / 100;
  return { width: Math.round(width * factor), height: Math.round(height * factor) };
}

/** The shortest query that says the same. */
export function writeOptions(options) {
  const query = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) {
    if (options[key] !== DEFAULTS[key]) query.set(key, options[key]);
  }
  if (options.token) query.set("token", options.token);
  const text = query.toString();
  return text ? `?${text}` : "";
}
