// An answer as people read it: picture, shifts in local time, loads, reasons, and all of it as JSON.

import { code, element, region, table } from "./elements.js";
import { knownZone, shown } from "./times.js";

const MOST_ROWS = 200;
const NOBODY = "nobody";

/** The parts of an answer, in the order of reading. ``order`` is the document that was sent. */
export function partsOfAnswer(found, order, drawing) {
  const zone = knownZone(order.timezone ?? "UTC");
  const at = (instant) => (instant ? shown(instant, zone) : "–");
  const [, list] = LISTS.find(([name]) => name in found);
  return [
    ...(drawing ? [figure(drawing, found.interpretation)] : []),
    ...list(found, order, at, zone),
    all(found),
  ];
}

/** What lists an answer, by a field that only answers of its product have. */
const LISTS = [
  ["rotation", rotation],
  ["final_schedule", schedule],
  ["assignments", roster],
  ["violations", check],
  ["stretches", cover],
  ["lines", report],
  ["four_weeks", (found, order, at, zone) => schedule(found.four_weeks, order, at, zone)],
  ["at", instant],
];

function rotation(found, order, at, zone) {
  const roles = order.roles ?? [];
  const shifts = found.rotation.map((shift) => [
    String(shift.shift),
    ...(roles.length ? roles.map((role) => shift.roles[role] ?? NOBODY) : [shift.person ?? NOBODY]),
    at(shift.start),
    at(shift.end),
  ]);
  const names = ["Shift", ...(roles.length ? roles : ["On call"]), "From", "To"];
  return [
    long(`Shifts, by the clock of ${zone}`, names, shifts),
    loads(found),
    ...reasons(found.fairness?.explanations),
    ...gaps(found.gaps, at),
  ];
}

function schedule(found, order, at, zone) {
  const shifts = found.final_schedule.map((shift) => [shift.user_id, at(shift.start), at(shift.end), source(shift)]);
  return [
    long(`Shifts, by the clock of ${zone}`, ["On call", "From", "To", "By"], shifts),
    ...(found.tally ? [tallied(found.tally)] : []),
    ...gaps(found.gaps, at),
  ];
}

function tallied(tally) {
  const most = Math.max(...tally.map(({ hours }) => hours));
  const people = tally.map((person) => [
    person.user_id, person.shifts, bar(person.hours, most), person.night_hours, person.weekend_hours,
  ]);
  return table("Loads", ["Person", "Shifts", "Hours", "Nights", "Weekends"], people);
}

function roster(found, order, at, zone) {
  const slots = found.assignments.map(({ slot, kind, people, start, end }) => [
    String(slot), people.map(({ person }) => person).join(", ") || NOBODY, kind ?? "", at(start), at(end),
  ]);
  return [
    long(`Slots, by the clock of ${zone}`, ["Slot", "On call", "Kind", "From", "To"], slots),
    burdens(found.loads),
    ...reasons(found.explanations),
    ...places(found.gaps, at),
  ];
}

/** The places of a roster that nobody has, and why. */
function places(found, at) {
  const rows = found.map((gap) => [
    at(gap.start), at(gap.end), gap.skill ?? gap.kind ?? "", gap.why.map(({ text }) => text).join("; "),
  ]);
  return rows.length ? [long("Gaps: places that stay empty", ["From", "To", "Wanted", "Why"], rows)] : [];
}

function check(found, order, at, zone) {
  const rows = found.violations.map(({ text, start, end }) => [text, at(start), at(end)]);
  return [
    ...(rows.length ? [long(`Broken rules, by the clock of ${zone}`, ["What", "From", "To"], rows)] : []),
    burdens(found.loads),
    ...gaps(found.gaps, at),
  ];
}

function cover(found, order, at, zone) {
  const rows = found.stretches.map((one) => [
    String(one.stretch), one.person, one.cover ?? NOBODY, at(one.start), at(one.end),
  ]);
  const asked = found.stretches.map(({ stretch, candidates }) => {
    const list = candidates.map((one) => [one.person, one.able ? "yes" : "no", one.reason.replace(`${one.person}: `, "")]);
    return long(`Candidates for stretch ${stretch}`, ["Person", "Can", "Why"], list);
  });
  return [
    long(`Stretches, by the clock of ${zone}`, ["Stretch", "Of", "Cover", "From", "To"], rows),
    ...asked,
    burdens(found.loads),
  ];
}

function report(found) {
  const lines = found.lines.map((line) => [line.person, line.name ?? "not paid", line.hours, line.amount ?? ""]);
  const totals = Object.entries({ ...found.totals, "All together": found.total });
  return [
    long("Lines", ["Person", "Rate", "Hours", "Amount"], lines),
    table("Totals", ["Person", "Hours", "Amount"], totals.map(([name, sum]) => [name, sum.hours, sum.amount ?? ""])),
  ];
}

/** The loads of a roster, by person. */
function burdens(byPerson) {
  const most = Math.max(...Object.values(byPerson).map(({ hours }) => hours), 1);
  const rows = Object.entries(byPerson).map(([person, load]) => [
    person, load.slots, bar(load.hours, most), load.nights, load.weekends,
  ]);
  return table("Loads", ["Person", "Slots", "Hours", "Nights", "Weekends"], rows);
}

function instant(found, order, at, zone) {
  const rows = [["On call", found.user_id ?? NOBODY], ["By", source(found)], ["Since", at(found.since)], ["Until", at(found.until)]];
  if (found.next) rows.push(["Next", `${found.next.user_id}, from ${at(found.next.at)}`]);
  return [table(`At ${at(found.at)}, by the clock of ${zone}`, [], rows)];
}

function source({ source: kind, layer, override }) {
  if (!kind) return "–";
  return kind === "layer" ? layer : `${kind}${override?.reason ? `: ${override.reason}` : ""}`;
}

function loads({ shiftCounts, fairness }) {
  const hours = fairness?.hours ?? {};
  const most = Math.max(...Object.values(hours), 1);
  const people = Object.entries(shiftCounts);
  if (!fairness) return table("Loads", ["Person", "Shifts"], people);
  const rows = people.map(([person, count]) => [
    person, count, bar(hours[person] ?? 0, most), fairness.weekendHours[person] ?? 0, fairness.nightHours[person] ?? 0,
  ]);
  return table("Loads", ["Person", "Shifts", "Hours", "Weekends", "Nights"], rows);
}

/** Hours with a bar: as long as the most loaded person's at most. */
function bar(hours, most) {
  const shownHours = element("span", String(hours), "load");
  shownHours.style.setProperty("--part", String(most ? hours / most : 0));
  return shownHours;
}

function reasons(lines = []) {
  if (!lines.length) return [];
  const frame = element("div", "", "reasons");
  const list = element("ul");
  for (const line of lines.slice(0, MOST_ROWS)) list.append(element("li", line));
  frame.append(element("h3", "Why so"), list);
  return [frame];
}

function gaps(found = [], at) {
  if (!found.length) return [];
  const rows = found.map((gap) => [at(gap.start), at(gap.end), gap.role ?? ""]);
  return [long("Gaps: nobody is on call", ["From", "To", ""], rows)];
}

function long(caption, names, rows) {
  const more = rows.length > MOST_ROWS ? ` (${MOST_ROWS} of ${rows.length}; the rest is in the JSON)` : "";
  return table(caption + more, names, rows.slice(0, MOST_ROWS));
}

function figure(drawing, caption) {
  const frame = element("figure", "", "picture");
  const image = element("img");
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing)}`;
  image.alt = `Timeline. ${caption}`;
  const pan = region(element("div", "", "drawing"), "Timeline");
  pan.append(image);
  frame.append(pan);
  return frame;
}

function all(found) {
  const details = element("details");
  details.append(element("summary", "The whole answer as JSON"), code(JSON.stringify(found, null, 2), "The whole answer"));
  return details;
}
