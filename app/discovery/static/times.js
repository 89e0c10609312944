// Local times and instants, by the clock of a time zone.

const MINUTE = 60_000;
export const DAY = 1440 * MINUTE;

/** The instant of a local time such as "2026-06-04T09:00", with the zone's offset. */
export function instantOf(local, zone) {
  const wall = Date.parse(`${local}Z`);
  if (Number.isNaN(wall)) return local; // the service says what it wanted
  const guess = wall - offsetAt(wall, zone);
  const offset = offsetAt(guess, zone);
  return `${local}:00${offset ? signed(offset) : "Z"}`;
}

/** The day after a day such as "2026-06-04". */
export function dayAfter(day) {
  return movedBy(day, DAY);
}

/** A local day or time, later by some milliseconds of a wall clock. */
export function movedBy(local, ms) {
  const wall = Date.parse(local.includes("T") ? `${local}Z` : local);
  return Number.isNaN(wall) ? local : new Date(wall + ms).toISOString().slice(0, local.length);
}

/** Next Monday at a time of day, as a local time, seen from a day. */
export function nextMonday(time, now = new Date()) {
  const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() + ((8 - now.getDay()) % 7 || 7));
  const pad = (number) => String(number).padStart(2, "0");
  return `${day.getFullYear()}-${pad(day.getMonth() + 1)}-${pad(day.getDate())}T${time}`;
}

/** An instant as people read it, such as "Mon 1 Jun 2026, 09:00". */
export function shown(instant, zone) {
  const parts = partsOf(new Date(instant), zone, { weekday: "short", month: "short" });
  return `${parts.weekday} ${Number(parts.day)} ${parts.month} ${parts.year}, ${parts.hour}:${parts.minute}`;
}

/** ``zone`` if this browser knows it, and else UTC. */
export function knownZone(zone) {
  try {
    Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return zone || "UTC";
  } catch {
    return "UTC";
  }
}

function offsetAt(ms, zone) {
  const { year, month, day, hour, minute } = partsOf(new Date(ms), zone, { month: "2-digit" });
  return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(ms / MINUTE) * MINUTE;
}

function partsOf(date, zone, more) {
  const wanted = { year: "numeric", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...more };
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: knownZone(zone), ...wanted }).formatToParts(date);
  return Object.fromEntries(parts.map(({ type, value }) => [type, value]));
}

function signed(offset) {
  const minutes = Math.abs(offset) / MINUTE;
  const pad = (number) => String(Math.floor(number)).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${pad(minutes / 60)}:${pad(minutes % 60)}`;
}
