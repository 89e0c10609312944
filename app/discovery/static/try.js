// The try-it form: ask (402), sign in the sandbox, ask again (200). The document is checked by the
// service alone, so what the form says of a fault is what every caller is told.
"use strict";

const JSON_TYPE = "application/json";
const SVG_TYPE = "image/svg+xml";
const MOST_ROWS = 200;

const form = document.getElementById("try-form");
const status = document.getElementById("try-status");
const steps = document.getElementById("try-steps");
const answer = document.getElementById("try-answer");
const button = form.querySelector(".actions button");
const controls = [...form.querySelectorAll("[data-kind]")]; // those of rows are made later

const [first] = controls;
const typesJson = first.dataset.kind === "document";
if (typesJson) first.value = document.querySelector("[aria-label='Example request']").textContent;
form.hidden = false;
document.getElementById("try-note").hidden = true;
for (const control of controls.filter(isRows)) {
  control.addEventListener("click", ({ target }) => {
    if (target.dataset.does === "add") add(control);
    if (target.dataset.does === "remove") remove(target.closest("li"), control);
  });
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  clear();
  status.textContent = "Asking …";
  try {
    await buy(body());
  } catch (error) {
    status.textContent = `The service cannot be reached (${error.message}). Try again.`;
  } finally {
    button.removeAttribute("aria-disabled");
  }
});

function add(rows) {
  const list = rows.querySelector("ol");
  list.append(rows.querySelector("template").content.cloneNode(true));
  rows.querySelector("ul").hidden = false;
  cellsOf(list.lastElementChild)[0].focus();
}

function remove(row, rows) {
  row.remove();
  rows.querySelector("ul").hidden = !rows.querySelector("ol").children.length;
  rows.querySelector("[data-does=add]").focus();
}

function isRows({ dataset }) {
  return dataset.kind === "rows";
}

function cellsOf(row) {
  return [...row.querySelectorAll("[data-kind]")];
}

/** The rows that hold anything: as with lines, empty ones are nothing. */
function rowsIn(control) {
  return [...control.querySelectorAll("ol > li")].filter((row) => cellsOf(row).some(({ value }) => value.trim()));
}

function clear() {
  steps.replaceChildren();
  answer.replaceChildren();
  answer.hidden = true;
  for (const error of form.querySelectorAll(".error")) {
    error.replaceChildren();
    error.hidden = true;
  }
  for (const wrong of form.querySelectorAll("[aria-invalid]")) {
    wrong.removeAttribute("aria-invalid");
    wrong.setAttribute("aria-describedby", wrong.getAttribute("aria-describedby").split(" ")[1]);
  }
}

/** The document that the form holds, as the bytes to be sent. */
function body() {
  return typesJson ? first.value : JSON.stringify(membersOf(controls));
}

/** What is given in some controls, by their names. */
function membersOf(given) {
  const members = given.map((control) => [control.name, read(control)]);
  return Object.fromEntries(members.filter(([, value]) => value.length !== 0));
}

function read(control) {
  const { kind } = control.dataset;
  if (kind === "rows") return rowsIn(control).map((row) => membersOf(cellsOf(row)));
  const text = control.value.trim();
  if (kind === "lines") return text.split("\n").map((line) => line.trim()).filter(Boolean);
  // what is no number goes as it was typed: the service says what it wanted
  return kind === "number" && text && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Buy the answer, and then its picture: two purchases, and so it is told. */
async function buy(content) {
  const response = await bought(content, JSON_TYPE, "the answer");
  if (!response) return;
  const found = await response.json();
  const drawing = "picture" in form.dataset && (await bought(content, SVG_TYPE, "its picture"));
  show(found, drawing ? await drawing.text() : "");
  status.textContent = `Done. ${found.interpretation}`;
  answer.focus();
}

async function bought(content, type, what) {
  let response = await post(form.getAttribute("action"), content, type);
  if (response.status === 402) {
    const terms = await response.text();
    step("402", `The terms of ${what}, free of charge.`);
    const signed = await post(form.dataset.pay, terms, JSON_TYPE);
    if (!signed.ok) return refuse(await signed.json());
    const payment = await signed.json();
    step("signed", `${payment.terms}; wallet ${payment.payer}, made for this.`);
    response = await post(form.getAttribute("action"), content, type, payment.paymentSignature);
  }
  if (!response.ok) return refuse(await response.json());
  const receipt = response.headers.get("PAYMENT-RESPONSE");
  const settled = receipt ? `, settled in transaction ${JSON.parse(atob(receipt)).transaction}` : "";
  step("200", `${what[0].toUpperCase()}${what.slice(1)} (${type})${settled}.`);
  return response;
}

function post(path, content, accept, payment) {
  const headers = { "Content-Type": JSON_TYPE, Accept: accept };
  if (payment) headers["PAYMENT-SIGNATURE"] = payment;
  return fetch(path, { method: "POST", headers, body: content });
}

/** Tell a problem: each fault at its field, and go to the first. */
function refuse(problem) {
  const faults = problem.errors ?? [];
  step(String(problem.status ?? 402), problem.title ?? problem.error);
  for (const { pointer, detail } of faults) {
    const control = controlAt(pointer);
    tell(control, pointer === `/${control.name}` ? detail : `${pointer} ${detail}`);
  }
  if (!faults.length && typesJson) tell(first, problem.detail);
  const count = `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
  status.textContent = faults.length ? `${count} in the document; nothing was paid.` : problem.detail;
  form.querySelector("[aria-invalid]")?.focus();
}

/** The control that a pointer is about: of rows a cell, the first one if it is about a whole row. */
function controlAt(pointer) {
  const [, name, row, member] = pointer.split("/");
  const control = controls.find((each) => name && each.name === name) ?? first;
  if (!isRows(control)) return control;
  const cells = cellsOf(rowsIn(control)[row ?? 0]);
  return cells.find((cell) => cell.name === member) ?? cells[0];
}

function tell(control, message) {
  const error = control.closest(".field").querySelector(".error");
  error.append(error.hidden ? message : `\n${message}`);
  error.hidden = false;
  if (control.getAttribute("aria-invalid")) return;
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-describedby", `${error.id} ${control.getAttribute("aria-describedby")}`);
}

function step(badge, text) {
  const item = element("li", "");
  item.append(element("b", badge, "badge"), " ", element("span", text));
  steps.append(item);
}

function show(found, drawing) {
  answer.hidden = false;
  if (drawing) answer.append(figure(drawing, found.interpretation));
  const parts = Object.entries(found);
  for (const [name, value] of parts.filter(([, value]) => isList(value))) answer.append(list(name, rowsOf(value)));
  const single = Object.fromEntries(parts.filter(([, value]) => !isList(value)));
  delete single.interpretation; // it is the caption
  answer.append(list("the rest", rowsOf(single)));
  const all = element("details", "");
  const text = region(element("pre", JSON.stringify(found, null, 2)), "The whole answer");
  all.append(element("summary", "The whole answer as JSON"), text);
  answer.append(all);
}

function figure(drawing, caption) {
  const frame = element("figure", "", "picture");
  const pan = region(element("div", "", "pan"), "Timeline");
  const image = element("img", "");
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing)}`;
  image.alt = `Timeline. ${caption}`;
  pan.append(image);
  frame.append(pan, element("figcaption", caption));
  return frame;
}

function isList(value) {
  return typeof value === "object" && value !== null;
}

/** The items of a list, or the members of an object as items. */
function rowsOf(value) {
  return Array.isArray(value) ? value : Object.entries(value).map(([name, held]) => ({ name, value: held }));
}

function list(name, rows) {
  const table = element("table", "");
  const more = rows.length > MOST_ROWS ? `: ${MOST_ROWS} of ${rows.length}, the rest is below` : "";
  table.append(element("caption", `${rows.length ? "" : "no "}${name}${more}`));
  const names = Object.keys(rows[0] ?? {});
  row(table.createTHead(), names, "th");
  const shown = table.createTBody();
  for (const item of rows.slice(0, MOST_ROWS)) row(shown, names.map((key) => cell(item[key])), "td");
  const frame = region(element("div", "", "scroll"), `Table of ${name}`);
  frame.append(table);
  return frame;
}

/** ``part`` as something that a keyboard can scroll. */
function region(part, label) {
  part.tabIndex = 0;
  part.setAttribute("role", "region");
  part.setAttribute("aria-label", label);
  return part;
}

function row(part, texts, kind) {
  const line = part.insertRow();
  for (const text of texts) {
    const field = element(kind, text);
    if (kind === "th") field.scope = "col";
    line.append(field);
  }
}

function cell(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "object") return JSON.stringify(value);
  return String(value).replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d\.\d{3})Z$/, (_, day, time, rest) =>
    `${day} ${time}${rest === ":00.000" ? "" : rest} UTC`);
}

function element(kind, text, name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}
