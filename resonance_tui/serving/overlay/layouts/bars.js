// A bar for each emotion: its share of the faces that were read. Below, a bar for each team.
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
  const showTeams = teamRows(root);
  return {
    room(event) {
      const read = readFaces(event);
      showTeams(event.teams ?? []);
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

/** Draws teams: the emotions of each side by side, and how many faces they are of; those of a team
    of few are not told. */
function teamRows(root) {
  let names = "[]";
  let rows = [];
  const name = (teams) => {
    for (const each of rows) each.row.remove();
    rows = teams.map((team) => {
      const fills = EMOTIONS.map((look) => {
        const fill = element("div", "part");
        fill.style.background = look.color;
        return fill;
      });
      const track = element("div", "track");
      track.append(...fills);
      const count = element("span", "count");
      const row = element("div", "bar team");
      row.append(element("span", "name", team.name), track, count);
      root.append(row);
      return { row, fills, count };
    });
    root.style.setProperty("--rows", EMOTIONS.length + teams.length);
  };
  return (teams) => {
    const known = JSON.stringify(teams.map((team) => team.name));
    if (known !== names) {
      names = known;
      name(teams);
    }
    teams.forEach((team, at) => {
      const read = team.counts ? readFaces(team) : 0;
      EMOTIONS.forEach((look, code) => {
        rows[at].fills[code].style.width = read ? `${(100 * team.counts[look.word]) / read}%` : "0";
      });
      const words = team.counts ? String(read) : "–";
      if (rows[at].count.textContent !== words) rows[at].count.textContent = words;
    });
  };
}
