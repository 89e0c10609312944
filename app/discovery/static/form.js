// The form of a product: it buys the answer as every client does, and shows it.

import { partsOfAnswer } from "./answer.js";
import { element } from "./elements.js";
import { addRow, controlOf, describe, documentOf, fieldAt, fill, forget, labelOf, named, partsOf, staff, tell } from "./fields.js";
import { asCurl, bought, Refused } from "./purchase.js";
import { DAY, movedBy, nextMonday } from "./times.js";

const JSON_TYPE = "application/json";
const SVG_TYPE = "image/svg+xml";
const SHOWN_MS = 2000;
const PEOPLE = "[data-name=people].lines textarea, [data-name=participants] textarea, [data-name=people] [data-name=name] input";

const form = document.getElementById("try-form");
const status = document.getElementById("try-status");
const steps = document.getElementById("try-steps");
const answer = document.getElementById("try-answer");
const paid = document.getElementById("try-paid");
const files = document.getElementById("try-files");
const button = form.querySelector(".actions .button");
const seller = {
  action: form.getAttribute("action"),
  pay: form.dataset.pay,
  url: form.dataset.url,
  payUrl: form.dataset.payUrl,
};
let sent = "{}";

for (const field of form.querySelectorAll("[data-kind]")) describe(field);
chooseZone();
moveToNow();
nameEverybody();
form.addEventListener("input", nameEverybody);
form.addEventListener("change", ({ target }) => target.type === "file" && readCalendar(target));
form.addEventListener("click", ({ target }) => ACTIONS[target.dataset?.does]?.(target));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(button, submit);
});

const ACTIONS = {
  add(pressed) {
    controlOf(addRow(pressed.closest("[data-kind]"))).focus();
  },
  remove(pressed) {
    const group = pressed.closest("li").parentElement.closest("[data-kind]");
    pressed.closest("li").remove();
    group.querySelector(":scope > [data-does=add]").focus();
    nameEverybody();
  },
  preset({ dataset, textContent }) {
    const { fields, time, days, people } = JSON.parse(dataset.preset);
    const start = nextMonday(time);
    const first = start.slice(0, 10);
    const window = { start, from: first, to: movedBy(first, (days - 1) * DAY) };
    for (const [name, value] of Object.entries({ ...window, ...fields })) {
      const field = named(form, name);
      if (field) fill(field, value);
    }
    if (people.length) staff(named(form, "people"), people);
    nameEverybody();
    status.textContent = `${textContent}: from ${start.replace("T", " at ")}.`;
  },
  async curl(pressed) {
    const text = asCurl(seller, JSON.stringify(documentOf(form), null, 2));
    const told = form.querySelector("[data-told=curl]");
    try {
      await navigator.clipboard.writeText(text);
      told.textContent = "Copied.";
      setTimeout(() => { told.textContent = ""; }, SHOWN_MS);
    } catch {
      answer.replaceChildren(element("pre", text));
      answer.hidden = false;
    }
    pressed.focus();
  },
};

/** The zone is the reader's, who can change it. Local times stay what they are. */
function chooseZone() {
  for (const zone of Intl.supportedValuesOf?.("timeZone") ?? []) {
    document.getElementById("zones").append(new Option(zone, zone));
  }
  set("timezone", Intl.DateTimeFormat().resolvedOptions().timeZone);
}

/** Move the example by whole weeks, so that it begins within the next seven days. */
function moveToNow() {
  const fields = [...form.querySelectorAll("[data-kind=moment], [data-kind=first-day], [data-kind=last-day]")];
  const first = partsOf(form).find((part) => fields.includes(part) && controlOf(part).value);
  if (!first) return;
  const weeks = Math.ceil((Date.now() - Date.parse(controlOf(first).value)) / (7 * DAY));
  for (const field of fields) controlOf(field).value = movedBy(controlOf(field).value, weeks * 7 * DAY);
}

function set(name, value) {
  const field = named(form, name);
  if (field) controlOf(field).value = value;
}

/** Offer everybody who stands in a list of people wherever one person is asked for. */
function nameEverybody() {
  const lists = [...form.querySelectorAll(PEOPLE)];
  const people = new Set(lists.flatMap(({ value }) => value.split("\n").map((name) => name.trim())).filter(Boolean));
  document.getElementById("people-named").replaceChildren(...[...people].map((name) => new Option(name, name)));
}

async function readCalendar(control) {
  const [file] = control.files;
  if (file) control.dataset.text = await file.text();
  else delete control.dataset.text;
}

async function whileBusy(pressed, work) {
  if (pressed.getAttribute("aria-disabled") === "true") return;
  pressed.setAttribute("aria-disabled", "true");
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused) refuse(error.problem);
    else status.textContent = `The service cannot be reached (${error.message}). Try again.`;
  } finally {
    pressed.removeAttribute("aria-disabled");
  }
}

/** Buy the answer, and then its picture: two purchases, and so it is told. */
async function submit() {
  forget(form);
  answer.replaceChildren();
  answer.hidden = true;
  steps.replaceChildren();
  status.textContent = "Asking …";
  const order = documentOf(form);
  sent = JSON.stringify(order);
  const response = await bought(seller, sent, JSON_TYPE, "the answer", step);
  const found = await response.json();
  const wanted = files.content.querySelector(`[data-type="${SVG_TYPE}"]`);
  const drawing = wanted && (await (await bought(seller, sent, SVG_TYPE, "its picture", step)).text());
  status.textContent = `Done. ${found.interpretation}`;
  answer.append(files.content.cloneNode(true), ...partsOfAnswer(found, order, drawing));
  answer.hidden = false;
  answer.focus();
}

answer.addEventListener("click", ({ target }) => {
  const { type, file } = target.dataset;
  if (!type) return;
  whileBusy(target, async () => {
    const response = await bought(seller, sent, type, `the answer as ${file}`, step);
    const link = element("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = file;
    link.click();
    URL.revokeObjectURL(link.href);
    status.textContent = `${file} is saved.`;
  });
});

/** Tell a problem: each fault at its field, and go to the first. */
function refuse(problem) {
  const faults = problem.errors ?? [];
  step(String(problem.status ?? 402), problem.title ?? problem.error);
  for (const { pointer, detail } of faults) {
    const field = fieldAt(form, pointer);
    const within = pointer.split("/").at(-1);
    const where = /^\d+$/.test(within) && ["lines", "places"].includes(field.dataset.kind) ? `${labelOf(field)}, line ${Number(within) + 1},` : labelOf(field);
    tell(field, /^[a-z]/.test(detail) ? `${where} ${detail}` : detail);
  }
  const many = `${faults.length} ${faults.length === 1 ? "field needs" : "fields need"} another look; nothing was paid.`;
  status.textContent = faults.length ? many : problem.detail ?? problem.error;
  form.querySelector("[aria-invalid]")?.focus();
}

function step(badge, text) {
  const item = element("li");
  item.append(element("b", badge, "badge"), " ", element("span", text));
  steps.append(item);
  paid.hidden = false;
}
