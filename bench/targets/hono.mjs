// Hono behind the official @x402/hono, as its README has it. The handler sends recorded bytes.
// With Redis, hono-rate-limiter counts each client before anything else. /rotation is free and
// computes a rotation as a Hono application would.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { rateLimiter } from "hono-rate-limiter";
import { paymentMiddleware } from "@x402/hono";
import { answer, isNew, limits, path, port, routes, server } from "./sold.mjs";

const HOUR = 3_600_000;

function rotation({ start, people, shifts, shiftLengthHours }) {
  const first = Date.parse(start);
  const text = (shift) => new Date(first + shift * shiftLengthHours * HOUR).toISOString();
  const shiftCounts = Object.fromEntries(people.map((person) => [person, 0]));
  const rows = [];
  for (let shift = 0; shift < shifts; shift++) {
    const person = people[shift % people.length];
    shiftCounts[person]++;
    const end = text(shift + 1);
    rows.push({ shift: shift + 1, person, start: text(shift), end, nextHandoff: end });
  }
  const counts = Object.values(shiftCounts);
  return {
    rotation: rows,
    shiftCounts,
    shiftLengthHours,
    balanced: Math.max(...counts) - Math.min(...counts) <= 1,
    interpretation: `${shifts} shift(s) of ${shiftLengthHours}h across ${counts.length} people from ${text(0)}.`,
  };
}

const app = new Hono();
app.post("/rotation", async (c) => c.json(rotation(await c.req.json())));
const limited = limits("hono:");
const keyGenerator = (c) => c.req.header("X-Forwarded-For") ?? "";
if (limited) app.use(rateLimiter({ ...limited, keyGenerator }));
app.use(paymentMiddleware(routes, server));
app.post(path, async (c) => {
  if (!(await isNew(c.req.header("PAYMENT-SIGNATURE")))) return c.body(null, 409);
  return c.body(answer, 200, { "Content-Type": "application/json" });
});
serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
