// The fields of a form as a JSON document, and the faults of the document at their fields.
//
// Each element with data-kind is a field or a group of them, in a tree like the document's. What is
// empty is not sent. The document is checked by the service alone, so what the form says of a fault
// is what every caller is told.

import { dayAfter, instantOf, knownZone } from "./times.js";

let count = 0;

/** The fields and groups directly within a group. */
export function partsOf(group) {
  return [...group.querySelectorAll("[data-kind]")].filter(
    (part) => part.parentElement.closest("[data-kind]") === group,
  );
}

export function controlOf(field) {
  return field.querySelector("input, select, textarea");
}

export function named(group, name) {
  return partsOf(group).find((part) => part.dataset.name === name && part.dataset.role !== "key");
}

/** The document that a form holds. */
export function documentOf(form) {
  const zone = named(form, "timezone");
  return membersOf(partsOf(form), knownZone(zone ? controlOf(zone).value.trim() : ""));
}

function membersOf(parts, zone) {
  const members = parts.filter((part) => part.dataset.role !== "key").map((part) => [part.dataset.name, read(part, zone)]);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

const GROUPS = {
  object: (group, zone) => (isTyped(group) ? membersOf(partsOf(group), zone) : undefined),
  rows: (group, zone) => some(rowsOf(group).map((row) => membersOf(partsOf(row), zone))),
  pairs: (group, zone) => some(rowsOf(group).map((row) => partsOf(row).map((part) => read(part, zone) ?? ""))),
  keyed: (group, zone) => {
    const entries = rowsOf(group).map((row) => {
      const [key, ...parts] = partsOf(row);
      const single = parts.length === 1 && parts[0].dataset.name === "*";
      return [controlOf(key).value.trim(), single ? read(parts[0], zone) ?? "" : membersOf(parts, zone)];
    });
    return entries.length ? Object.fromEntries(entries) : undefined;
  },
};
const LEAVES = {
  lines: (text) => some(text.split("\n").map((line) => line.trim()).filter(Boolean)),
  flag: (text) => text === "true",
  places: (text) => text.split("\n").map((line) => line.trim() || null),
  // what is no number goes as it was typed: the service says what it wanted
  number: (text) => (Number.isFinite(Number(text)) ? Number(text) : text),
  moment: (text, zone) => instantOf(text, zone),
  "first-day": (text, zone) => instantOf(`${text}T00:00`, zone),
  "last-day": (text, zone) => instantOf(`${dayAfter(text)}T00:00`, zone),
};

function read(part, zone) {
  const { kind } = part.dataset;
  if (kind in GROUPS) return GROUPS[kind](part, zone);
  if (kind === "checks") return some([...part.querySelectorAll(":checked")].map(({ value }) => value));
  const control = controlOf(part);
  if (kind === "calendar") return control.dataset.text;
  const text = kind === "places" ? control.value : control.value.trim();
  if (!text.trim()) return undefined;
  return kind in LEAVES ? LEAVES[kind](text, zone) : text;
}

function some(list) {
  return list.length ? list : undefined;
}

/** The rows that hold anything: as with lines, empty ones are nothing. */
export function rowsOf(group) {
  return partsOf(group).filter(isTyped);
}

/** Whether anything is typed in a group. A choice always has something, and does not count. */
function isTyped(group) {
  return partsOf(group).some((part) => {
    const { kind } = part.dataset;
    if (kind === "choice") return false;
    if (kind in GROUPS || kind === "row" || kind === "entry" || kind === "pair") return isTyped(part);
    if (kind === "checks") return part.querySelector(":checked") !== null;
    return controlOf(part).value.trim() !== "" || "text" in controlOf(part).dataset;
  });
}

/** Add an empty row to a group, and return it. */
export function addRow(group) {
  const list = group.querySelector(":scope > ol");
  list.append(group.querySelector(":scope > template").content.cloneNode(true));
  for (const field of list.lastElementChild.querySelectorAll("[data-kind]")) describe(field);
  return list.lastElementChild;
}

/** Write a value into a field, times by the clock of the zone; nothing empties it. */
export function fill(field, value) {
  const { kind } = field.dataset;
  if (["object", "row", "pair"].includes(kind)) {
    for (const part of partsOf(field)) fill(part, value?.[part.dataset.name]);
  } else if (kind === "rows" || kind === "pairs") {
    field.querySelector(":scope > ol").replaceChildren();
    for (const held of value ?? []) fill(addRow(field), held);
  } else if (kind === "keyed") {
    field.querySelector(":scope > ol").replaceChildren();
    for (const [key, held] of Object.entries(value ?? {})) {
      const [name, part] = partsOf(addRow(field));
      controlOf(name).value = key;
      fill(part, held);
    }
  } else if (kind === "checks") {
    for (const box of field.querySelectorAll("input")) box.checked = (value ?? []).includes(box.value);
  } else if (kind === "choice" || kind === "flag") {
    controlOf(field).value = String(value ?? controlOf(field).options[0].value);
  } else {
    controlOf(field).value = ["lines", "places"].includes(kind) ? (value ?? []).join("\n") : value ?? "";
  }
}

/** Fill in what each person must have, for as many as there must be: those of the form keep their
 * names and absences, and lose wishes and skills that are of other slots. */
export function staff(group, people) {
  while (partsOf(group).length < people.length) addRow(group);
  for (const [at, row] of partsOf(group).entries()) {
    const { name, ...given } = { skills: [], avoid: [], prefer: [], ...people[at % people.length] };
    controlOf(named(row, "name")).value ||= name;
    for (const [part, value] of Object.entries(given)) fill(named(row, part), value);
  }
}

/** The field that a pointer is about, as near as the form has it. */
export function fieldAt(form, pointer) {
  const tokens = pointer.split("/").slice(1).map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  let here = form;
  for (const token of tokens) {
    const next = stepInto(here, token);
    if (!next) break;
    here = next;
  }
  return here === form ? partsOf(form)[0] : here;
}

function stepInto(part, token) {
  const { kind } = part.dataset;
  if (kind === "object" || kind === "row") return named(part, token);
  if (kind === "rows" || kind === "pairs") return rowsOf(part)[token];
  if (kind === "pair") return partsOf(part)[token];
  if (kind === "entry") return named(part, token);
  if (kind !== "keyed") return undefined;
  const entry = rowsOf(part).find((row) => controlOf(partsOf(row)[0]).value.trim() === token);
  return entry && (named(entry, "*") ?? entry);
}

/** Say a fault beside its field, and mark the field. */
export function tell(field, message) {
  const holder = field.querySelector(":scope > .error") ? field : field.querySelector(".error").parentElement;
  const error = holder.querySelector(":scope > .error");
  error.append(error.hidden ? message : `\n${message}`);
  error.hidden = false;
  error.id ||= `error-${(count += 1)}`;
  for (let open = holder.closest("details"); open; open = open.parentElement.closest("details")) open.open = true;
  const control = controlOf(holder) ?? holder.querySelector("button");
  control.setAttribute("aria-invalid", "true");
  describe(holder);
}

/** Forget all faults. */
export function forget(form) {
  for (const error of form.querySelectorAll(".error")) {
    error.replaceChildren();
    error.hidden = true;
  }
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    describe(control.closest("[data-kind]"));
  }
}

/** Tie the words below a field to its control: its fault first, and then its hint. */
export function describe(field) {
  const control = controlOf(field);
  if (!control || control.closest("[data-kind]") !== field) return;
  const told = [...field.querySelectorAll(":scope > .error:not([hidden]), :scope > .hint")];
  told.sort((one, other) => other.classList.contains("error") - one.classList.contains("error"));
  for (const words of told) words.id ||= `hint-${(count += 1)}`;
  if (told.length) control.setAttribute("aria-describedby", told.map(({ id }) => id).join(" "));
  else control.removeAttribute("aria-describedby");
}

/** The label of a field, as people read it. */
export function labelOf(field) {
  const label = field.querySelector(".label")?.firstChild;
  return label ? label.textContent.trim() : "This";
}
