// Elements made by the scripts of the pages.

/** An element of ``kind`` with a text. */
export function element(kind, text = "", name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

/** ``part`` as something that a keyboard can scroll. */
export function region(part, label) {
  part.tabIndex = 0;
  part.setAttribute("role", "region");
  part.setAttribute("aria-label", label);
  return part;
}

/** A table with a caption and rows of texts or elements. Without ``names`` of the columns, the first
 * cell of a row is its name. */
export function table(caption, names, rows) {
  const made = element("table");
  made.append(element("caption", caption));
  if (names.length) made.createTHead().insertRow().append(...names.map((name) => heading(name, "col")));
  const body = made.createTBody();
  for (const texts of rows) {
    const row = body.insertRow();
    const [first, ...others] = texts;
    if (names.length) row.insertCell().append(first);
    else row.append(heading(first, "row"));
    for (const text of others) row.insertCell().append(text);
  }
  const frame = region(element("div", "", "scroll"), caption);
  frame.append(made);
  return frame;
}

function heading(text, scope) {
  const cell = element("th", text);
  cell.scope = scope;
  return cell;
}

/** Code with a button that copies it. */
export function code(text, label) {
  const frame = element("div", "", "code");
  const button = element("button", "Copy", "copy");
  button.type = "button";
  button.append(element("span", ` ${label}`, "unseen"));
  frame.append(region(element("pre", text), label), button);
  return frame;
}
