// What the host asks, and a bar for each answer; nothing while nothing is asked.
import { element } from "../parts.js";

const STAY_S = 60; // after its end the result is worth a look
const SMALLEST_PX = 6;

export default function mount(root) {
  const card = element("div", "asked");
  const text = element("div", "text");
  card.append(text);
  card.hidden = true;
  root.append(card);
  let shown = 0; // its id
  let rows = [];
  const ask = (question) => {
    for (const each of rows) each.row.remove();
    shown = question.id;
    text.textContent = question.text;
    rows = question.answers.map((answer) => {
      const fill = element("div", "fill");
      const track = element("div", "track");
      track.append(fill);
      const count = element("span", "count", "0");
      const row = element("div", "answer");
      row.append(element("span", "name", answer.text), track, count);
      card.append(row);
      return { row, fill, count };
    });
    fit(card, root);
  };
  addEventListener("resize", () => fit(card, root));
  return {
    asks: true, // is drawn without counts, too
    room({ t, question }) {
      card.hidden = !question || t >= question.closes_at + STAY_S;
      if (card.hidden) return;
      const longest = Math.max(...question.answers.map((answer) => wordsOf(answer).length));
      card.style.setProperty("--digits", longest); // tracks of one length
      if (question.id !== shown) ask(question);
      card.classList.toggle("over", !question.open);
      const total = question.answers.reduce((sum, answer) => sum + answer.count, 0);
      question.answers.forEach((answer, at) => {
        const row = rows[at];
        const words = wordsOf(answer);
        row.fill.style.transform = `scaleX(${total ? answer.count / total : 0})`;
        if (row.count.textContent !== words) row.count.textContent = words;
      });
    },
  };
}

/** A count, an estimate with half of its band, or a dash where nothing may be shown. */
function wordsOf(answer) {
  if (answer.count === null) return "–";
  if (!("margin" in answer)) return String(answer.count);
  return `${Math.round(answer.count)} ±${Math.round(answer.margin)}`;
}

/** Smaller letters, where question and answers are too long for the window. */
function fit(card, root) {
  card.style.fontSize = "";
  const { paddingTop, paddingBottom } = getComputedStyle(root);
  const room = root.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
  let size = parseFloat(getComputedStyle(card).fontSize);
  while (card.offsetHeight > room && size > SMALLEST_PX) {
    size *= 0.94;
    card.style.fontSize = `${size}px`;
  }
}
