// What the JavaScript targets have in common: their settings and the official resource server.
//
// Arguments: --port, --facilitator-url, --network, --pay-to, --price, --path, --answer (a file with
// the bytes that a paid request gets).
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { HTTPFacilitatorClient, x402ResourceServer } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";

const names = ["port", "facilitator-url", "network", "pay-to", "price", "path", "answer"];
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
