// What the host asks, and a bar for each answer; nothing while nothing is asked.
import { element } from "../parts.js";

const STAY_S = 60; // after its end the result is worth a look

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
  };
  return {
    room({ t, question }) {
      card.hidden = !question || t >= question.closes_at + STAY_S;
      if (card.hidden) return;
      if (question.id !== shown) ask(question);
      card.classList.toggle("over", !question.open);
      const total = question.answers.reduce((sum, answer) => sum + answer.count, 0);
      question.answers.forEach((answer, at) => {
        const row = rows[at];
        const words = answer.count === null ? "–" : "margin" in answer
          ? `${Math.round(answer.count)} ±${Math.round(answer.margin)}`
          : String(answer.count);
        row.fill.style.transform = `scaleX(${total ? answer.count / total : 0})`;
        if (row.count.textContent !== words) row.count.textContent = words;
      });
    },
  };
}
