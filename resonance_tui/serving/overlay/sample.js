// A made-up room for the preview: forty people, and a laugh now and then.
import { EMOTIONS } from "./palette.js";

const PEOPLE = 40;
const LAUGH_EVERY_S = 9;
const USUAL = [9, 3, 17, 2, 4, 2, 3];

export function play(deliver) {
  let second = 0;
  const tick = () => {
    const isLaughing = second % LAUGH_EVERY_S >= LAUGH_EVERY_S - 3;
    const counts = USUAL.map((usual, at) => {
      const wave = Math.round(1.5 * Math.sin(second / 3 + at));
      return Math.max(0, usual + wave + (isLaughing && at === 0 ? 14 : 0) - (isLaughing && at === 2 ? 14 : 0));
    });
    const t = Date.now() / 1000;
    const named = Object.fromEntries(EMOTIONS.map((look, at) => [look.word, counts[at]]));
    const asked = { id: 1, text: "Which map?", open: true, closes_at: t + 60, private: false };
    asked.answers = [["Dust", 9], ["Mirage", 14], ["Old town", 4]].map(([text, most]) => (
      { text, count: Math.min(most, second) }
    ));
    const faces = { counts: named, unsure: 0, away: 0, counting: false };
    deliver({ type: "room", t, viewers: PEOPLE, ...faces, question: asked });
    if (second % LAUGH_EVERY_S === LAUGH_EVERY_S - 3) {
      deliver({ type: "event", t, kind: "laugh", text: "the room laughs", people: counts[0] });
    }
    if (second % LAUGH_EVERY_S === 2) {
      deliver({ type: "event", t, kind: "joined", text: "2 came", people: 2 });
    }
    second += 1;
  };
  tick();
  setInterval(tick, 1000);
}
