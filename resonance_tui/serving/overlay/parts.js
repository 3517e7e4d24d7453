// What layouts share.

/** A new element with a class and a text. Text is never read as HTML. */
export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** How many faces an event of the room has read: away and unsure ones are not among them. */
export function readFaces(event) {
  return Object.values(event.counts).reduce((sum, count) => sum + count, 0);
}
