// What the JavaScript targets have in common: their settings, the official resource server, and Redis.
//
// Arguments: --port, --facilitator-url, --network, --pay-to, --price, --path, --answer (a file with
// the bytes that a paid request gets); with --redis-url requests are counted and payments remembered.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { HTTPFacilitatorClient, x402ResourceServer } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { RedisStore } from "rate-limit-redis";
import { createClient } from "redis";

const names = ["port", "facilitator-url", "network", "pay-to", "price", "path", "answer", "redis-url"];
const { values } = parseArgs({
  options: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});

export const port = Number(values.port);
export const path = values.path;
export const answer = readFileSync(values.answer);

export const routes = {
  [`POST ${path}`]: {
    accepts: {
      scheme: "exact",
      price: values.price,
      network: values.network,
      payTo: values["pay-to"],
    },
    mimeType: "application/json",
  },
};

export const server = new x402ResourceServer(
  new HTTPFacilitatorClient({ url: values["facilitator-url"] }),
).register(values.network, new ExactEvmScheme());

const url = values["redis-url"];
const redis = url && (await createClient({ url }).connect());

// The options of either rate limiter; nothing without Redis.
export function limits(prefix) {
  const sendCommand = (...words) => redis.sendCommand(words);
  return redis && { windowMs: 60_000, limit: 999_999, store: new RedisStore({ prefix, sendCommand }) };
}

// Whether nobody has paid with this payment in the last quarter of an hour.
export async function isNew(payment) {
  if (!redis) return true;
  const key = `payment:${createHash("sha256").update(payment).digest("hex")}`;
  const kept = { condition: "NX", expiration: { type: "EX", value: 900 } };
  return (await redis.set(key, "1", kept)) !== null;
}
