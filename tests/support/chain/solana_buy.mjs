// Buys on Solana with the official TypeScript clients, over HTTP or over MCP.
//
//   node solana_buy.mjs http|mcp URL TOOL
//
// Reads {url, payer, order} from standard input: the node, the payer's key as 64 bytes, and what to
// ask for. Writes JSON: the answer and its receipt.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createKeyPairSignerFromBytes } from "@solana/kit";
import { x402Client } from "@x402/core/client";
import { decodePaymentResponseHeader, wrapFetchWithPayment } from "@x402/fetch";
import { ExactSvmScheme } from "@x402/svm/exact/client";
import { text } from "node:stream/consumers";

const [way, url, name] = process.argv.slice(2);
const asked = JSON.parse(await text(process.stdin));
const signer = await createKeyPairSignerFromBytes(new Uint8Array(asked.payer));
const wallet = new x402Client().register("solana:*", new ExactSvmScheme(signer, { rpcUrl: asked.url }));

async function overHttp() {
  const response = await wrapFetchWithPayment(fetch, wallet)(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(asked.order),
  });
  const receipt = response.headers.get("PAYMENT-RESPONSE");
  if (receipt === null) throw new Error(`${response.status}: ${await response.text()}`);
  return { answer: await response.json(), receipt: decodePaymentResponseHeader(receipt) };
}

async function overMcp() {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const call = { name, arguments: asked.order };
  const unpaid = await client.callTool(call);
  const payment = await wallet.createPaymentPayload(unpaid.structuredContent);
  const paid = await client.callTool({ ...call, _meta: { "x402/payment": payment } });
  await client.close();
  return { answer: paid.structuredContent, receipt: paid._meta["x402/payment-response"] };
}

console.log(JSON.stringify(await (way === "http" ? overHttp() : overMcp())));
