// Prints the public holidays of calendars by date-holidays as JSON: node days.cjs FIRST LAST CODE …
const Holidays = require("date-holidays");

const [first, last, ...codes] = process.argv.slice(2);
const DAY = 86_400_000;
const found = {};
for (const code of codes) {
  const [country, ...part] = code.split("-");
  const known = new Holidays().getStates(country) ?? {};
  if (part.length && !(part.join("-") in known)) continue;
  const calendar = new Holidays(country, ...(part.length ? [part.join("-")] : []));
  const days = new Set();
  for (let year = Number(first); year <= Number(last); year++) {
    for (const holiday of calendar.getHolidays(year)) {
      if (holiday.type !== "public") continue;
      const start = Date.parse(`${holiday.date.slice(0, 10)}T00:00:00Z`);
      const count = Math.max(1, Math.round((holiday.end - holiday.start) / DAY));
      for (let n = 0; n < count; n++) {
        days.add(new Date(start + n * DAY).toISOString().slice(0, 10));
      }
    }
  }
  found[code] = [...days].sort();
}
console.log(JSON.stringify(found));
