// The settings page: a form, a preview of what it says, and the address that says it.
import { LAYOUTS, readOptions, sourceSize, writeOptions } from "./options.js";
import { tr, translate } from "./words.js";

const GROUNDS = ["checks", "black", "white", "video"];
const STATE_EVERY_MS = 5000;
const $ = (id) => document.getElementById(id);
const form = $("form");
let options = { ...readOptions(location.search), sample: 0 };

function choice(name, value, text, isChecked) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "radio", name, value });
  input.checked = isChecked;
  label.append(input, ` ${text}`);
  return label;
}

function fill() {
  for (const [name, { title, about }] of Object.entries(LAYOUTS)) {
    $("layouts").append(choice("layout", name, `${tr(title)}: ${tr(about)}`, name === options.layout));
  }
  for (const name of GROUNDS) $("grounds").append(choice("ground", name, tr(name), name === "checks"));
  for (const name of ["align", "size", "min"]) form.elements[name].value = options[name];
  for (const name of ["words", "motion", "names"]) form.elements[name].checked = Boolean(options[name]);
}

function read() {
  const { elements } = form;
  const query = new URLSearchParams({ layout: elements.layout.value, token: options.token });
  for (const name of ["align", "size", "min"]) query.set(name, elements[name].value);
  for (const name of ["words", "motion", "names"]) query.set(name, Number(elements[name].checked));
  return readOptions(`?${query}`);
}

function show() {
  options = read();
  const { width, height } = sourceSize(options);
  $("address").value = `${location.origin}/overlay${writeOptions(options)}`;
  $("percent").textContent = `${options.size} %`;
  $("width").textContent = width;
  $("height").textContent = height;
  const shown = `/overlay${writeOptions({ ...options, sample: Number(!$("real").checked) })}`;
  // Replaced, so that the browser's way back is not filled with previews.
  if ($("preview").getAttribute("src") === null) $("preview").setAttribute("src", shown);
  else $("preview").contentWindow.location.replace(shown);
}

async function copy() {
  $("address").select();
  try {
    await navigator.clipboard.writeText($("address").value);
  } catch {
    document.execCommand("copy"); // beyond this machine there is no clipboard for a plain page
  }
  $("copy").textContent = tr("Copied");
  setTimeout(() => { $("copy").textContent = tr("Copy"); }, 2000);
}

async function tellState() {
  const query = options.token ? `?token=${encodeURIComponent(options.token)}` : "";
  try {
    const state = await (await fetch(`/state.json${query}`)).json();
    const { channel, room } = state;
    const status = tr(state.link.status);
    const told = "{channel}: {status}, {viewers} viewers";
    $("state").textContent = room ? tr(told, { channel, status, viewers: room.viewers }) : `${channel}: ${status}`;
  } catch {
    $("state").textContent = tr("resonance-tui does not run at the moment.");
  }
}

translate(document.body);
fill();
show();
tellState();
setInterval(tellState, STATE_EVERY_MS);
form.addEventListener("input", show);
$("real").addEventListener("input", show);
$("copy").addEventListener("click", copy);
$("grounds").addEventListener("input", ({ target }) => { $("stage").className = target.value; });
