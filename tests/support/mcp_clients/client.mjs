// Lists the tools of an MCP server and calls one: unpaid, with faults, and with a payment.
//
//   node client.mjs LIBRARY URL TOOL   # arguments on standard input; prints what was answered
//
// PRIVATE_KEY is the key that pays; without it, a throw-away one.
//
// LIBRARY is @modelcontextprotocol/sdk (version 1) or @modelcontextprotocol/client (version 2).

import { readFileSync } from "node:fs";
import { x402Client } from "@x402/core/client";
import { ExactEvmScheme } from "@x402/evm";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

const [library, url, name] = process.argv.slice(2);
const order = JSON.parse(readFileSync(0, "utf8"));

async function loaded() {
  if (library === "@modelcontextprotocol/client") return import(library);
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const http = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  return { Client, StreamableHTTPClientTransport: http.StreamableHTTPClientTransport };
}

const { Client, StreamableHTTPClientTransport } = await loaded();
const client = new Client({ name: "test", version: "1" });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const call = (args, meta) => client.callTool({ name, arguments: args, ...(meta && { _meta: meta }) });

const { tools } = await client.listTools();
const unpaid = await call(order);
const invalid = await call({ people: [] });
const wallet = new x402Client().register(
  "eip155:*",
  new ExactEvmScheme(privateKeyToAccount(process.env.PRIVATE_KEY ?? generatePrivateKey())),
);
const payment = await wallet.createPaymentPayload(unpaid.structuredContent);
const paid = await call(order, { "x402/payment": payment });
await client.close();
console.log(JSON.stringify({ tools, unpaid, invalid, paid }));
